"""One served example project for a fuzzer: an empty database, an outbox in a file, a log in a file."""

from __future__ import annotations

import http.client
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe

from tests import databases, serving
from tests.races.servers import ROOT, environment, manage

READY_ATTEMPTS = 150


@dataclass(frozen=True)
class Host:
    """Where a served project is, and the files that it writes."""

    url: str
    outbox: Path
    log: Path

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return int(self.url.rpartition(":")[2])


class NotServed(RuntimeError):
    """The server did not answer."""


@contextmanager
def host(database: str, *, settings: str = "tests.fuzz.settings", **variables: str) -> Iterator[Host]:
    """Serve the example project on an empty database of that server until the block ends. Raises ``NotServed``."""
    with tempfile.TemporaryDirectory(prefix="securelogin-fuzz-") as name, databases.empty_database(database) as url:
        outbox, log = Path(name, "sms"), Path(name, "log")
        env = environment(
            settings,
            DATABASE_URL=url,
            DJANGO_SECRET_KEY=token_urlsafe(50),
            SECURELOGIN_SMS="filebased",
            SECURELOGIN_SMS_FILE=str(outbox),
            FUZZ_LOG=str(log),
            # Without a limit of gunicorn's the app answers a long query, too.
            GUNICORN_CMD_ARGS="--log-level error --worker-class gthread --threads 4 --limit-request-line 0",
            **variables,
        )
        manage("migrate", "--no-input", "--verbosity", "0", env=env)
        with serving.serve(sys.executable, ROOT, env) as address:
            served = Host(address, outbox, log)
            _wait(served)
            yield served


def _wait(served: Host) -> None:
    for _ in range(READY_ATTEMPTS):
        try:
            call(served, "GET", "sessions")
            return
        except OSError:
            pass
        time.sleep(0.1)
    raise NotServed(f"no answer from {served.url}; see {served.log}")


def call(
    served: Host, method: str, route: str, body: Mapping[str, object] | None = None, *, token: str = ""
) -> tuple[int, dict[str, str]]:
    """Call a route of the API with JSON; return status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=serving.PATIENCE)
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    try:
        connection.request(method, f"/api/auth/{route}", None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"{}")
    finally:
        connection.close()
