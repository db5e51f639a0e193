"""The command: ``python -m tests.crashes``; ``--mutants`` shows that the laws are not blind."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests import databases
from tests.races.servers import leave_on_sigterm, logs_folder

from . import cells, strace
from .cells import Options
from .mutants import MUTANTS, blind

MANY_KILLS = 20


def main(arguments: Sequence[str]) -> int:
    """Play what the command line says; 0 only where every law held, and with ``--mutants`` where each was caught."""
    options = _parser().parse_args(arguments)
    leave_on_sigterm()
    with logs_folder(options.logs) as folder:
        try:
            if options.long:
                strace.find_strace()
            if options.mutants:
                return _try_mutants(options.databases or ["sqlite"], folder)
            return _play(_cells(options), folder)
        except databases.ServerMissing as error:
            print(error, file=sys.stderr)
            return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.crashes", description=sys.modules["tests.crashes"].__doc__)
    parser.add_argument(
        "--databases", type=databases.names, help="default: sqlite,postgres,mariadb; with --mutants sqlite"
    )
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="what begins so; may be repeated")
    parser.add_argument("--logs", type=Path, help="keep the servers' logs in this folder")
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--long", action="store_true", help="many kills at each step, and one at each system call")
    modes.add_argument("--chaos", type=float, default=0.0, metavar="MINUTES", help="kill at random for so long")
    modes.add_argument("--mutants", action="store_true", help="succeed only if every mutant is caught")
    return parser


def _cells(options: argparse.Namespace) -> list[Options]:
    """Return a cell for each database, and one with a provider on the first of them, or with ``--long`` on all."""
    names = options.databases or list(databases.SERVERS)
    kinds = [(name, False) for name in names]
    if not options.chaos:
        kinds += [(name, True) for name in (names if options.long else names[:1])]
    return [
        Options(
            database=name,
            has_provider=has_provider,
            kills=MANY_KILLS if options.long else 1,
            chaos=60 * options.chaos,
            has_strace=options.long,
            only=tuple(options.only),
        )
        for name, has_provider in kinds
    ]


def _play(chosen: Sequence[Options], folder: Path) -> int:
    played, failed = cells.play(chosen, folder)
    outcomes = [outcome for each in played.values() for outcome in each]
    rounds, broken = sum(outcome.rounds for outcome in outcomes), sum(outcome.broken for outcome in outcomes)
    print("\n".join([f"{rounds} rounds, {broken} broken", *failed]), flush=True)
    return 1 if broken or failed or not rounds else 0


def _try_mutants(names: Sequence[str], folder: Path) -> int:
    chosen = {
        Options(database=name, mutant=mutant.name, only=tuple(mutant.caught)): mutant
        for name in names
        for mutant in MUTANTS
    }
    played, away = cells.play(list(chosen), folder)
    for options, outcomes in played.items():
        away += [f"{options.name}: {part} is blind" for part in blind(chosen[options].caught, outcomes)]
    print("\n".join([*away, f"{len(chosen)} mutants played, {len(away)} times one got away"]), flush=True)
    return 1 if away else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
