"""A weapon from outside: strace kills a worker at its k-th system call that writes, wherever in our code that is."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from tests.databases import ServerMissing
from tests.races.bursts import Address, Answer, Call, send

SYSTEM_CALLS = "sendto,sendmsg,write,fsync,fdatasync,pwrite64"
ATTACH_SECONDS = 20.0
STOP_SECONDS = 10.0


class NotTraced(Exception):
    """strace did not attach; the message holds what it said."""


def find_strace() -> str:
    """Return the path of strace; raises ``ServerMissing``."""
    found = shutil.which("strace")
    if not found:
        raise ServerMissing("strace is not installed; on Debian: apt-get install strace")
    return found


class Strace:
    """Strikes one call at the k-th system call of the thread that serves it.

    Every worker is attached to, because nobody knows which one takes the call; strace counts in each thread for
    itself, and threads without a call do not write.
    """

    def __init__(self, when: int, workers: Sequence[int]) -> None:
        self.when, self.workers = when, workers

    def __call__(self, address: Address, call: Call) -> Answer:
        """Attach, send, detach."""
        with self._attached():
            return send(address, [call])[0]

    @contextmanager
    def _attached(self) -> Iterator[None]:
        command = [
            *(find_strace(), "-f", "-o", "/dev/null", "-e", f"trace={SYSTEM_CALLS}"),
            *("-e", f"inject={SYSTEM_CALLS}:signal=SIGKILL:when={self.when}"),
            *(option for worker in self.workers for option in ("-p", str(worker))),
        ]
        with NamedTemporaryFile() as output:
            process = subprocess.Popen(command, stderr=output)
            try:
                self._wait(process, Path(output.name))
                yield
            finally:
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def _wait(self, process: subprocess.Popen[bytes], log: Path) -> None:
        """Wait until strace has every worker; raises ``NotTraced``."""
        deadline = time.monotonic() + ATTACH_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            if log.read_text().count(" attached") >= len(self.workers):
                return
            time.sleep(0.02)
        raise NotTraced(f"strace did not attach: {log.read_text()[-500:]}")
