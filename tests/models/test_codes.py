"""Tests of securelogin.models.codes: what a row's statements count, forgive, use up and clear."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.forms.models import model_to_dict

from securelogin.codes import Purpose
from securelogin.conf import Conf
from securelogin.models import OneTimeCode
from securelogin.models.counting import DAY, HOUR, MONTH, YEAR
from tests.services.statements import statements_of

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)
CONF = Conf()
KEY = "0123456789abcdef"
LIVE = {"nonce": "n", "expires_at": NOON + HOUR}
OPEN_WINDOWS = {"day_began_at": NOON - HOUR, "month_began_at": NOON - HOUR}


def made(key: str = KEY, /, **fields: Any) -> OneTimeCode:
    """Make a row, touched at noon unless told otherwise."""
    return OneTimeCode.objects.create(key=key, **{"touched_at": NOON, **fields})


def values(key: str = KEY) -> dict[str, Any]:
    """Return what is in the row, without what is empty."""
    found = model_to_dict(OneTimeCode.objects.get(key=key))
    return {name: value for name, value in found.items() if value not in (None, "", 0)}


def count(nonce: str | None = None, *, key: str = KEY, at: datetime = NOON) -> bool:
    """Count a failure."""
    return OneTimeCode.objects.count_failure(key, at=at, conf=CONF, nonce=nonce)


# Touch


def test_touched_row_is_made_once_and_keeps_its_counts() -> None:
    """Whether it is there or not it is touched, and holds the given values beside what it held."""
    rows = OneTimeCode.objects
    rows.touch(KEY, at=NOON, display_name="Ada")
    assert values() == {"key": KEY, "touched_at": NOON, "display_name": "Ada"}
    rows.filter(key=KEY).update(sends_in_day=3)
    rows.touch(KEY, at=NOON + SECOND)
    assert values() == {"key": KEY, "touched_at": NOON + SECOND, "display_name": "Ada", "sends_in_day": 3}


@pytest.mark.usefixtures("replica")
def test_row_is_touched_where_no_replica_is() -> None:
    """A replica's database may be of another kind."""
    OneTimeCode.objects.touch(KEY, at=NOON)
    assert OneTimeCode.objects.using("default").get().key == KEY


def test_database_that_is_named_is_the_only_one(elsewhere: str) -> None:
    """A project may keep its rows in another database than the default one."""
    rows = OneTimeCode.objects.using(elsewhere)
    rows.touch(KEY, at=NOON, **LIVE)
    assert rows.count_failure(KEY, at=NOON, conf=CONF, nonce="n")
    assert rows.consume(KEY, nonce="n", at=NOON)
    rows.forgive(KEY, is_success=True)
    renewed = renew(rows.get())
    renewed.save_ask(using=elsewhere)
    assert rows.get().nonce == renewed.nonce == rows.touched(KEY, at=NOON).nonce
    rows.update(**LIVE)
    rows.adopt("new", [KEY])
    assert rows.scrub(NOON + 2 * DAY) == 1
    assert rows.clearable(NOON + YEAR).get().key == "new"


# Ask


def test_row_that_is_asked_for_is_made_once_and_read() -> None:
    """In one statement, as the manager reads it, with all that it held."""
    for state in ({}, {**LIVE, "failures_in_day": 3, "display_name": "Ada", "resend_at": NOON}):
        OneTimeCode.objects.filter(key=KEY).update(**state)
        moment = NOON + (len(state) + 1) * SECOND
        (read,) = [OneTimeCode.objects.touched(KEY, at=moment)]
        plain = OneTimeCode.objects.get()
        assert {**vars(read), "_state": None} == {**vars(plain), "_state": None}
        assert (read._state.adding, read._state.db, read.touched_at) == (False, plain._state.db, moment)


@pytest.mark.usefixtures("replica")
def test_row_that_is_asked_for_is_read_where_no_replica_is() -> None:
    """A replica may not know yet when the last code was sent."""
    OneTimeCode.objects.touched(KEY, at=NOON)
    assert OneTimeCode.objects.using("default").get().touched_at == NOON


def renew(row: OneTimeCode) -> OneTimeCode:
    """Put a new code in its place, without writing it."""
    row.renew(at=NOON + SECOND, conf=CONF, purpose=Purpose.LOGIN, provider="p", code_length=8)
    return row


def test_new_code_is_written_into_its_row_and_no_other() -> None:
    """All that it changes, and nothing that somebody else wrote meanwhile."""
    row = renew(made(**LIVE, consumed_at=NOON))
    made("other", **LIVE)
    before = values("other")
    OneTimeCode.objects.filter(key=KEY).update(failures_in_day=3)
    row.save_ask(using="default")
    assert model_to_dict(OneTimeCode.objects.get(key=KEY)) == {**model_to_dict(row), "failures_in_day": 3}
    assert values("other") == before


# Count


def test_failure_is_counted_in_every_budget_of_its_row_and_no_other() -> None:
    """One statement counts the guess at the code, in the day, in thirty days and in a row."""
    made(**LIVE)
    made("other", **LIVE)
    before = values("other")
    assert count("n", at=NOON + SECOND)
    assert count("n", at=NOON + 2 * SECOND)
    assert values() == {
        "key": KEY,
        "touched_at": NOON + 2 * SECOND,
        **LIVE,
        "guesses": 2,
        "failed_at": NOON + 2 * SECOND,
        "failures_in_day": 2,
        "day_began_at": NOON + SECOND,
        "failures_in_month": 2,
        "month_began_at": NOON + SECOND,
        "failures_in_a_row": 2,
    }
    assert values("other") == before


@pytest.mark.parametrize(
    ("changes", "is_counted"),
    [
        ({}, True),
        ({"guesses": 4}, True),
        ({"guesses": 5}, False),
        ({"expires_at": NOON + SECOND}, True),
        ({"expires_at": NOON}, False),
        ({"expires_at": None}, False),
        ({"consumed_at": NOON}, False),
        ({"nonce": "another"}, False),
    ],
)
def test_guess_is_counted_at_the_live_code_it_was_made_at(changes: dict[str, Any], is_counted: bool) -> None:
    """What is dead, used up or replaced cannot be guessed at; without a code in question none is looked at (A11)."""
    made(**{**LIVE, **changes})
    before = values()
    assert count("n") is is_counted
    assert (values() != before) is is_counted
    assert count()
    assert values()["failures_in_day"] == 1 + is_counted


@pytest.mark.parametrize(
    ("spent", "has_room"),
    [
        ({"failures_in_day": 9, "day_began_at": NOON - HOUR}, True),
        ({"failures_in_day": 10, "day_began_at": NOON - DAY + SECOND}, False),
        ({"failures_in_day": 10, "day_began_at": NOON - DAY}, True),
        ({"failures_in_day": 10}, True),
        ({"failures_in_month": 49, "month_began_at": NOON - HOUR}, True),
        ({"failures_in_month": 50, "month_began_at": NOON - MONTH + SECOND}, False),
        ({"failures_in_month": 50, "month_began_at": NOON - MONTH}, True),
        ({"failures_in_month": 50}, True),
        ({"failures_in_a_row": 99}, True),
        ({"failures_in_a_row": 100}, False),
        ({"failures_in_a_row": 99, "disabled_at": NOON - HOUR}, False),
    ],
)
def test_no_guess_is_counted_beyond_a_budget(spent: dict[str, Any], has_room: bool) -> None:
    """The statement lets just those guesses through that the row says may be looked at (B2)."""
    row = made(**LIVE, **spent)
    before = values()
    assert count("n") is has_room
    assert (values() != before) is has_room
    assert row.is_locked(NOON, CONF) is not has_room or row.failures_in_a_row == 100


@pytest.mark.parametrize(
    ("ago", "after"),
    [(timedelta(0), (4, 4)), (DAY - SECOND, (4, 4)), (DAY, (1, 4)), (MONTH - SECOND, (1, 4)), (MONTH, (1, 1))],
)
def test_window_that_is_over_begins_anew(ago: timedelta, after: tuple[int, int]) -> None:
    """With the failure that finds it over, which is the first in it."""
    made(failures_in_day=3, failures_in_month=3, day_began_at=NOON - ago, month_began_at=NOON - ago)
    assert count()
    row = OneTimeCode.objects.get()
    assert (row.failures_in_day, row.failures_in_month) == after
    assert row.day_began_at == (NOON if after[0] == 1 else NOON - ago)
    assert row.month_began_at == (NOON if after[1] == 1 else NOON - ago)


@pytest.mark.parametrize(("before", "disabled_at"), [(97, None), (98, None), (99, NOON)])
def test_last_failure_in_a_row_disables(before: int, disabled_at: datetime | None) -> None:
    """The hundredth disables codes in the statement that counts it (B2)."""
    made(failures_in_a_row=before)
    assert count()
    row = OneTimeCode.objects.get()
    assert (row.failures_in_a_row, row.disabled_at) == (before + 1, disabled_at)


# Consume, forgive


def failed(key: str = KEY, /, **fields: Any) -> OneTimeCode:
    """Make a row with a name, a live code and failures of all kinds, the last of which disabled it."""
    counts = {"failures_in_day": 2, "failures_in_month": 3, "failures_in_a_row": 4, "disabled_at": NOON}
    return made(
        key, **{**LIVE, **OPEN_WINDOWS, **counts, "display_name": "Ada", "name_expires_at": NOON + DAY, **fields}
    )


def test_code_that_is_used_up_takes_the_name_and_what_it_cost_with_it() -> None:
    """The failure that was counted for it is given back, those in a row are over, and nothing is disabled."""
    failed()
    failed("other")
    before = values("other")
    assert OneTimeCode.objects.consume(KEY, nonce="n", at=NOON + SECOND) is True
    assert values() == {
        "key": KEY,
        "touched_at": NOON,
        **LIVE,
        **OPEN_WINDOWS,
        "consumed_at": NOON + SECOND,
        "failures_in_day": 1,
        "failures_in_month": 2,
    }
    assert values("other") == before


@pytest.mark.parametrize("changes", [{"nonce": "another"}, {"consumed_at": NOON}])
def test_code_that_is_another_or_was_used_is_not_used_up(changes: dict[str, Any]) -> None:
    """Nothing is written where another call was first (A4, A5)."""
    failed(**changes)
    before = values()
    assert OneTimeCode.objects.consume(KEY, nonce="n", at=NOON + SECOND) is False
    assert values() == before


@pytest.mark.parametrize(("is_success", "in_a_row"), [(False, 3), (True, 0)])
def test_one_failure_is_given_back(is_success: bool, in_a_row: int) -> None:
    """In every budget of the row and of no other; a success ends the failures in a row."""
    failed()
    failed("other")
    before, other = values(), values("other")
    OneTimeCode.objects.forgive(KEY, is_success=is_success)
    del before["disabled_at"]
    expected = {**before, "failures_in_day": 1, "failures_in_month": 2, "failures_in_a_row": in_a_row}
    assert values() == {name: value for name, value in expected.items() if value}
    assert values("other") == other


@pytest.mark.parametrize(("before", "after"), [(0, 0), (1, 0), (2, 1)])
def test_no_count_is_below_none(before: int, after: int) -> None:
    """A window may have begun anew between the count and what gives it back."""
    counts = ("failures_in_day", "failures_in_month", "failures_in_a_row")
    made(**dict.fromkeys(counts, before))
    OneTimeCode.objects.forgive(KEY, is_success=False)
    row = OneTimeCode.objects.get()
    assert [getattr(row, each) for each in counts] == [after] * 3


# Adopt


def test_row_of_an_old_name_gets_the_new_one() -> None:
    """The first of the old names that has a row; the others stay, and so does what is in it."""
    made("older", sends_in_day=2)
    made("oldest", sends_in_day=1)
    OneTimeCode.objects.adopt("new", ["old", "older", "oldest"])
    rows = OneTimeCode.objects.order_by("sends_in_day")
    assert list(rows.values_list("key", "sends_in_day")) == [("oldest", 1), ("new", 2)]


def test_row_that_has_the_new_name_stays() -> None:
    """Then nothing is written: what fails in a transaction would spoil it."""
    made("old", sends_in_day=2)
    made("new", sends_in_day=1)
    statements = statements_of(lambda: OneTimeCode.objects.adopt("new", ["old"]))
    assert [each.split()[0] for each in statements] == ["SELECT"]
    assert values("old")["sends_in_day"] == 2


# Clear


@pytest.mark.parametrize(
    ("held", "until"),
    [
        ({}, NOON + DAY),
        ({"expires_at": NOON + HOUR}, NOON + DAY + HOUR),
        ({"name_expires_at": NOON + 3 * DAY}, NOON + 3 * DAY),
        ({"month_began_at": NOON}, NOON + MONTH),
        ({"failures_in_a_row": 1}, NOON + YEAR),
        ({"failures_in_a_row": 1, "month_began_at": NOON}, NOON + YEAR),
        ({"failures_in_a_row": 1, "expires_at": NOON + YEAR}, NOON + YEAR + DAY),
        ({"failures_in_a_row": 1, "name_expires_at": NOON + 2 * YEAR}, NOON + 2 * YEAR),
    ],
)
def test_row_is_kept_for_what_it_holds_the_longest(held: dict[str, Any], until: datetime) -> None:
    """To the second, and from when it was touched (P1)."""
    made(**held)
    for at in (NOON - SECOND, NOON, NOON + SECOND, until - SECOND, until):
        assert not OneTimeCode.objects.clearable(at).exists()
    assert OneTimeCode.objects.clearable(until + SECOND).exists()


def test_disabled_row_is_kept_for_good() -> None:
    """Whatever else is over."""
    made(disabled_at=NOON)
    assert not OneTimeCode.objects.clearable(NOON + 9 * YEAR).exists()


CODE = {"nonce": "n", "provider_id": "p", "expires_at": NOON}
NAME = {"display_name": "Ada", "name_expires_at": NOON + DAY}


@pytest.mark.parametrize(
    ("held", "after", "left"),
    [
        (CODE, DAY, CODE),
        (CODE, DAY + SECOND, {"expires_at": NOON}),
        (NAME, DAY, NAME),
        (NAME, DAY + SECOND, {}),
        ({**CODE, **NAME}, DAY, {**CODE, **NAME}),
        ({**CODE, **NAME}, DAY + SECOND, {"expires_at": NOON}),
        (
            {**CODE, **NAME, "name_expires_at": NOON + 2 * DAY},
            DAY + SECOND,
            {**NAME, "name_expires_at": NOON + 2 * DAY, "expires_at": NOON},
        ),
        ({**CODE, **NAME, "expires_at": NOON + DAY}, DAY + SECOND, {**CODE, "expires_at": NOON + DAY}),
        (
            {**CODE, **NAME, "expires_at": NOON + DAY, "name_expires_at": NOON},
            SECOND,
            {**CODE, "expires_at": NOON + DAY},
        ),
        ({"expires_at": NOON}, 2 * DAY, {"expires_at": NOON}),
    ],
)
def test_what_is_over_is_taken_out_of_a_row_that_stays(
    held: dict[str, Any], after: timedelta, left: dict[str, Any]
) -> None:
    """A code a day after its end, a name at once, neither with the other, and nothing twice (P1)."""
    made(**held, sends_in_day=1)
    rows, at, is_over = OneTimeCode.objects, NOON + after, held != left
    assert rows.scrubbable(at).count() == rows.scrub(at) == is_over
    assert values() == {"key": KEY, "touched_at": NOON, "sends_in_day": 1, **left}
    assert not rows.scrubbable(at).exists()


def test_every_row_is_scrubbed() -> None:
    """However many hold something that is over."""
    for key in ("a", "b", "c"):
        made(key, **CODE)
    made("d")
    assert OneTimeCode.objects.scrub(NOON + 2 * DAY) == 3
