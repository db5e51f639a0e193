"""The command: ``python -m tests.races --rounds 50``; ``--stock`` shows that the judges are not blind."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_urlsafe
from subprocess import CalledProcessError

from tests import databases

from . import report
from .servers import environment, leave_on_sigterm, manage
from .stock import races as stock

ATOMIC = {"off": (False,), "on": (True,), "both": (False, True)}


def main(arguments: Sequence[str]) -> int:
    """Play what the command line says; 0 only where every law held, or with ``--stock`` where some round was red."""
    options = _parser().parse_args(arguments)
    leave_on_sigterm()
    with _folder(options.logs) as folder:
        try:
            return _play_stock(options, folder) if options.stock else _play(options, folder)
        except databases.ServerMissing as error:
            print(error, file=sys.stderr)
            return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.races", description=sys.modules["tests.races"].__doc__)
    parser.add_argument("--rounds", type=int, default=50, help="of each scenario in each cell")
    parser.add_argument("--clients", type=int, default=50, help="calls in a burst")
    parser.add_argument("--databases", type=_names, default="sqlite,postgres,mariadb")
    parser.add_argument("--atomic", choices=ATOMIC, default="both", help="ATOMIC_REQUESTS of the host")
    parser.add_argument(
        "--scenario", action="append", default=[], metavar="NAME", help="only this one; may be repeated"
    )
    parser.add_argument("--json", type=Path, help="write the outcomes into this file")
    parser.add_argument("--logs", type=Path, help="keep the servers' logs in this folder")
    parser.add_argument("--stock", action="store_true", help="succeed only if stock simplejwt goes red")
    return parser


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(databases.SERVERS):
        raise argparse.ArgumentTypeError(f"no database {', '.join(sorted(unknown))}")
    return names


def _play(options: argparse.Namespace, folder: Path) -> int:
    outcomes: list[report.Outcome] = []
    failed: list[str] = []
    for name in options.databases:
        with databases.SERVERS[name]() as server:
            for is_atomic in ATOMIC[options.atomic]:
                try:
                    outcomes += _play_cell(options, name, server, is_atomic, folder)
                except CalledProcessError:
                    failed.append(f"{name}{' atomic' if is_atomic else ''}: the cell could not be played")
    print("\n".join([*report.totals(outcomes), *failed]), flush=True)
    if options.json:
        report.write(options.json, outcomes)
    return 1 if failed or any(outcome.violations for outcome in outcomes) else 0


def _play_cell(
    options: argparse.Namespace, name: str, server: str, is_atomic: bool, folder: Path
) -> list[report.Outcome]:
    cell = folder / f"{name}-{'atomic' if is_atomic else 'plain'}"
    cell.mkdir(parents=True, exist_ok=True)
    with databases.empty_database(server) as database_url, databases.valkey() as redis_url:
        env = environment(
            "tests.races.settings",
            DATABASE_URL=database_url,
            REDIS_URL=redis_url,
            DJANGO_SECRET_KEY=token_urlsafe(50),
            SECURELOGIN_SMS="filebased",
            SECURELOGIN_SMS_FILE=str(cell / "sms"),
            RACES_ATOMIC="on" if is_atomic else "off",
            RACES_EVENTS=str(cell / "events"),
        )
        manage("migrate", "--no-input", "--verbosity", "0", env=env)
        manage(
            *("play", *options.scenario),
            *("--database", name, "--rounds", str(options.rounds), "--clients", str(options.clients)),
            *("--folder", str(cell)),
            env=env,
        )
    return report.read(cell / "outcomes.json")


def _play_stock(options: argparse.Namespace, folder: Path) -> int:
    is_red = True
    for name in options.databases:
        with databases.SERVERS[name]() as server, databases.empty_database(server) as database_url:
            found = list(stock.play(database_url, folder, rounds=options.rounds, clients=options.clients))
        print(stock.line(name, found), flush=True)
        is_red = is_red and any(found)
    return 0 if is_red else 1


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="securelogin-races-") as folder:
        yield Path(folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
