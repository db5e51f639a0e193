"""The example project behind gunicorn, on an SQLite file of its own, called over HTTP with every header in view."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

from tests import serving

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    text: str

    @property
    def body(self) -> Any:
        """The JSON in it."""
        return json.loads(self.text)


class Stay(urllib.request.HTTPRedirectHandler):
    """Follow no redirect."""

    def redirect_request(self, *args: Any) -> None:
        """Stay where we are."""
        return None


@dataclass(frozen=True)
class Site:
    """A site that is up; ``texts`` is the file that texts are written to, where the settings do so."""

    address: str
    texts: Path

    def call(self, path: str, body: Any = None, *, token: str = "", **headers: str) -> Answer:
        """Post JSON, or get where there is no body; an underscore in the name of a header is a dash."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            named["Authorization"] = f"Bearer {token}"
        if body is not None:
            named["Content-Type"] = "application/json"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, named)
        try:
            with urllib.request.build_opener(Stay).open(request, timeout=serving.PATIENCE) as response:
                return Answer(response.status, response.headers, response.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read().decode())

    def last_text(self, count: int) -> str:
        """Wait until so many texts were written and return the last one's words."""
        deadline = time.monotonic() + serving.PATIENCE
        while len(lines := self.lines()) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        return str(json.loads(lines[count - 1])["body"])

    def lines(self) -> list[str]:
        """Return what was written, one text a line."""
        return self.texts.read_text().splitlines() if self.texts.exists() else []


@contextmanager
def serve(folder: Path, environ: Mapping[str, str]) -> Iterator[Site]:
    """Migrate a new database and serve it until the block ends."""
    everything = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
        "SECURELOGIN_SMS": "filebased",
        "SECURELOGIN_SMS_FILE": str(folder / "texts"),
        **environ,
    }
    subprocess.run(
        [sys.executable, "-m", "django", "migrate", "--verbosity", "0"], cwd=ROOT, env=everything, check=True
    )
    with serving.serve(sys.executable, ROOT, everything) as address:
        yield Site(address, folder / "texts")
