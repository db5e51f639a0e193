"""Sends the probes over real sockets and judges what comes back."""

from __future__ import annotations

import http.client
import io
import json
import socket
from contextlib import suppress
from dataclasses import dataclass, field

from tests.fuzz.hosting import Host, call
from tests.fuzz.people import People
from tests.fuzz.probes import LOGIN, TEXTS, Probe, probes, request

PATIENCE = 15.0


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 where nothing did."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def is_of_the_server(self) -> bool:
        """Whether gunicorn refused the request before the project saw it."""
        return self.headers.get("content-type") == "text/html" and self.status in {400, 414, 431, 501, 505}


def send(served: Host, raw: bytes) -> Answer:
    """Send bytes, say that no more will come, and read to the end."""
    received = b""
    with socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE) as connection:
        with suppress(OSError):  # it may have answered and closed before it was told all
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
        with suppress(OSError):
            while part := connection.recv(65_536):
                received += part
    return _read(received)


class _Received:
    """Bytes in the place of a socket."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def makefile(self, _mode: str) -> io.BytesIO:
        """Return them as a file."""
        return io.BytesIO(self.raw)


def _read(raw: bytes) -> Answer:
    if not raw:
        return Answer()
    response = http.client.HTTPResponse(_Received(raw))  # type: ignore[arg-type]  # all that it uses of a socket
    response.begin()
    headers = {name.lower(): text for name, text in response.getheaders()}
    return Answer(response.status, headers, response.read())


def judge(probe: Probe, answer: Answer) -> list[str]:
    """Return what is wrong with an answer."""
    found = []
    if answer.status not in probe.statuses:
        found.append(f"answered {answer.status}: {answer.body[:120]!r}")
    if answer.status and not answer.is_of_the_server:
        if answer.headers.get("cache-control") != "no-store":
            found.append("may be cached")
        if answer.headers.get("content-type") != "application/json":
            found.append(f"is {answer.headers.get('content-type')}")
        elif answer.status >= 400 and not _is_in_shape(answer):
            found.append(f"is in no shape of ours: {answer.body[:120]!r}")
    return [f"{probe.name} {what}" for what in found]


def _is_in_shape(answer: Answer) -> bool:
    body = json.loads(answer.body)
    return (
        {"error", "failure_reason", "http_code", "message"}
        <= set(body)
        <= {*("error", "failure_reason", "http_code", "message", "fields", "retry_after")}
    )


def run(served: Host) -> tuple[int, list[str]]:
    """Send every probe; return how many there were, and what was wrong."""
    found: list[str] = []
    count = 0
    for probe in probes():
        count += 1
        found += judge(probe, send(served, probe.request))
    found += _still_serves(served)
    return count, found


def _still_serves(served: Host) -> list[str]:
    """Log in with each hostile text as the user agent: it works, and what is kept of it can be shown."""
    people, found = People(served), []
    for name, text in TEXTS.items():
        raw = json.dumps({**people.ask(), "device": "phone"}).encode()
        answer = send(served, request("POST", "verify_sms", raw, b"User-Agent: " + text, b"X-Forwarded-For: " + text))
        if answer.is_of_the_server:  # it takes no control characters in a header
            continue
        if answer.status != 200:
            found.append(f"a login as {name} answered {answer.status}")
            continue
        _status, page = call(served, "GET", "sessions", token=json.loads(answer.body)["access_token"])
        if not json.dumps(page, ensure_ascii=False).isprintable():
            found.append(f"a session kept {name}")
    if send(served, request("POST", "login", LOGIN)).status != 200:
        found.append("a good login is refused")
    return found
