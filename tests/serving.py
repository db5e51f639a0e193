"""gunicorn, on a port of 127.0.0.1 that the kernel chose, and a way to post to it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests import visits

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 30
"""Seconds for a call, the first of which waits for the server to come up, and for the server to go."""


@contextmanager
def serve(
    python: Path | str, folder: Path, environ: Mapping[str, str], *, workers: int = 2, options: Sequence[str] = ()
) -> Iterator[str]:
    """Serve ``example_project.wsgi`` as it lies in a folder until the block ends; yields the server's address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        bind = f"fd://{listener.fileno()}"
        process = subprocess.Popen(
            [python, "-m", "gunicorn", "--workers", str(workers), *options, "--bind", bind, "example_project.wsgi"],
            cwd=folder,
            env=environ,
            pass_fds=[listener.fileno()],
        )
        host, port = listener.getsockname()
    try:
        yield f"http://{host}:{port}"
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def migrated(database_url: str, outbox: Path, *, workers: int = 2) -> Iterator[str]:
    """Migrate a database and serve the example project on it, texts into a file; yields the server's address."""
    environ = {
        "PATH": os.environ["PATH"],
        "DJANGO_SECRET_KEY": "a key for tests, long enough for every check and known to everyone",
        "DATABASE_URL": database_url,
        "SECURELOGIN_SMS": "filebased",
        "SECURELOGIN_SMS_FILE": str(outbox),
    }
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=environ, check=True)
    with serve(sys.executable, ROOT, environ, workers=workers) as address:
        yield address


def post(address: str, route: str, body: Mapping[str, str], headers: Mapping[str, str]) -> visits.Answer:
    """Post JSON to a route of the API over HTTP."""
    request = urllib.request.Request(
        f"{address}/api/auth/{route}", json.dumps(body).encode(), {"Content-Type": "application/json", **headers}
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
