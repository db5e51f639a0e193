"""The command: ``python -m tests.fuzz`` for CI, ``python -m tests.fuzz --long --seconds 600`` for a night."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from tests import databases
from tests.races.servers import leave_on_sigterm

from . import raw, specification
from .broken import BREAKS
from .hosting import host
from .logs import findings

SHORT_CASES, LONG_CASES = 8, 10_000
SHORT_SEED = 1
MANY = 2_000
"""Cases after which every operation was done at least once, also where the clock stopped them."""


def main(arguments: Sequence[str]) -> int:
    """Attack what the command line says; 0 only where nothing was found."""
    options = _parser().parse_args(arguments)
    leave_on_sigterm()
    failed = []
    try:
        for name in options.databases:
            with databases.SERVERS[name]() as server:
                attack = _broken(name, server) if options.broken else _attack(name, server, options)
                failed += [f"{name}: {what}" for what in attack]
    except databases.ServerMissing as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(["", *failed, f"fuzz: {len(failed)} findings"]), flush=True)
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=sys.modules["tests.fuzz"].__doc__)
    parser.add_argument("--databases", nargs="+", choices=databases.SERVERS, default=list(databases.SERVERS))
    parser.add_argument("--long", action="store_true", help=f"{LONG_CASES} cases a route and a seed of chance")
    parser.add_argument("--cases", type=int, help="of each route, in each phase")
    parser.add_argument("--seconds", type=int, help="when to stop, on each database; counted and never red")
    parser.add_argument("--seed", type=int, help="to play a run again")
    parser.add_argument("--broken", action="store_true", help="succeed only if each of some broken hosts goes red")
    return parser


def _attack(name: str, server: str, options: argparse.Namespace) -> Iterator[str]:
    """Attack a host without limits with all there is, and one with the default limits in short."""
    cases = options.cases or (LONG_CASES if options.long else SHORT_CASES)
    seed = options.seed if options.seed is not None else None if options.long else SHORT_SEED
    with host(server, FUZZ_BUDGETS="wide") as served, _folder() as folder:
        began = monotonic()
        count, found = raw.run(served)
        print(f"{name:<9} raw     {count:>6} requests, {monotonic() - began:.0f} s", flush=True)
        outcome = specification.run(served, folder, cases=cases, seconds=options.seconds, seed=seed)
        print(f"{name:<9} wide    {outcome}", flush=True)
        yield from [
            *found,
            *outcome.failures(must_reach=outcome.is_complete or outcome.cases > MANY),
            *findings(served.log),
        ]
    with host(server, FUZZ_BUDGETS="default") as served, _folder() as folder:
        outcome = specification.run(served, folder, cases=SHORT_CASES, seconds=None, seed=seed, phases="fuzzing")
        print(f"{name:<9} default {outcome}", flush=True)
        yield from [*outcome.failures(must_reach=False), *findings(served.log)]


def _broken(name: str, server: str) -> Iterator[str]:
    """Attack hosts that break the contract; yield what was not found."""
    for kind in BREAKS:
        with host(server, FUZZ_BUDGETS="wide", FUZZ_BREAK=kind) as served, _folder() as folder:
            outcome = specification.run(
                served, folder, cases=SHORT_CASES, seconds=None, seed=SHORT_SEED, phases="coverage,fuzzing"
            )
        print(f"{name:<9} broken {kind:<6} {'found' if outcome.is_red else 'not found'}; {outcome}", flush=True)
        if not outcome.is_red:
            yield f"a host broken by {kind} is taken for whole"


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="securelogin-fuzz-") as folder:
        yield Path(folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
