"""``manage.py clear_securelogin``."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from securelogin.models import Counter, OneTimeCode, Session
from tests.commands.conftest import Run
from tests.factories import SessionFactory

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def make_rows(now: datetime) -> None:
    """Make rows that go, and beside each kind one that stays."""
    for number in range(3):
        OneTimeCode.objects.touch(f"dead {number}", at=now - 2 * DAY)
    code: dict[str, Any] = {"nonce": "n", "purpose": "login", "expires_at": now - 2 * DAY}
    OneTimeCode.objects.touch("counts", at=now - 2 * DAY, failures_in_a_row=7, **code)
    Counter.objects.create(key="over", count=1, expires_at=now - DAY)
    Counter.objects.create(key="open", count=1, expires_at=now + DAY)
    SessionFactory.create()
    for ended_at in (now - DAY, now - 31 * DAY):
        session = SessionFactory.create(created_at=now - 40 * DAY)
        Session.objects.filter(pk=session.pk).end("logout", at=ended_at)
    SessionFactory.create(created_at=now - 400 * DAY)


def test_what_is_over_goes_and_the_rest_stays(run: Run) -> None:
    """All three rows of a session go together; counts outlive the code they were counted at."""
    make_rows(timezone.now())
    said = run("clear_securelogin")
    assert said == ("Deleted codes: 3, counters: 1, sessions: 2. Emptied codes: 1.\n", "")
    row = OneTimeCode.objects.get()
    assert (row.key, row.nonce, row.failures_in_a_row) == ("counts", "", 7)
    assert Counter.objects.get().key == "open"
    assert Session.objects.count() == OutstandingToken.objects.count() == 2
    assert BlacklistedToken.objects.count() == 1
    assert run("clear_securelogin").out == "Deleted codes: 0, counters: 0, sessions: 0. Emptied codes: 0.\n"


def test_dry_run_deletes_nothing(run: Run) -> None:
    """And says the same numbers."""
    make_rows(timezone.now())
    expected = "Would delete codes: 3, counters: 1, sessions: 2. Would empty codes: 1.\n"
    assert run("clear_securelogin", "--dry-run").out == expected
    assert (OneTimeCode.objects.count(), Counter.objects.count(), Session.objects.count()) == (4, 2, 4)


def test_small_batches_clear_as_much(run_on_terminal: Run) -> None:
    """On a terminal the rows are counted while they go."""
    make_rows(timezone.now())
    said = run_on_terminal("clear_securelogin", "--batch-size", "2")
    assert said.out == "Deleted codes: 3, counters: 1, sessions: 2. Emptied codes: 1.\n"
    assert said.err == "".join(f"\r{rows} rows cleared" for rows in (2, 3, 4, 6, 7)) + "\n"


def test_quiet_run_says_nothing(run: Run) -> None:
    """For jobs whose output is mailed."""
    make_rows(timezone.now())
    assert run("clear_securelogin", "--verbosity", "0") == ("", "")
    assert Session.objects.count() == 2


@pytest.mark.parametrize("size", ["0", "-1", "10001", "x"])
def test_batch_size_is_bounded(run: Run, size: str) -> None:
    """A statement has room for so many rows, and needs one."""
    with pytest.raises(CommandError, match="--batch-size"):
        run("clear_securelogin", f"--batch-size={size}")
