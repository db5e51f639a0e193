"""What a call costs: processor time, or with callgrind around the process the instructions that it ran."""

from __future__ import annotations

import ctypes
import gc
import os
import shutil
import statistics
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
    """Measures the time of this process and of its database's."""

    def __init__(self) -> None:
        self._database: Path | None = None
        self._began = 0
        self._spent: list[int] = []

    def start(self) -> None:
        """Find where Linux says what the database's process for our connection took; other systems say nothing."""
        from django.db import connection

        if connection.vendor == "postgresql" and sys.platform == "linux":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                self._database = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")

    def next(self) -> None:
        """Begin the next operation."""
        self._spent.append(0)

    def begin(self) -> None:
        """Begin to measure a call of it."""
        self._began = self._now()

    def end(self) -> None:
        """Have measured it."""
        self._spent[-1] += self._now() - self._began

    def cost(self) -> float:
        """Return what an operation took since the last time: the median, in microseconds."""
        spent, self._spent = self._spent, []
        return statistics.median(spent) / 1000

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
        self._switch, self._counts, self._dumps, self._operations = ctypes.CDLL(switch), Path(counts), 0, 0

    def start(self) -> None:
        """Have callgrind look, which makes all slow from here on, and collect no garbage: whose would it be."""
        gc.collect()
        gc.disable()
        self._switch.start()

    def next(self) -> None:
        """Begin the next operation."""
        self._operations += 1

    def begin(self) -> None:
        """Begin to count a call of it."""
        self._switch.toggle()

    def end(self) -> None:
        """Have counted it."""
        self._switch.toggle()

    def cost(self) -> float:
        """Return what an operation took since the last time: the mean, in thousands of instructions."""
        self._switch.dump()
        self._dumps += 1
        file = self._counts / f"{os.getpid()}.{self._dumps}"
        lines = file.read_text(errors="replace").splitlines()
        counted = next(int(line.split()[1]) for line in lines if line.startswith(("totals:", "summary:")))
        operations, self._operations = self._operations, 0
        return counted / operations / 1000


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
            *("valgrind", "-q", "--tool=callgrind", "--instr-atstart=no", "--collect-atstart=no"),
            f"--callgrind-out-file={folder}/%p",
        ]
