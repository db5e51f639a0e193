"""A server as a host runs it, with four workers, on a port of 127.0.0.1 that the kernel chose.

gunicorn with four threads each for a WSGI application, uvicorn for an ASGI one.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from . import gunicorn_settings
from .bursts import Address, Call, send

WORKERS = gunicorn_settings.workers
THREADS = gunicorn_settings.threads
START_ATTEMPTS = 100
STOP_PATIENCE = 20.0
ROOT = Path(__file__).resolve().parents[2]


class NotServed(Exception):
    """The server did not come up; its log, named in the message, says why."""


def environment(settings: str, **variables: str) -> dict[str, str]:
    """Return the environment of a Django process of ours."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": settings, **variables}


def manage(*arguments: str, env: Mapping[str, str]) -> None:
    """Run a Django command in a process of its own; raises ``CalledProcessError`` where it fails."""
    command = [sys.executable, "-m", "django", *arguments]
    process = subprocess.Popen(command, env=env, cwd=ROOT)
    try:
        status = process.wait()
    except BaseException:
        _stop(process)  # politely: it may have a server of its own to stop
        raise
    if status:
        raise subprocess.CalledProcessError(status, command)


def leave_on_sigterm() -> None:
    """Turn SIGTERM into an exception in this process, so that every server is stopped on the way out."""
    signal.signal(signal.SIGTERM, _leave)


def _leave(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)


@contextmanager
def serve(application: str, *, env: Mapping[str, str], log: Path, path: str) -> Iterator[Address]:
    """Serve an application until the block ends; ``path`` is asked until every worker has answered.

    The name of its module says whether it is an ASGI application.

    Raises ``NotServed``.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener, log.open("ab") as output:
        address: Address = listener.getsockname()[:2]
        process = subprocess.Popen(
            [sys.executable, "-m", *_command(application, listener.fileno())],
            env=env,
            cwd=ROOT,
            stdout=output,
            stderr=output,
            pass_fds=[listener.fileno()],
        )
    try:
        _wait_for_workers(process, address, path, log)
        yield address
    finally:
        # At once: nothing is under way. uvicorn knows no quicker way than the polite one.
        _stop(process, signal.SIGTERM if application.endswith(".asgi") else signal.SIGQUIT)


def _command(application: str, descriptor: int) -> list[str]:
    if application.endswith(".asgi"):
        options = ["--workers", str(WORKERS), "--fd", str(descriptor), "--log-level", "warning"]
        return ["uvicorn", *options, f"{application}:application"]
    return ["gunicorn", "--config", str(Path(gunicorn_settings.__file__)), "--bind", f"fd://{descriptor}", application]


def _wait_for_workers(process: subprocess.Popen[bytes], address: Address, path: str, log: Path) -> None:
    seen: set[str] = set()
    for _ in range(START_ATTEMPTS):
        if process.poll() is not None:
            break
        calls = [Call("GET", path)] * (WORKERS * THREADS)
        seen |= {answer.worker for answer in send(address, calls, patience=STOP_PATIENCE) if answer.worker}
        if len(seen) == WORKERS:
            return
        time.sleep(0.1)
    raise NotServed(f"{len(seen)} of {WORKERS} workers answered; see {log}")


def _stop(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGTERM) -> None:
    process.send_signal(number)
    try:
        process.wait(STOP_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def logs_folder(kept: Path | None) -> Iterator[Path]:
    """Make the folder of the servers' logs: the one that is to be kept, else one that goes with the run."""
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="securelogin-logs-") as folder:
        yield Path(folder)
