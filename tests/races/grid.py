"""The cells that are played: each database on each of its isolation levels, without and with ``ATOMIC_REQUESTS``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe

from tests import databases

from .servers import environment

READ_COMMITTED = "read committed"
REPEATABLE_READ = "repeatable read"
LEVELS: Mapping[str, Sequence[str | None]] = {
    "sqlite": [None],
    "postgres": [READ_COMMITTED, REPEATABLE_READ],
    "mariadb": [READ_COMMITTED, REPEATABLE_READ],
}
"""SQLite has one level only."""


@dataclass(frozen=True)
class Cell:
    """One database on one level, with or without ``ATOMIC_REQUESTS``."""

    database: str
    isolation: str | None = None
    is_atomic: bool = False

    @property
    def name(self) -> str:
        """Name a folder of the cell's own."""
        words = [self.database, self.isolation or "", "atomic" if self.is_atomic else ""]
        return "-".join(filter(None, words)).replace(" ", "-")

    @property
    def is_patient(self) -> bool:
        """Whether ``503 TryAgain`` is an honest answer here."""
        return self.isolation == REPEATABLE_READ

    @property
    def variables(self) -> dict[str, str]:
        """Return what the settings read of the cell."""
        return {"RACES_ISOLATION": self.isolation or "", "RACES_ATOMIC": "on" if self.is_atomic else "off"}


def cells(database: str, *, isolation: str | None = None, atomic: Sequence[bool] = (False, True)) -> list[Cell]:
    """Return the cells of a database, or those on one level; SQLite's are on every level."""
    levels = [level for level in LEVELS[database] if None in (isolation, level) or level == isolation]
    return [Cell(database, level, is_atomic) for level in levels for is_atomic in atomic]


def share(total: int, number: int) -> int:
    """Share rounds or seconds out over a number of cells, so that the sum is no less."""
    return -(-total // number)


@contextmanager
def furnished(cell: Cell, server: str, folder: Path, *, gateway: str = "wsgi") -> Iterator[dict[str, str]]:
    """Give a cell an empty database on the server, a Valkey and a folder; yield the environment of its processes."""
    home = folder / cell.name
    home.mkdir(parents=True, exist_ok=True)
    with databases.empty_database(server) as database_url, databases.valkey() as redis_url:
        yield environment(
            "tests.races.settings",
            **cell.variables,
            RACES_GATEWAY=gateway,
            DATABASE_URL=database_url,
            REDIS_URL=redis_url,
            DJANGO_SECRET_KEY=token_urlsafe(50),
            SECURELOGIN_SMS="filebased",
            SECURELOGIN_SMS_FILE=str(home / "sms"),
            RACES_EVENTS=str(home / "events"),
        )
