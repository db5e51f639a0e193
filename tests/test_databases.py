"""The servers that the tests run on are what they are said to be."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.db import connection, transaction

from example_project import environment
from tests import databases

SHOW_LEVEL = {"postgresql": "SHOW transaction_isolation", "mysql": "SELECT @@tx_isolation"}


def ask(statement: str) -> str:
    """Return the one value that a statement gives."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        (value,) = cursor.fetchone()
    return str(value)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor not in SHOW_LEVEL, reason="SQLite knows one level only")
def test_isolation() -> None:
    """Transactions are on the level that ``DATABASE_ISOLATION`` names, else in READ COMMITTED."""
    with transaction.atomic():
        level = ask(SHOW_LEVEL[connection.vendor])
    assert level.lower().replace("-", " ") == os.environ.get("DATABASE_ISOLATION", "read committed")


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="these are options of SQLite's")
def test_sqlite_lets_writers_wait() -> None:
    """The database is a file in WAL mode, and transactions begin by taking their turn."""
    assert ask("PRAGMA journal_mode") == "wal"
    assert connection.settings_dict["OPTIONS"] == environment.SQLITE_OPTIONS


def test_missing_server_is_named() -> None:
    """A server that is not installed is an error that says how to install it."""
    with pytest.raises(databases.ServerMissing, match="apt-get install mariadb-server"):
        databases.mariadb_program("no-such-program")


@pytest.mark.parametrize("arguments", [[], ["sqlite"], ["oracle", "--", "true"], ["--", "true"]])
def test_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A command line that names no database or no command is explained."""
    assert databases.main(arguments) == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("status", [0, 3])
def test_status(status: int) -> None:
    """The command's failure is the whole's."""
    command = ["sqlite", "--", "python", "-c", f"raise SystemExit({status})"]
    done = subprocess.run([sys.executable, "-m", "tests.databases", *command], capture_output=True, check=False)
    assert done.returncode == int(status != 0)
