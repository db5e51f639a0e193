"""The command: ``python -m tests.races --rounds 300``; ``--mutants`` and ``--stock`` show that no judge is blind."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path
from subprocess import CalledProcessError

from tests import databases

from . import grid, report, trials
from .grid import Cell
from .servers import leave_on_sigterm, logs_folder, manage
from .stock import races as stock

ATOMIC = {"off": [False], "on": [True], "both": [False, True]}
STOCK_CLIENTS = 50
TRIAL_ROUNDS = 25
"""Rounds that a mutant may get away with."""


def main(arguments: Sequence[str]) -> int:
    """Play what the command line says; 0 only where every law held, and where every mutant went red."""
    options = _parser().parse_args(arguments)
    leave_on_sigterm()
    with logs_folder(options.logs) as folder:
        try:
            return _choose(options)(options, folder)
        except databases.ServerMissing as error:
            print(error, file=sys.stderr)
            return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.races", description=sys.modules["tests.races"].__doc__)
    parser.add_argument("--rounds", type=int, default=50, help="of each scenario on each database, over all its cells")
    parser.add_argument("--clients", type=int, help="calls in a burst, instead of each scenario's own number")
    parser.add_argument(
        "--databases", type=databases.names, help="default: sqlite,postgres,mariadb; with --mutants postgres"
    )
    parser.add_argument("--isolation", choices=[grid.READ_COMMITTED, grid.REPEATABLE_READ], help="default: both")
    parser.add_argument("--atomic", choices=ATOMIC, default="both", help="ATOMIC_REQUESTS of the host")
    parser.add_argument(
        "--scenario", action="append", default=[], metavar="NAME", help="only this one; may be repeated"
    )
    parser.add_argument("--gateway", choices=["wsgi", "asgi"], default="wsgi", help="how the host is served")
    parser.add_argument("--jobs", type=int, default=1, help="cells that are played at the same time")
    parser.add_argument("--json", type=Path, help="write the outcomes into this file")
    parser.add_argument("--logs", type=Path, help="keep the servers' logs in this folder")
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--mutants", action="store_true", help="succeed only if every mutant is caught")
    modes.add_argument("--stock", action="store_true", help="succeed only if stock simplejwt goes red")
    modes.add_argument("--mixed", type=float, metavar="SECONDS", help="mix all calls on the same users, per database")
    return parser


def _choose(options: argparse.Namespace) -> Callable[[argparse.Namespace, Path], int]:
    if options.stock:
        return _play_stock
    return _try_mutants if options.mutants else _play


def _play(options: argparse.Namespace, folder: Path) -> int:
    """Play the scenarios, or mix, in every cell."""
    print(report.HEAD, flush=True)
    names = options.databases or databases.SERVERS
    with ExitStack() as stack, ThreadPoolExecutor(options.jobs) as pool:
        servers = {name: stack.enter_context(databases.SERVERS[name]()) for name in names}
        played = pool.map(partial(_play_cell, options, folder, servers), _cells(options, names))
        outcomes, failed = (list(chain.from_iterable(each)) for each in zip(*played, strict=True))
    print("\n".join(["", report.HEAD, *report.totals(outcomes), *failed]), flush=True)
    if options.json:
        report.write(options.json, outcomes)
    return 1 if failed or any(outcome.violations for outcome in outcomes) else 0


def _cells(options: argparse.Namespace, names: Iterable[str]) -> list[tuple[Cell, int]]:
    """Return each cell with the number of cells of its database; a database's are not one after the other."""
    each = [grid.cells(name, isolation=options.isolation, atomic=ATOMIC[options.atomic]) for name in names]
    return [(cell, len(cells)) for row in zip_longest(*each) for cell, cells in zip(row, each, strict=True) if cell]


def _play_cell(
    options: argparse.Namespace, folder: Path, servers: Mapping[str, str], given: tuple[Cell, int]
) -> tuple[list[report.Outcome], list[str]]:
    """Play in one cell; gives the outcomes, or what could not be played."""
    cell, cells = given
    try:
        _run(cell, servers[cell.database], folder, _command(options, cells), gateway=options.gateway)
    except CalledProcessError:
        return [], [f"{cell.name}: the cell could not be played"]
    return report.read(folder / cell.name / "outcomes.json"), []


def _command(options: argparse.Namespace, cells: int) -> list[str]:
    """Return the command of one cell, with its share of what the database is given."""
    if options.mixed:
        return ["mix", "--seconds", str(options.mixed / cells)]
    clients = ["--clients", str(options.clients)] if options.clients else []
    return ["play", *options.scenario, "--rounds", str(grid.share(options.rounds, cells)), *clients]


def _try_mutants(options: argparse.Namespace, folder: Path) -> int:
    tried: list[trials.Trial] = []
    print(trials.HEAD, flush=True)
    for name in options.databases or ["postgres"]:
        cell = Cell(name, options.isolation or grid.LEVELS[name][0])
        with databases.SERVERS[name]() as server:
            _run(cell, server, folder, ["try_mutants", *options.scenario, "--rounds", str(TRIAL_ROUNDS)])
        tried += trials.read(folder / cell.name / "trials.json")
    away = [trial for trial in tried if not trial.violation]
    print(f"{len(tried) - len(away)} of {len(tried)} trials caught their mutant", flush=True)
    return 1 if away or not tried else 0


def _run(cell: Cell, server: str, folder: Path, command: Sequence[str], *, gateway: str = "wsgi") -> None:
    """Run one of the cell commands; raises ``CalledProcessError``."""
    isolation = ["--isolation", cell.isolation] if cell.isolation else []
    atomic = ["--atomic"] if cell.is_atomic else []
    with grid.furnished(cell, server, folder, gateway=gateway) as env:
        manage(*command, "--database", cell.database, *isolation, *atomic, "--folder", str(folder / cell.name), env=env)


def _play_stock(options: argparse.Namespace, folder: Path) -> int:
    is_red = True
    for name in options.databases or databases.SERVERS:
        with databases.SERVERS[name]() as server, databases.empty_database(server) as database_url:
            clients = options.clients or STOCK_CLIENTS
            found = list(stock.play(database_url, folder, rounds=options.rounds, clients=clients))
        print(stock.line(name, found), flush=True)
        is_red = is_red and any(found)
    return 0 if is_red else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
