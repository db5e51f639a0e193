"""sqlmap against every parameter: ``python -m tests.fuzz.sqlmap``.

Before the API's turn it must find every hole of a view that has some, so that finding nothing means something.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from tests import databases
from tests.fuzz import targets
from tests.fuzz.hosting import Host, host
from tests.fuzz.people import People
from tests.fuzz.targets import Target
from tests.races.servers import leave_on_sigterm

AT_ONCE = 2
NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL", "mariadb": "MySQL"}
"""As sqlmap calls them."""

ALL, QUICK = "BEUSTQ", "BEU"
"""sqlmap's techniques; a view that is to be found injectable need not be kept waiting for it."""

FOUND = "sqlmap identified the following injection point"
TESTED = re.compile(r"parameter '(.+?)' does not seem to be injectable")


@dataclass(frozen=True)
class Verdict:
    """What sqlmap says of one target."""

    target: Target
    is_injectable: bool
    tested: int
    """Places that it went through to the end without a find."""
    seconds: float
    output: str


def main(arguments: Sequence[str]) -> int:
    """Attack what the command line says; 0 only where the holes were found, and in the API none."""
    options = _parser().parse_args(arguments)
    leave_on_sigterm()
    failed: list[str] = []
    for name in options.databases:
        with databases.SERVERS[name]() as server:
            failed += [f"{name}: {what}" for what in _blindness(name, server, options)]
            failed += [f"{name}: {what}" for what in _injections(name, server, options)]
    print("\n".join(["", *failed, f"sqlmap: {len(failed)} findings"]), flush=True)
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.sqlmap", description=__doc__)
    parser.add_argument("--databases", nargs="+", choices=databases.SERVERS, default=["sqlite", "postgres"])
    parser.add_argument("--level", default="3")
    parser.add_argument("--risk", default="2")
    parser.add_argument("--seconds", type=int, default=600, help="for one request; one that takes longer is red")
    return parser


def _blindness(name: str, server: str, options: argparse.Namespace) -> list[str]:
    """Return the holes that were not found."""
    with host(server, settings="tests.fuzz.injectable.settings", FUZZ_BUDGETS="wide") as served:
        verdicts = _attack(name, served, targets.of_the_injectable_view(), options, techniques=QUICK)
    found = sum(verdict.is_injectable for verdict in verdicts)
    print(f"{name:<9} {found} of {len(verdicts)} holes of the injectable view found", flush=True)
    return [f"blind to {verdict.target.name}" for verdict in verdicts if not verdict.is_injectable]


def _injections(name: str, server: str, options: argparse.Namespace) -> list[str]:
    """Return what is injectable in the API, and what was not looked at to the end."""
    failed = []
    with host(server, FUZZ_BUDGETS="wide") as served:
        for verdict in _attack(name, served, targets.of_the_api(People(served)), options):
            places = f"{verdict.tested} of {verdict.target.places} places"
            print(f"{name:<9} {verdict.target.name:<40} {places}, {verdict.seconds:.0f} s", flush=True)
            if verdict.is_injectable:
                failed.append(f"{verdict.target.name} is injectable:\n{verdict.output}")
            elif verdict.tested != verdict.target.places:
                failed.append(f"{verdict.target.name} was not tested to the end:\n{verdict.output}")
    return failed


def _attack(
    name: str, served: Host, chosen: Iterable[Target], options: argparse.Namespace, *, techniques: str = ALL
) -> list[Verdict]:
    def attack(target: Target) -> Verdict:
        return _sqlmap(name, served, target, options, techniques)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(attack, chosen))


def _sqlmap(name: str, served: Host, target: Target, options: argparse.Namespace, techniques: str) -> Verdict:
    with tempfile.TemporaryDirectory(prefix="securelogin-sqlmap-") as folder:
        request = Path(folder, "request")
        request.write_text(target.request.replace("{port}", str(served.port)), newline="")
        command = [
            *[sys.executable, str(Path(sys.executable).with_name("sqlmap")), "-r", str(request), "--batch"],
            *["--level", options.level, "--risk", options.risk, "--dbms", NAMES[name], "--technique", techniques],
            *["--time-limit", str(options.seconds), "--output-dir", folder, "--disable-coloring"],
            *["--ignore-code", "*", "--skip-waf", "--flush-session"],
        ]
        began = monotonic()
        process = subprocess.run(
            command, env={**os.environ, "HOME": folder}, cwd=folder, capture_output=True, text=True
        )
    output = process.stdout + process.stderr
    return Verdict(target, FOUND in output, len(set(TESTED.findall(output))), monotonic() - began, output)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
