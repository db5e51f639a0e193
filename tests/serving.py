"""gunicorn, on a port of 127.0.0.1 that the kernel chose, and a way to post to it."""

from __future__ import annotations

import json
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests import visits

PATIENCE = 30
"""Seconds for a call, the first of which waits for the server to come up, and for the server to go."""


@contextmanager
def serve(python: Path | str, folder: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """Serve ``example_project.wsgi`` as it lies in a folder until the block ends; yields the server's address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = subprocess.Popen(
            [python, "-m", "gunicorn", "--workers", "2", "--bind", f"fd://{listener.fileno()}", "example_project.wsgi"],
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
