"""Clearing: what goes, what stays, what is taken out of what stays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from securelogin import phones, services
from securelogin.exceptions import SessionEnded
from securelogin.models import Counter, OneTimeCode, Session
from securelogin.services import maintenance
from securelogin.services.maintenance import Cleared
from securelogin.tokens import read_access, read_refresh
from tests.factories import SessionFactory, UserFactory, tokens_of
from tests.routers import REPLICA

from .beside import beside
from .conftest import Configure
from .statements import statements_of
from .visitors import CLIENT, PHONE, Visitor, access, name_of

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
YEAR = timedelta(days=365)
NOTHING = Cleared(codes=0, scrubbed=0, counters=0, sessions=0)
PLENTY = {
    "RESEND_PAUSES": (timedelta(0),),
    "SENDS_PER_HOUR": 1000,
    "SENDS_PER_DAY": 1000,
    "FAILURES_PER_DAY": 1000,
    "FAILURES_PER_MONTH": 1000,
}


def test_nothing_is_cleared_where_there_is_nothing() -> None:
    """On a new database all is well."""
    assert services.clear() == NOTHING


# Codes


def test_code_goes_a_day_after_its_end(ada: Visitor, clock: time_machine.Traveller) -> None:
    """A row that holds nothing but a code is gone within a day of the code's end (P1)."""
    ada.ask()
    clock.shift(DAY + timedelta(minutes=5))
    assert services.clear() == NOTHING
    clock.shift(1)
    assert services.clear() == Cleared(codes=1, scrubbed=0, counters=0, sessions=0)
    assert not OneTimeCode.objects.exists()


def test_row_of_a_login_goes_with_its_window(ada: Visitor, clock: time_machine.Traveller) -> None:
    """A login's own guess began a window of thirty days: the row is scrubbed after a day, and goes after them."""
    ada.log_in()
    clock.shift(2 * DAY)
    assert services.clear().scrubbed == 1
    row = ada.row()
    assert (row.nonce, row.provider_id, row.display_name) == ("", "", "")
    clock.shift(28 * DAY)
    assert services.clear().codes == 0
    clock.shift(1)
    assert services.clear().codes == 1


def test_failures_stay_as_long_as_they_count(ada: Visitor, configure: Configure, clock: time_machine.Traveller) -> None:
    """Clearing gives no guess back: failures in a row stay for a year after the last (B2, P2)."""
    configure(**PLENTY)
    ada.ask()
    ada.fail(5)
    clock.shift(YEAR)
    assert services.clear() == Cleared(codes=0, scrubbed=1, counters=0, sessions=0)
    row = ada.row()
    assert (row.failures_in_day, row.failures_in_month, row.failures_in_a_row) == (5, 5, 5)
    assert row.nonce == ""
    clock.shift(1)
    assert services.clear().codes == 1


def test_disabled_row_stays_for_good(ada: Visitor, configure: Configure, clock: time_machine.Traveller) -> None:
    """Waiting does not re-arm a number: staff does (B2)."""
    configure(**PLENTY, FAILURES_IN_A_ROW=5)
    ada.ask()
    ada.fail(5)
    clock.shift(3 * YEAR)
    assert services.clear() == Cleared(codes=0, scrubbed=1, counters=0, sessions=0)
    assert services.clear() == NOTHING
    assert ada.row().disabled_at is not None


def test_sends_of_today_stay(ada: Visitor, configure: Configure, clock: time_machine.Traveller) -> None:
    """Clearing in the middle of a day sends nobody an eleventh code."""
    configure(CODE_LIFETIME=timedelta(seconds=1))
    ada.ask()
    clock.shift(DAY - SECOND)
    services.clear()
    assert ada.row().sends_in_day == 1


def test_name_stays_until_it_is_over(ada: Visitor, configure: Configure, clock: time_machine.Traveller) -> None:
    """In ``register`` mode the row is somebody's ticket for thirty days."""
    configure(SIGNUP="register")
    services.register(PHONE, display_name="Ada", client=CLIENT)
    clock.shift(30 * DAY)
    assert services.clear() == NOTHING
    clock.shift(1)
    assert services.clear().codes == 1


def test_name_that_is_over_is_taken_out_of_a_row_that_stays(
    ada: Visitor, configure: Configure, clock: time_machine.Traveller
) -> None:
    """What a stranger called a number does not outlive its day (P1)."""
    configure(**PLENTY)
    services.register(PHONE, display_name="Ada", client=CLIENT)
    ada.ask()
    ada.fail()
    clock.shift(DAY + SECOND)
    assert services.clear().scrubbed == 1
    row = ada.row()
    assert (row.display_name, row.name_expires_at) == ("", None)
    assert row.nonce != ""


def test_live_code_and_name_survive(ada: Visitor) -> None:
    """Clearing beside a login takes nothing away."""
    services.register(PHONE, display_name="Ada", client=CLIENT)
    ada.ask()
    assert services.clear() == NOTHING
    assert name_of(ada.guess(ada.code()).user) == "Ada"


# Counters


def test_counters_go_with_their_windows(ada: Visitor, configure: Configure, clock: time_machine.Traveller) -> None:
    """A window that is open stays."""
    configure(LIMITS={"login_ip": "20/hour", "login_range": "10/day", "login_site": None})
    ada.ask()
    clock.shift(3600)
    assert services.clear().counters == 0
    clock.shift(1)
    assert services.clear().counters == 1
    assert Counter.objects.get().key.startswith("login_range")


# Sessions


def test_ended_sessions_go_after_thirty_days(ada: Visitor, clock: time_machine.Traveller) -> None:
    """All three rows together; what is gone opens nothing (E9)."""
    login = ada.log_in()
    services.logout(access(login))
    live = SessionFactory()
    clock.shift(30 * DAY)
    assert services.clear().sessions == 0
    clock.shift(1)
    assert services.clear().sessions == 1
    assert list(Session.objects.all()) == [live]
    assert OutstandingToken.objects.count() == 1
    assert not BlacklistedToken.objects.exists()
    with pytest.raises(SessionEnded):
        services.authenticate(read_access(tokens_of(login.session).access_token))


def test_session_past_its_end_goes(clock: time_machine.Traveller) -> None:
    """Ended or not, a session is over with its absolute end; a second before, it stays."""
    session = SessionFactory(rotated_at=timezone.now() + 340 * DAY)
    clock.shift(YEAR)
    assert services.clear().sessions == 0
    clock.shift(1)
    assert services.clear().sessions == 1
    assert not OutstandingToken.objects.filter(pk=session.token.pk).exists()


def test_live_session_stays(ada: Visitor, clock: time_machine.Traveller) -> None:
    """For as long as its refresh token can be used, and thirty days more."""
    SessionFactory()
    clock.shift(90 * DAY)
    assert services.clear().sessions == 0


def test_idle_session_goes_thirty_days_after_its_last_token(clock: time_machine.Traveller) -> None:
    """No token of it is left that opens anything, and an address is kept with it (P1)."""
    session = SessionFactory()
    used = SessionFactory()
    clock.shift(59 * DAY)
    services.refresh_tokens(read_refresh(tokens_of(used, at=used.created_at).refresh_token))
    clock.shift(31 * DAY + SECOND)
    assert services.clear().sessions == 1
    assert not OutstandingToken.objects.filter(pk=session.token.pk).exists()
    assert Session.objects.get() == used


def test_session_that_simplejwt_blacklisted_goes_after_thirty_days(clock: time_machine.Traveller) -> None:
    """However a session ended, it does not stay for a year (P1)."""
    session = SessionFactory()
    BlacklistedToken.objects.create(token=session.token)
    clock.shift(30 * DAY)
    assert services.clear().sessions == 0
    clock.shift(1)
    assert services.clear().sessions == 1
    assert not OutstandingToken.objects.exists()


def test_tokens_of_a_deleted_user_go() -> None:
    """simplejwt leaves the tokens of a deleted user behind; ours among them are taken."""
    session = SessionFactory()
    stock = OutstandingToken.objects.create(
        jti="a stock token", token="its text", user=session.user, expires_at=session.expires_at
    )
    session.user.delete()
    assert OutstandingToken.objects.count() == 2
    assert services.clear().sessions == 1
    assert OutstandingToken.objects.get() == stock


def test_tokens_that_are_not_ours_stay(clock: time_machine.Traveller) -> None:
    """A host's stock tokens are simplejwt's to flush, blacklisted ones too."""
    session = SessionFactory()
    stock = {"token": "text", "user": session.user, "expires_at": session.expires_at}
    BlacklistedToken.objects.create(token=OutstandingToken.objects.create(jti="stock", **stock))
    services.clear()
    assert OutstandingToken.objects.count() == 2
    clock.shift(100 * DAY)
    services.clear()
    assert OutstandingToken.objects.get().jti == "stock"


# How


def test_dry_run_counts_and_takes_nothing(ada: Visitor, configure: Configure, clock: time_machine.Traveller) -> None:
    """The counts are those of the run that follows."""
    configure(LIMITS={"login_ip": "20/hour"})
    ada.log_in()
    Visitor(phones.parse(UserFactory().get_username())).ask()
    SessionFactory(expires_at=ada.row().touched_at + SECOND)
    clock.shift(2 * DAY)
    told = services.clear(is_dry_run=True)
    assert OneTimeCode.objects.count() == 2
    assert (told.codes, told.counters, told.sessions) == (1, Counter.objects.count(), 1)
    done = services.clear()
    assert (done.codes, done.counters, done.sessions) == (told.codes, told.counters, told.sessions)
    assert services.clear() == NOTHING


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, which took no time."""
    made: list[float] = []
    monkeypatch.setattr(maintenance, "time", SimpleNamespace(sleep=made.append))
    return made


def ask_for(count: int) -> None:
    """Ask for codes of as many users."""
    for _ in range(count):
        Visitor(phones.parse(UserFactory().get_username())).ask()


def test_batches_take_all_of_every_kind(pauses: list[float], clock: time_machine.Traveller) -> None:
    """However small the batch, with a word after each, and a pause after each that was full."""
    ask_for(5)
    for row in OneTimeCode.objects.all()[:3]:
        row.disabled_at = row.touched_at
        row.save()
    for number in range(3):
        SessionFactory(expires_at=timezone.now() + SECOND)
        Counter.objects.create(key=f"{number}", count=1, expires_at=timezone.now())
    clock.shift(2 * DAY)
    steps: list[int] = []
    done = services.clear(batch=2, progress=steps.append)
    assert done == Cleared(codes=2, scrubbed=3, counters=3, sessions=3)
    assert sorted(steps) == sorted([2, *[2, 1] * 3])
    assert pauses == [0.1] * 4
    assert OneTimeCode.objects.count() == 3
    assert get_user_model().objects.count() == 8


def test_batches_go_by_key(pauses: list[float], clock: time_machine.Traveller) -> None:
    """Two runs at once take the same rows in the same order, and wait for each other instead of crosswise."""
    ask_for(12)
    keys = list(OneTimeCode.objects.order_by("pk").values_list("pk", flat=True))
    clock.shift(2 * DAY)
    left: list[list[str]] = []

    def look(_number: int) -> None:
        left.append(list(OneTimeCode.objects.order_by("pk").values_list("pk", flat=True)))

    services.clear(batch=4, progress=look)
    assert left == [keys[4:], keys[8:], []]


def test_each_look_begins_behind_the_last(pauses: list[float]) -> None:
    """Or a batch would walk over every row that stays once more. What came in before it goes with the next run."""
    moment = timezone.now() - DAY
    Counter.objects.bulk_create(Counter(key=f"{number}", count=1, expires_at=moment) for number in range(3, 7))

    def add(_number: int) -> None:
        Counter.objects.update_or_create(key="1", defaults={"count": 1, "expires_at": moment})

    assert services.clear(batch=2, progress=add).counters == 4
    assert services.clear(batch=2).counters == 1


def test_sessions_are_locked_by_key_before_their_rows_go(clock: time_machine.Traveller) -> None:
    """As everyone else locks them."""
    for _ in range(3):
        SessionFactory(expires_at=timezone.now())
    clock.shift(1)
    table = connection.ops.quote_name(Session._meta.db_table)
    (lock,) = [each for each in statements_of(services.clear) if each.startswith(f"SELECT {table}")]
    assert " ORDER BY " in lock


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="there nobody writes beside a transaction that has written")
def test_session_that_simplejwt_blacklists_while_it_is_cleared_goes_too() -> None:
    """What was written since the look hangs on the token, and goes with it."""
    session = SessionFactory(expires_at=timezone.now() - DAY)
    done: list[bool] = []

    def blacklist(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.startswith("DELETE") and OutstandingToken._meta.db_table in sql and not done:
            done.append(True)
            with ThreadPoolExecutor(1) as pool:
                beside(pool, lambda: BlacklistedToken.objects.create(token_id=session.token_id)).result()
        return execute(sql, *arguments)

    with connection.execute_wrapper(blacklist):
        assert services.clear().sessions == 1
    assert done
    assert not OutstandingToken.objects.exists()
    assert not BlacklistedToken.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_each_batch_is_a_transaction(ada: Visitor, clock: time_machine.Traveller) -> None:
    """So what it locks stays locked until all that hangs together is gone."""
    ada.log_in()
    clock.shift(2 * DAY)
    were_inside: list[bool] = []

    def look(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.startswith("UPDATE"):
            were_inside.append(connection.in_atomic_block)
        return execute(sql, *arguments)

    with connection.execute_wrapper(look):
        assert services.clear().scrubbed == 1
    assert were_inside == [True]


def test_batch_is_a_thousand_unless_told_otherwise(pauses: list[float]) -> None:
    """As many rows as one transaction locks at most."""
    now = timezone.now()
    Counter.objects.bulk_create(Counter(key=f"{number}", count=1, expires_at=now - DAY) for number in range(1001))
    steps: list[int] = []
    assert services.clear(progress=steps.append).counters == 1001
    assert steps == [1000, 1]
    assert pauses == [0.1]


def test_nothing_is_read_from_a_replica(configure: Configure, settings: Any) -> None:
    """It may not know yet what is still alive."""
    settings.DATABASE_ROUTERS = [REPLICA]
    SessionFactory(expires_at=timezone.now() - DAY)
    Counter.objects.using("default").create(key="old", count=1, expires_at=timezone.now() - DAY)
    assert not maintenance.is_overdue()
    for is_dry_run in (True, False):
        assert services.clear(is_dry_run=is_dry_run) == Cleared(codes=0, scrubbed=0, counters=1, sessions=1)


# Whether it ran


def test_clearing_is_overdue_a_week_after_a_counter_ended(clock: time_machine.Traveller) -> None:
    """To the second; a run ends it."""
    Counter.objects.create(key="old", count=1, expires_at=timezone.now())
    clock.shift(7 * DAY)
    assert not maintenance.is_overdue()
    clock.shift(1)
    assert maintenance.is_overdue()
    services.clear()
    assert not maintenance.is_overdue()


def test_clearing_is_overdue_a_week_after_a_row_of_codes_could_go(ada: Visitor, clock: time_machine.Traveller) -> None:
    """Such a row can go a day after its code's end."""
    ada.ask()
    clock.shift(8 * DAY + timedelta(minutes=5))
    assert not maintenance.is_overdue()
    clock.shift(1)
    assert maintenance.is_overdue()
    services.clear()
    assert not maintenance.is_overdue()
