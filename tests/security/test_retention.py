"""Retention (P1): what a visit leaves behind, and when the daily job has taken it away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.management import call_command
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from securelogin.models import Counter, OneTimeCode, Session
from tests.api.test_secrets import dump
from tests.api.visitor import Visitor, derived_id, sent_code, wrong
from tests.visits import PHONE

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
ADDRESS = "203.0.113.77"
STRANGER = "+12025550199"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands until the test shifts it."""
    with time_machine.travel(datetime(2031, 5, 6, 7, 8, 9, tzinfo=timezone.utc), tick=False) as traveller:
        yield traveller


def visit() -> None:
    """Come from one address: two sessions, one of them ended, a name that was left, a code that was not guessed."""
    visitor = Visitor()
    visitor.client.credentials(REMOTE_ADDR=ADDRESS)
    opened = visitor.log_in()
    token = opened["device_token"]
    visitor.ask(device_token=token)
    second = visitor.guess(sent_code(), userid=derived_id(), device_token=token).json()
    assert visitor.post("logout", {}, token=second["access_token"]).status_code == 200
    assert visitor.ask(STRANGER, route="register", username="Eve").status_code == 200
    assert visitor.ask(STRANGER).status_code == 200
    assert visitor.guess(wrong(sent_code()), userid=derived_id(STRANGER), phone=STRANGER).status_code == 400


def kinds() -> set[str]:
    """Return the kinds of things that are still there."""
    codes = OneTimeCode.objects.all()
    there = {
        "row": codes.exists(),
        "code": codes.exclude(nonce="", provider_id="").exists(),
        "name": codes.exclude(display_name="", name_expires_at=None).exists(),
        "counter": Counter.objects.exists(),
        "ended session": Session.objects.exclude(ended_at=None).exists(),
        "idle session": Session.objects.filter(ended_at=None).exists(),
        "blacklisted token": BlacklistedToken.objects.exists(),
        "outstanding token": OutstandingToken.objects.exists(),
        "address": ADDRESS in repr(list(dump())),
    }
    return {kind for kind, is_there in there.items() if is_there}


def test_daily_job_takes_everything_in_time(clock: time_machine.Traveller) -> None:
    """Each kind goes with the first run after its time: codes and names a day, sessions thirty, counts a year (P1)."""
    visit()
    last_seen: dict[str, int] = {}
    start, day = datetime.now(timezone.utc), 0
    for day_after in [*range(1, 100), *range(360, 370)]:  # between, nothing is due
        last_seen |= dict.fromkeys(kinds(), day + 1)
        day = day_after
        clock.move_to(start + day * DAY)
        call_command("clear_securelogin", verbosity=0)
    assert last_seen == {
        "counter": 2,  # the longest window is a day
        "code": 2,
        "name": 2,
        "ended session": 31,
        "blacklisted token": 31,
        "idle session": 91,
        "outstanding token": 91,
        "address": 91,
        "row": 366,
    }
    assert get_user_model().objects.get().phone == PHONE


def test_hourly_job_takes_a_code_within_a_day_and_an_hour(clock: time_machine.Traveller) -> None:
    """How long over its time a thing stays is how often the job runs, and nothing else (P1)."""
    visit()
    hours = 0
    while {"code", "name"} & kinds():
        clock.shift(timedelta(hours=1))
        call_command("clear_securelogin", verbosity=0)
        hours += 1
        assert hours <= 25


def test_address_goes_with_its_session(clock: time_machine.Traveller) -> None:
    """An address stands in the row of a session and nowhere else, whole or hashed without a key (P1)."""
    visit()
    tables = {table for table, rows in dump() if any(ADDRESS in repr(row) for row in rows)}
    assert tables == {Session._meta.db_table}
    Session.objects.all().delete()
    assert "address" not in kinds()


def test_job_keeps_what_is_live(clock: time_machine.Traveller) -> None:
    """A code, a name, a count and a session that may still be used are there after the job (P1)."""
    visit()
    before: list[Any] = [list(table._default_manager.values()) for table in (OneTimeCode, Session, Counter)]
    clock.shift(timedelta(minutes=1))
    call_command("clear_securelogin", verbosity=0)
    assert [list(table._default_manager.values()) for table in (OneTimeCode, Session, Counter)] == before
