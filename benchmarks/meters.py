"""What a call costs: processor time, or with callgrind around the process the instructions that it ran."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SWITCH = "BENCHMARKS_SWITCH"
"""The library of ``callgrind.c``; without it time is measured."""
COUNTS = "BENCHMARKS_COUNTS"
"""The folder that callgrind writes into: for process 17 ``17.1`` the first time."""


class Clock:
    """Measures the time of this process and of its database's, in nanoseconds."""

    def __init__(self) -> None:
        self._database: Path | None = None
        self._began = 0

    def find_database(self) -> None:
        """Find where Linux says what the database's process for our connection took; other systems say nothing."""
        from django.db import connection

        if connection.vendor == "postgresql" and sys.platform == "linux":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                self._database = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")

    def begin(self) -> None:
        """Begin to measure."""
        self._began = self._now()

    def end(self) -> int:
        """Return what was spent since."""
        return self._now() - self._began

    def _now(self) -> int:
        spent = time.process_time_ns()
        with suppress(OSError):
            if self._database is not None:
                spent += int(self._database.read_text().split()[0])
        return spent


class Callgrind(Clock):
    """Counts the instructions of this process, which runs under callgrind."""

    def __init__(self, switch: str, counts: str) -> None:
        super().__init__()
        self._switch, self._counts, self._number = ctypes.CDLL(switch), Path(counts), 0

    def begin(self) -> None:
        """Begin to count."""
        self._switch.begin()

    def end(self) -> int:
        """Return what was counted since."""
        self._switch.end()
        self._number += 1
        file = self._counts / f"{os.getpid()}.{self._number}"
        lines = file.read_text(errors="replace").splitlines()
        file.unlink()
        return next(int(line.split()[1]) for line in lines if line.startswith(("totals:", "summary:")))


def fitting() -> Clock:
    """Return the meter of this process."""
    return Callgrind(os.environ[SWITCH], os.environ[COUNTS]) if SWITCH in os.environ else Clock()


@contextmanager
def callgrind() -> Iterator[list[str]]:
    """Prepare to count, and return the command that a worker is started under. Raises ``FileNotFoundError``."""
    compiler = shutil.which("cc")
    if compiler is None or shutil.which("valgrind") is None:
        raise FileNotFoundError("to count instructions: apt-get install valgrind gcc libc6-dev")
    source = Path(__file__).with_name("callgrind.c")
    with tempfile.TemporaryDirectory(prefix="securelogin-callgrind-") as folder:
        switch = Path(folder, "switch.so")
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", switch, source], check=True)
        yield [
            *("env", "PYTHONHASHSEED=0", f"{SWITCH}={switch}", f"{COUNTS}={folder}"),
            *("valgrind", "-q", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder}/%p"),
        ]
