"""The command: ``python -m tests.crashes --short``; ``--split`` shows that the laws are not blind."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests import databases
from tests.races import report
from tests.races.servers import leave_on_sigterm

from . import cell, strace

MANY_KILLS = 20
STOP_SECONDS = 60


def main(arguments: Sequence[str]) -> int:
    """Play what the command line says; 0 only where every law held, or with ``--split`` where one was seen broken."""
    options = _parser().parse_args(arguments)
    leave_on_sigterm()
    with _folder(options.logs) as folder:
        try:
            if not (options.short or options.chaos or options.split):
                strace.find_strace()
            outcomes, failed = _play(options, folder)
        except databases.ServerMissing as error:
            print(error, file=sys.stderr)
            return 1
    broken = sum(outcome.broken for outcome in outcomes)
    rounds = sum(outcome.rounds for outcome in outcomes)
    print("\n".join([f"{rounds} rounds, {broken} broken", *failed]), flush=True)
    if options.split:
        return 0 if broken and not failed else 1
    return 1 if broken or failed or not rounds else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.crashes", description=sys.modules["tests.crashes"].__doc__)
    parser.add_argument("--databases", default="sqlite,postgres,mariadb")
    parser.add_argument("--short", action="store_true", help="one kill at each step, no system calls")
    parser.add_argument("--kills", type=int, default=MANY_KILLS, help="at each step")
    parser.add_argument("--chaos", type=float, default=0.0, metavar="SECONDS", help="kill at random for so long")
    parser.add_argument("--split", action="store_true", help="succeed only if a login in two halves is found")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="what begins so; may be repeated")
    parser.add_argument("--logs", type=Path, help="keep the servers' logs in this folder")
    return parser


def _play(options: argparse.Namespace, folder: Path) -> tuple[list[report.Outcome], list[str]]:
    outcomes: list[report.Outcome] = []
    failed: list[str] = []
    for number, name in enumerate(options.databases.split(",")):
        chosen = cell.Options(
            database=name,
            folder=folder / name,
            kills=1 if options.short or options.split else options.kills,
            chaos=options.chaos,
            has_strace=not (options.short or options.split),
            has_providers=not options.split and (number == 0 or not options.short),
            is_split=options.split,
            only=tuple(options.only or (["guess:"] if options.split else [])),
        )
        chosen.folder.mkdir(parents=True, exist_ok=True)
        if _play_cell(chosen):
            outcomes += report.read(chosen.folder / "outcomes.json")
        else:
            failed.append(f"{name}: the cell could not be played")
    return outcomes, failed


def _play_cell(options: cell.Options) -> bool:
    process = multiprocessing.get_context("spawn").Process(target=cell.run, args=(options,))
    process.start()
    try:
        process.join()
    finally:
        if process.is_alive():
            process.terminate()  # politely: it has servers of its own to stop
            process.join(STOP_SECONDS)
    return process.exitcode == 0


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="securelogin-crashes-") as folder:
        yield Path(folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
