"""Runs a fuzzer that is led by coverage (atheris, libFuzzer) for some seconds, from good inputs on."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import atheris


def run(name: str, test: Callable[[bytes], None], seeds: Iterable[bytes], arguments: list[str]) -> None:
    """Fuzz until the time is over, then leave the process: 0 where the law held, else the input that broke it."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.fuzz.{name}")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--max-bytes", type=int, default=1024, help="of one input")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="securelogin-corpus-") as folder:
        for number, seed in enumerate(seeds):
            Path(folder, str(number)).write_bytes(seed)
        # libFuzzer ends its process without a word to Python, so that the parent of it clears up.
        child = os.fork()
        if child == 0:
            flags = [f"-max_total_time={options.seconds}", f"-max_len={options.max_bytes}", "-print_final_stats=1"]
            atheris.Setup([name, *flags, f"-artifact_prefix={tempfile.gettempdir()}/securelogin-{name}-", folder], test)
            atheris.Fuzz()
            os._exit(0)
        _, status = os.waitpid(child, 0)
    raise SystemExit(os.waitstatus_to_exitcode(status))
