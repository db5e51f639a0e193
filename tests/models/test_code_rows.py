"""Tests of securelogin.models.codes: what one row says and decides, without a database."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from securelogin import codes
from securelogin.conf import Conf
from securelogin.exceptions import ResendTooSoon, RetryLater, TooManyAttempts, TooManyCodes
from securelogin.models import OneTimeCode
from securelogin.models.codes import DAY, HOUR, MONTH

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)
CONF = Conf()
KEY = "0123456789abcdef"

HOUR_SPENT = {"sends_in_hour": 5, "hour_began_at": NOON}
DAY_SPENT = {"sends_in_day": 10, "sending_day_began_at": NOON}
FAILED_DAY = {"failures_in_day": 10, "day_began_at": NOON}
FAILED_MONTH = {"failures_in_month": 50, "month_began_at": NOON}


def row(**fields: Any) -> OneTimeCode:
    """Return a row that was touched at noon and is not saved."""
    return OneTimeCode(key=KEY, **{"touched_at": NOON, **fields})


def told(refusal: RetryLater | None) -> tuple[type[RetryLater], int, str] | None:
    """Return what a refusal says."""
    return None if refusal is None else (type(refusal), refusal.retry_after, refusal.limit)


def test_row_is_shown_by_the_beginning_of_its_key() -> None:
    """Enough to tell rows apart, and not the name under which it is found."""
    shown = row(nonce="n", display_name="Ada")
    assert (str(shown), repr(shown)) == ("01234567…", "<OneTimeCode: 01234567…>")


# Asking


@pytest.mark.parametrize(
    ("spent", "kind", "until", "limit"),
    [
        ({"resend_at": NOON + HOUR}, ResendTooSoon, HOUR, "RESEND_PAUSES"),
        (HOUR_SPENT, TooManyCodes, HOUR, "SENDS_PER_HOUR"),
        (DAY_SPENT, TooManyCodes, DAY, "SENDS_PER_DAY"),
        (FAILED_DAY, TooManyAttempts, DAY, "FAILURES_PER_DAY"),
        (FAILED_MONTH, TooManyAttempts, MONTH, "FAILURES_PER_MONTH"),
        ({**FAILED_MONTH, **FAILED_DAY}, TooManyAttempts, MONTH, "FAILURES_PER_MONTH"),
        ({**DAY_SPENT, **HOUR_SPENT, "resend_at": NOON + SECOND}, TooManyCodes, DAY, "SENDS_PER_DAY"),
        ({**HOUR_SPENT, "resend_at": NOON + DAY}, ResendTooSoon, DAY, "RESEND_PAUSES"),
        ({**DAY_SPENT, **FAILED_MONTH}, TooManyAttempts, MONTH, "FAILURES_PER_MONTH"),
    ],
)
def test_cause_that_lasts_longest_is_told(
    spent: dict[str, Any], kind: type[RetryLater], until: timedelta, limit: str
) -> None:
    """To the second at which it is over, and a part of one is a whole one (B14)."""
    spent_row = row(**spent)
    assert told(spent_row.refusal(NOON, CONF)) == (kind, until // SECOND, limit)
    assert told(spent_row.refusal(NOON + until - 1.5 * SECOND, CONF)) == (kind, 2, limit)
    assert told(spent_row.refusal(NOON + until - SECOND, CONF)) == (kind, 1, limit)
    assert spent_row.refusal(NOON + until, CONF) is None
    is_failures = kind is TooManyAttempts
    assert spent_row.is_locked(NOON + until - SECOND, CONF) is is_failures
    assert not spent_row.is_locked(NOON + until, CONF)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {**HOUR_SPENT, "sends_in_hour": 4},
        {**DAY_SPENT, "sends_in_day": 9},
        {**FAILED_DAY, "failures_in_day": 9},
        {**FAILED_MONTH, "failures_in_month": 49},
        {"sends_in_hour": 5, "sends_in_day": 10, "failures_in_day": 10, "failures_in_month": 50},
    ],
)
def test_room_is_room(fields: dict[str, Any]) -> None:
    """One less than a budget, or a count whose window never began, refuses nothing."""
    assert row(**fields).refusal(NOON, CONF) is None
    assert row(**fields).lock(NOON, CONF) is None
    assert not row(**fields).is_locked(NOON, CONF)


def test_disabled_row_is_locked_and_still_asked() -> None:
    """Nobody who asks is told that codes are disabled."""
    disabled = row(disabled_at=NOON)
    assert disabled.is_locked(NOON + 9 * MONTH, CONF)
    assert disabled.refusal(NOON, CONF) is None


@pytest.mark.parametrize(
    ("fields", "budget"),
    [
        ({}, None),
        ({"failures_in_day": 9, "failures_in_month": 49}, None),
        ({"failures_in_day": 11, "failures_in_month": 51}, None),
        ({"failures_in_day": 10}, "FAILURES_PER_DAY"),
        ({"failures_in_month": 50}, "FAILURES_PER_MONTH"),
        ({"failures_in_day": 10, "failures_in_month": 50}, "FAILURES_PER_MONTH"),
        ({"failures_in_day": 10, "failed_at": NOON - SECOND}, None),
        ({"failures_in_month": 50, "failed_at": NOON + SECOND}, None),
        ({"disabled_at": NOON}, "FAILURES_IN_A_ROW"),
        ({"disabled_at": NOON, "failures_in_day": 10, "failures_in_month": 50}, "FAILURES_IN_A_ROW"),
        ({"disabled_at": NOON - SECOND}, None),
    ],
)
def test_failure_that_spends_a_budget_is_known_by_its_moment(fields: dict[str, Any], budget: str | None) -> None:
    """Of several budgets the most lasting is named, and what a later failure spent is not this one's."""
    assert row(**{"failed_at": NOON, **fields}).spent_by(NOON, CONF) == budget


# Renewing


def renew(old: OneTimeCode, at: datetime = NOON) -> OneTimeCode:
    """Put a new code in its place."""
    old.renew(at=at, conf=CONF, purpose=codes.Purpose.LOGIN, provider="p", code_length=8)
    return old


def test_new_code_takes_the_place_of_all_that_was_the_old_ones() -> None:
    """A fresh nonce, the newest key, no guesses; failures and names stay what they were (A6)."""
    kept = {**FAILED_DAY, **FAILED_MONTH, "failures_in_a_row": 60, "display_name": "Ada", "name_expires_at": NOON + DAY}
    old = row(nonce="n", key_id="k", provider_id="i", guesses=5, consumed_at=NOON - HOUR, touched_at=NOON - DAY, **kept)
    new = renew(old)
    assert len(new.nonce) == 32
    assert (new.purpose, new.key_id, new.code_length) == (codes.Purpose.LOGIN.value, codes.key_id(), 8)
    assert (new.provider, new.provider_id) == ("p", "")
    assert (new.expires_at, new.guesses, new.consumed_at) == (NOON + timedelta(minutes=5), 0, None)
    assert (new.sends_in_hour, new.hour_began_at, new.sends_in_day, new.sending_day_began_at) == (1, NOON, 1, NOON)
    assert (new.resend_at, new.touched_at) == (NOON + 30 * SECOND, NOON)
    assert {name: getattr(new, name) for name in kept} == kept


@pytest.mark.parametrize(
    ("ago", "hour", "day"),
    [(HOUR - SECOND, 3, 7), (HOUR, 1, 7), (DAY - SECOND, 1, 7), (DAY, 1, 1)],
)
def test_windows_of_sends_begin_with_the_first_that_finds_none_open(ago: timedelta, hour: int, day: int) -> None:
    """Each by itself; the pause is that of the newest code of its hour."""
    began = NOON - ago
    new = renew(row(sends_in_hour=2, hour_began_at=began, sends_in_day=6, sending_day_began_at=began))
    assert (new.sends_in_hour, new.sends_in_day) == (hour, day)
    assert new.hour_began_at == (NOON if hour == 1 else began)
    assert new.sending_day_began_at == (NOON if day == 1 else began)
    assert new.resend_at == NOON + (30 if hour == 1 else 90) * SECOND


@pytest.mark.parametrize(("sends", "pause"), [(0, 30), (1, 30), (2, 60), (3, 90), (4, 120), (5, 120), (9, 120)])
def test_pauses_grow_and_the_last_one_repeats(sends: int, pause: int) -> None:
    """The n-th code of an hour waits the n-th pause."""
    assert row(sends_in_hour=sends).pause(CONF) == pause * SECOND


def test_project_may_do_without_pauses() -> None:
    """Then the next code may be asked for at once."""
    assert row(sends_in_hour=3).pause(Conf(RESEND_PAUSES=())) == timedelta(0)


def test_code_is_computed_from_the_row() -> None:
    """Where there is a nonce, and for just this number, asker and purpose."""
    asked: dict[str, Any] = {"phone": "+12025550143", "asker": codes.ANYONE, "purpose": codes.Purpose.LOGIN}
    new = renew(row())
    assert new.code(**asked) == codes.compute(nonce=new.nonce, key_id=new.key_id, length=8, **asked)
    assert row(key_id=codes.key_id(), code_length=8).code(**asked) is None
