"""The database of our tables."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from django.db import connections, models
from django.test import override_settings
from django.test.utils import modify_settings
from django.utils import timezone

from securelogin.checks import check_clearing, check_servers, databases
from securelogin.models import Counter, OneTimeCode
from securelogin.services import clear
from tests.checks import ids, run


class Router:
    """Sends the tables of one app, or one table of it, to a database of their own."""

    def __init__(self, app: str, model: str = "") -> None:
        self.app, self.model = app, model

    def db_for_write(self, model: type[models.Model], **hints: Any) -> str | None:
        is_moved = model._meta.app_label == self.app and (not self.model or model.__name__ == self.model)
        return "other" if is_moved else None


@pytest.mark.parametrize(
    "router",
    [
        Router("securelogin", "Counter"),
        Router("securelogin", "User"),
        Router("token_blacklist"),
        Router("token_blacklist", "BlacklistedToken"),
    ],
    ids=lambda router: f"{router.app}.{router.model}",
)
def test_tables_apart(router: Router) -> None:
    """E081: each table of ours, of simplejwt's blacklist and of the users is asked for."""
    with override_settings(DATABASE_ROUTERS=[router]):
        (message,) = databases.check_routing()
    assert message.id == "securelogin.E081"
    assert "'default'" in message.msg
    assert "'other'" in message.msg


def test_tables_together() -> None:
    """Other apps may be anywhere, and all of ours together too."""
    with override_settings(DATABASE_ROUTERS=[Router("admin")]):
        assert run() == []
    with override_settings(DATABASE_ROUTERS=[Router("securelogin"), Router("token_blacklist")]):
        assert not list(databases.check_routing())


def test_autocommit(monkeypatch: pytest.MonkeyPatch) -> None:
    """E080: without autocommit a guess that fails is not counted."""
    assert run() == []
    monkeypatch.setitem(connections["default"].settings_dict, "AUTOCOMMIT", False)
    assert ids(run()) == {"E080"}


@pytest.mark.parametrize(
    ("expected", "options"),
    [
        ({"W083", "W084"}, {}),
        ({"W083"}, {"timeout": 20}),
        ({"W083"}, {"timeout": 20, "transaction_mode": "DEFERRED"}),
        ({"W083"}, {"timeout": 20, "transaction_mode": None}),
        ({"W084"}, {"transaction_mode": "immediate"}),
        ({"W084"}, {"timeout": 19.9, "transaction_mode": "IMMEDIATE"}),
        ({"W084"}, {"timeout": "20", "transaction_mode": "EXCLUSIVE"}),
        (set(), {"timeout": 20, "transaction_mode": "IMMEDIATE"}),
        (set(), {"timeout": 60.5, "transaction_mode": "exclusive"}),
    ],
)
def test_sqlite(expected: set[str], options: dict[str, Any]) -> None:
    """W083, W084: SQLite lets writers wait for their turn, and long enough."""
    assert ids(list(databases.check_sqlite("default", options))) == expected


@pytest.mark.skipif(connections["default"].vendor != "sqlite", reason="looks at the options of SQLite")
def test_sqlite_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """The options are those of the database that our tables are in."""
    monkeypatch.setitem(connections["default"].settings_dict, "OPTIONS", None)
    assert ids(run()) == {"W083", "W084"}


@pytest.mark.parametrize(
    ("vendor", "version", "is_served"),
    [
        ("sqlite", (3, 34, 1), False),
        ("sqlite", (3, 35, 0), True),
        ("postgresql", (13, 18), False),
        ("postgresql", (14, 0), True),
        ("mysql", (10, 5, 27), False),
        ("mysql", (10, 6, 0), True),
        ("mysql", (11, 8, 2), True),
        ("MySQL", (9, 1, 0), False),
        ("oracle", (23,), False),
    ],
)
def test_versions(vendor: str, version: tuple[int, ...], is_served: bool) -> None:
    """E082: a server that lacks what our statements ask for is named, with those that have it."""
    messages = list(databases.check_version(vendor, version))
    assert ids(messages) == (set() if is_served else {"E082"})
    assert all(".".join(map(str, version)) in each.msg and "MariaDB 10.6" in str(each.hint) for each in messages)


@pytest.mark.django_db
def test_this_server() -> None:
    """The server that the tests run on is good enough, and is asked where Django names its database."""
    checks_of_databases = checks.run_checks(tags=[checks.Tags.database], databases=["default"])
    assert checks_of_databases == []


def test_no_connection() -> None:
    """Where Django names no database of ours, none is asked: this test may not ask one."""
    for check in (check_servers, check_clearing):
        assert check(databases=[]) == check() == []
        with override_settings(DATABASE_ROUTERS=[Router("securelogin")]):
            assert check(databases=["default"]) == []


DAY = timedelta(days=1)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("codes", "counters", "expected"),
    [
        (None, None, set()),
        (8 * DAY - timedelta(hours=1), None, set()),
        (8 * DAY + timedelta(hours=1), None, {"W116"}),
        (None, 7 * DAY - timedelta(hours=1), set()),
        (None, 7 * DAY + timedelta(hours=1), {"W116"}),
    ],
)
def test_clearing(codes: timedelta | None, counters: timedelta | None, expected: set[str]) -> None:
    """W116: a site where the daily job has not run for a week is told, and is at peace once it has."""
    now = timezone.now()
    if codes is not None:
        OneTimeCode.objects.touch("dead", at=now - codes)
    if counters is not None:
        Counter.objects.create(key="over", count=1, expires_at=now - counters)
    OneTimeCode.objects.touch("live", at=now)
    assert ids(check_clearing(databases=["default"])) == expected
    clear()
    assert check_clearing(databases=["default"]) == []


def test_clearing_before_there_are_tables(empty_database: str) -> None:
    """A deployment may look before it migrates."""
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--database", "default"],
        env={**os.environ, "DATABASE_URL": empty_database, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "W116" not in done.stderr


def test_missing_blacklist() -> None:
    """Without the app of simplejwt's tables (E040) the rest is looked at all the same."""
    with modify_settings(INSTALLED_APPS={"remove": ["rest_framework_simplejwt.token_blacklist"]}):
        assert not list(databases.check_routing())
        with override_settings(DATABASE_ROUTERS=[Router("securelogin", "Counter")]):
            assert ids(list(databases.check_routing())) == {"E081"}
