"""The database of our tables: that there is one, how it is set up, and what server it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.db import connections, models, router

from ..models import Counter, OneTimeCode, Session

SERVERS = {"sqlite": ("SQLite", (3, 35)), "postgresql": ("PostgreSQL", (14,)), "mysql": ("MariaDB", (10, 6))}
"""Django's vendor to the server and its first version that has what we ask for (``RETURNING`` among it)."""

SQLITE_TIMEOUT = 20
"""Seconds that a writer waits for its turn."""


def check_routing() -> Iterator[CheckMessage]:
    """Report tables that are not in one database: a transaction holds in one only."""
    aliases = {model._meta.label: router.db_for_write(model) for model in _models()}
    if len(set(aliases.values())) > 1:
        places = ", ".join(f"{label} in {alias!r}" for label, alias in aliases.items())
        yield Error(
            f"Our tables are written in more than one database: {places}.",
            hint="Have DATABASE_ROUTERS send securelogin, token_blacklist and the user model to the same one.",
            id="securelogin.E081",
        )


def _models() -> Iterator[type[models.Model]]:
    yield from (get_user_model(), OneTimeCode, Counter, Session)
    if apps.is_installed("rest_framework_simplejwt.token_blacklist"):  # else E040
        yield apps.get_model("token_blacklist", "OutstandingToken")
        yield apps.get_model("token_blacklist", "BlacklistedToken")


def check_connection() -> Iterator[CheckMessage]:
    """Report options of the database's entry in ``DATABASES``. Does not connect."""
    alias = router.db_for_write(Session)
    connection = connections[alias]
    if not connection.settings_dict.get("AUTOCOMMIT", True):
        yield Error(
            f"DATABASES[{alias!r}]['AUTOCOMMIT'] is off: a failed guess is rolled back and not counted.",
            hint="Take it out.",
            id="securelogin.E080",
        )
    if connection.vendor == "sqlite":
        yield from check_sqlite(alias, connection.settings_dict.get("OPTIONS") or {})


def check_sqlite(alias: str, options: dict[str, Any]) -> Iterator[CheckMessage]:
    """Report ``OPTIONS`` under which SQLite refuses a writer instead of letting it wait."""
    if str(options.get("transaction_mode")).upper() not in {"IMMEDIATE", "EXCLUSIVE"}:
        yield CheckWarning(
            f"DATABASES[{alias!r}]['OPTIONS']['transaction_mode'] is not IMMEDIATE: of two calls at once one fails.",
            hint='Add "transaction_mode": "IMMEDIATE".',
            id="securelogin.W083",
        )
    timeout = options.get("timeout")
    if not (isinstance(timeout, (int, float)) and timeout >= SQLITE_TIMEOUT):
        yield CheckWarning(
            f"DATABASES[{alias!r}]['OPTIONS']['timeout'] is below {SQLITE_TIMEOUT} seconds: under load calls fail.",
            hint=f'Add "timeout": {SQLITE_TIMEOUT}.',
            id="securelogin.W084",
        )


def check_servers(aliases: Collection[str]) -> Iterator[CheckMessage]:
    """Report a server that is too old or not one of ours, where our database is among ``aliases``. Connects to it."""
    alias = router.db_for_write(Session)
    if alias in aliases:
        connection: Any = connections[alias]
        is_mysql = connection.vendor == "mysql" and not connection.mysql_is_mariadb
        vendor = "MySQL" if is_mysql else connection.vendor
        yield from check_version(vendor, connection.get_database_version())


def check_version(vendor: str, version: tuple[int, ...]) -> Iterator[CheckMessage]:
    """Report a server by its name and version, as Django tells them; MySQL is told apart from MariaDB."""
    name, oldest = SERVERS.get(vendor, (vendor, None))
    if oldest is None or version < oldest:
        yield Error(
            f"The database is {name} {'.'.join(map(str, version))}, which lacks what our statements ask for.",
            hint="Use "
            + ", ".join(f"{known} {'.'.join(map(str, first))}" for known, first in SERVERS.values())
            + " or newer.",
            id="securelogin.E082",
        )
