"""The command: ``python -m tests.timing``; the package says what it does."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

from tests import databases
from tests.races.servers import environment, leave_on_sigterm, manage

from .modes import MODES
from .verdicts import Status, worst

LONG, SHORT = 2000, 300
"""Calls of an arm. 2000 find a tenth of a millisecond, 300 half of one."""

WORDS = {
    Status.ALIKE: "alike: no answer's time tells what a number is",
    Status.DIFFERENT: "DIFFERENT: an answer's time tells what a number is",
    Status.UNUSABLE: "machine too noisy: nothing was found, and nothing can be said; run it again where it is quiet",
}


def main(arguments: Sequence[str]) -> int:
    """Measure what the command line says; returns the exit status."""
    options = _parser().parse_args(arguments)
    leave_on_sigterm()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="securelogin-timing-") as folder:
        for name in options.databases:
            with databases.SERVERS[name]() as server:
                for signup in MODES:
                    print(f"=== {name}, SIGNUP={signup}", flush=True)
                    found[f"{name} {signup}"] = _measure(options, server, signup, Path(folder))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    for key, verdict in found.items():
        print(f"{key}: {verdict['status']} {', '.join(verdict['different'])}".rstrip(), flush=True)
    status = worst(Status[verdict["status"]] for verdict in found.values())
    print(WORDS[status], flush=True)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.timing", description=sys.modules["tests.timing"].__doc__)
    parser.add_argument("--calls", type=int, default=LONG, help="of each arm")
    parser.add_argument("--short", dest="calls", action="store_const", const=SHORT, help=f"the same as --calls {SHORT}")
    parser.add_argument("--databases", type=databases.names, default="sqlite,postgres")
    parser.add_argument("--pair", action="append", default=[], metavar="NAME", help="only this one; may be repeated")
    parser.add_argument("--json", type=Path, help="write the figures into this file")
    return parser


def _measure(options: argparse.Namespace, server: str, signup: str, folder: Path) -> Any:
    verdict = folder / "verdict.json"
    with databases.empty_database(server) as url:
        env = environment(
            "tests.timing.settings", DATABASE_URL=url, DJANGO_SECRET_KEY=token_urlsafe(50), TIMING_SIGNUP=signup
        )
        manage("migrate", "--no-input", "--skip-checks", "--verbosity", "0", env=env)
        manage("measure", *options.pair, "--calls", str(options.calls), "--verdict", str(verdict), env=env)
    return json.loads(verdict.read_text())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
