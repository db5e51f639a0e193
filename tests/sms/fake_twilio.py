"""A server on loopback that answers as Twilio's documentation says.

https://www.twilio.com/docs/messaging/api/message-resource and https://www.twilio.com/docs/verify/api
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

ACCOUNT_SID = "AC" + "0a" * 16
AUTH_TOKEN = "1b" * 16
SERVICE_SID = "VA" + "2c" * 16
MESSAGING_SERVICE_SID = "MG" + "3d" * 16
FROM_NUMBER = "+15005550006"
CODE = "482913"
MAX_CHECKS = 5
MAX_SENDS = 5
DATE = "Wed, 18 Aug 2027 20:01:14 +0000"
ISO_DATE = "2027-08-18T20:01:14Z"


@dataclass(frozen=True)
class Answer:
    """What the server says: a JSON value or a text, after ``delay`` seconds, ``drip`` seconds between bytes.

    One that ``is_cut`` says nothing: the connection is closed in its place.
    """

    status: int
    body: object
    content_type: str = "application/json"
    delay: float = 0.0
    drip: float = 0.0
    is_cut: bool = False

    def encode(self) -> bytes:
        """Return the body's bytes."""
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


@dataclass(frozen=True)
class Received:
    """One request as it came in."""

    method: str
    path: str
    query: str
    form: dict[str, str]
    headers: dict[str, str]
    connection: tuple[str, int]


@dataclass
class Verification:
    """A verification that is waiting for its code."""

    sid: str
    to: str
    sends: int = 1
    checks: int = 0


def error(status: int, code: int, message: str) -> Answer:
    """Return an error as Twilio words it: its sentences quote what was sent."""
    more = f"https://www.twilio.com/docs/errors/{code}"
    return Answer(status, {"code": code, "message": message, "more_info": more, "status": status})


@dataclass
class FakeTwilio:
    """The state of the server. ``planned`` answers come first, one a request."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    planned: list[Answer] = field(default_factory=list)
    verifications: dict[str, Verification] = field(default_factory=dict)
    user: str = ACCOUNT_SID
    password: str = AUTH_TOKEN
    _lock: Lock = field(default_factory=Lock)
    _made: int = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def options(self) -> dict[str, Any]:
        """Return the OPTIONS that reach it."""
        return {"account_sid": ACCOUNT_SID, "auth_token": AUTH_TOKEN, "api_base": self.url, "timeout": 5}

    def plan(self, *answers: Answer) -> None:
        """Say what the next requests are answered."""
        self.planned.extend(answers)

    def answer(self, received: Received) -> Answer:
        """Answer a request."""
        with self._lock:
            self.received.append(received)
            if self.planned:
                return self.planned.pop(0)
            return self._refusal(received) or self._serve(received)

    def _refusal(self, received: Received) -> Answer | None:
        expected = "Basic " + b64encode(f"{self.user}:{self.password}".encode()).decode()
        if received.headers.get("authorization") != expected:
            return error(401, 20003, "Authenticate")
        if received.headers.get("content-type") != "application/x-www-form-urlencoded":
            return error(415, 20422, "Unsupported media type")
        return None

    def _serve(self, received: Received) -> Answer:
        service = f"/v2/Services/{SERVICE_SID}"
        routes = {
            f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json": self._message,
            f"{service}/Verifications": self._start,
            f"{service}/VerificationCheck": self._check,
        }
        if received.method != "POST" or received.path not in routes:
            return _not_found(received.path)
        return routes[received.path](received.form)

    def _message(self, form: dict[str, str]) -> Answer:
        if not form.get("To"):
            return error(400, 21604, "A 'To' phone number is required.")
        if not form.get("Body"):
            return error(400, 21602, "Message body is required.")
        if not (form.get("From") or form.get("MessagingServiceSid")):
            return error(400, 21603, "A 'From' phone number is required.")
        sid = self._sid("SM")
        return Answer(
            201,
            {
                "account_sid": ACCOUNT_SID,
                "api_version": "2010-04-01",
                "body": form["Body"],
                "date_created": DATE,
                "date_sent": None,
                "date_updated": DATE,
                "direction": "outbound-api",
                "error_code": None,
                "error_message": None,
                "from": form.get("From"),
                "messaging_service_sid": form.get("MessagingServiceSid"),
                "num_media": "0",
                "num_segments": "1",
                "price": None,
                "price_unit": None,
                "sid": sid,
                "status": "queued" if form.get("From") else "accepted",
                "subresource_uris": {},
                "to": form["To"],
                "uri": f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{sid}.json",
            },
        )

    def _start(self, form: dict[str, str]) -> Answer:
        if not form.get("To", "").startswith("+") or form.get("Channel") != "sms":
            return error(400, 60200, f"Invalid parameter: To: {form.get('To')}")
        verification = next((item for item in self.verifications.values() if item.to == form["To"]), None)
        if verification is None:
            verification = Verification(self._sid("VE"), form["To"])
            self.verifications[verification.sid] = verification
        elif verification.sends == MAX_SENDS:
            return error(429, 60203, "Max send attempts reached")
        else:
            verification.sends += 1
        attempts = [{"attempt_sid": self._sid("VL"), "channel": "SMS", "time": ISO_DATE}]
        extra: dict[str, object] = {
            "send_code_attempts": attempts,
            "lookup": {},
            "sna": None,
            "url": "https://verify.twilio.com/v2",
        }
        return Answer(201, {**_verification(verification, "pending"), **extra})

    def _check(self, form: dict[str, str]) -> Answer:
        verification = self.verifications.get(form.get("VerificationSid", ""))
        if verification is None:
            return _not_found(f"/Services/{SERVICE_SID}/VerificationCheck")
        if not 4 <= len(form.get("Code", "")) <= 10:
            return error(400, 60200, f"Invalid parameter: Code: {form.get('Code')}")
        if verification.checks == MAX_CHECKS:
            return error(429, 60202, "Max check attempts reached")
        verification.checks += 1
        if form["Code"] != CODE:
            return Answer(201, _verification(verification, "pending"))
        del self.verifications[verification.sid]
        return Answer(201, _verification(verification, "approved"))

    def _sid(self, prefix: str) -> str:
        self._made += 1
        return f"{prefix}{self._made:032x}"


def _verification(verification: Verification, status: str) -> dict[str, object]:
    return {
        "sid": verification.sid,
        "service_sid": SERVICE_SID,
        "account_sid": ACCOUNT_SID,
        "to": verification.to,
        "channel": "sms",
        "status": status,
        "valid": status == "approved",
        "amount": None,
        "payee": None,
        "date_created": ISO_DATE,
        "date_updated": ISO_DATE,
    }


def _not_found(path: str) -> Answer:
    return error(404, 20404, f"The requested resource {path} was not found")


@contextmanager
def serve() -> Iterator[FakeTwilio]:
    """Serve on a port of 127.0.0.1 that the kernel chose, until the block ends."""
    twilio = FakeTwilio()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            form = parse_qs(self.rfile.read(length).decode(), keep_blank_values=True)
            address = urlsplit(self.path)
            received = Received(
                method=self.command,
                path=address.path,
                query=address.query,
                form={key: values[0] for key, values in form.items()},
                headers={key.lower(): value for key, value in self.headers.items()},
                connection=self.client_address,
            )
            self._write(twilio.answer(received))

        do_GET = do_POST = do_DELETE = _handle

        def _write(self, answer: Answer) -> None:
            body = answer.encode()
            time.sleep(answer.delay)
            self.close_connection = answer.is_cut
            if answer.is_cut:
                return
            try:
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.content_type)
                self.send_header("Content-Length", str(len(body)))
                if 300 <= answer.status < 400:
                    self.send_header("Location", f"{twilio.url}/elsewhere")
                self.end_headers()
                for piece in [body[index : index + 1] for index in range(len(body))] if answer.drip else [body]:
                    time.sleep(answer.drip)
                    self.wfile.write(piece)
            except ConnectionError:
                self.close_connection = True  # the client gave up, as it is asked to

        def log_message(self, *_: object) -> None:
            """Keep standard error clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    twilio.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield twilio
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
