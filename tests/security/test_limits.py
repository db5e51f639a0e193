"""Group B: how often somebody may guess, however numbers are spelled and whichever address calls."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
import redis

from securelogin import limits
from securelogin.models import Counter, OneTimeCode
from securelogin.sms.locmem import outbox
from tests.api.refusals import (
    INVALID,
    TOO_MANY_ATTEMPTS,
    TOO_MANY_REQUESTS,
    WRONG_CODE,
    refusal_of,
)
from tests.api.visitor import derived_id, wrong
from tests.visits import PHONE

from .calls import ROOM_TO_SEND, ask, computed, configure, guess, number, row_of, sent_to

pytestmark = pytest.mark.django_db

NOON = datetime(2031, 5, 6, 12, tzinfo=timezone.utc)
OWN_PHONE = "+13105550123"
"""The attacker's own."""

SPELLINGS = [
    PHONE,
    "+1 202-555-0123",
    "+1 (202) 555.0123",
    "+1\u00a0202\u00a05550123",
    "tel:+12025550123",
    "001 202 555 0123",
]
"""One number, as a German may write it."""

REFUSED = [
    "\u202d+12025550123\u202c",
    "＋１２０２５５５０１２３",
    "+1202555O123",
    "+12025550123;ext=1",
    "+12025550123\n",
]


@pytest.fixture(autouse=True)
def _redis_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no Redis lost to the next test."""
    monkeypatch.setattr(limits, "_lost_until", 0.0)


def address(index: int) -> str:
    """Return one of 250 addresses."""
    return f"198.51.100.{index + 1}"


# Failures


def test_spellings_and_addresses_share_one_budget(settings: Any) -> None:
    """Ten failures from ten addresses, in all spellings and at four codes, leave no room for the right code (B1)."""
    configure(settings, **ROOM_TO_SEND, DEFAULT_REGION="DE")
    for done in range(10):
        spelled = SPELLINGS[done % len(SPELLINGS)]
        if done % 3 == 0:
            assert ask(spelled, address=address(done)).json()["phone"] == PHONE
        answer = guess(wrong(sent_to(PHONE)), spelled, userid=derived_id(), address=address(done))
        assert refusal_of(answer) == WRONG_CODE
        assert row_of().failures_in_day == done + 1
    assert row_of().guesses == 1
    for index, spelled in enumerate(SPELLINGS):
        answer = guess(sent_to(PHONE), spelled, userid=derived_id(), address=address(100 + index))
        assert refusal_of(answer) == WRONG_CODE
        assert refusal_of(ask(spelled, address=address(100 + index))) == TOO_MANY_ATTEMPTS
    assert OneTimeCode.objects.count() == 1


@pytest.mark.parametrize("spelled", REFUSED)
def test_spelling_that_is_refused_reaches_no_code(spelled: str) -> None:
    """It is no other number with guesses of its own: the right code opens nothing under it (B1)."""
    ask()
    assert refusal_of(guess(sent_to(PHONE), spelled, userid=derived_id())) == INVALID
    assert (row_of().guesses, OneTimeCode.objects.count()) == (0, 1)


def test_codes_asked_for_side_by_side_share_one_budget(settings: Any) -> None:
    """Fifty addresses that ask, and try four times each, have ten tries together (B1)."""
    configure(settings, **ROOM_TO_SEND)
    asked = 0
    for index in range(50):
        asked += ask(address=address(index)).status_code == 200
        for _guess in range(4):
            assert refusal_of(guess(wrong(computed()), address=address(index))) == WRONG_CODE
    assert row_of().failures_in_day == row_of().failures_in_month == 10
    assert asked == len(outbox) == 3


def test_flushed_redis_gives_no_guess_back(settings: Any, redis_url: str) -> None:
    """Failures are in the number's row, not in what Redis keeps (B4)."""
    configure(settings, **{**ROOM_TO_SEND, "LIMITS": {}}, LIMITS_STORAGE=redis_url)
    flushed = 0
    for done in range(10):
        if done % 4 == 0:
            assert ask().status_code == 200
        assert refusal_of(guess(wrong(computed()))) == WRONG_CODE
        with redis.Redis.from_url(redis_url) as client:
            flushed += client.dbsize()
            client.flushdb()
    assert flushed
    assert row_of().guesses == 2
    assert refusal_of(guess(computed())) == WRONG_CODE
    assert refusal_of(ask()) == TOO_MANY_ATTEMPTS


def test_site_without_its_redis_answers_and_counts(settings: Any) -> None:
    """The answers are those of a site that has it, never 500, and the limits hold (B4)."""
    configure(settings, LIMITS_STORAGE="redis://127.0.0.1:1/0", LIMITS={"login_ip": "3/hour"})
    statuses = [ask(number(index)).status_code for index in range(6)]
    assert statuses == [200] * 3 + [429] * 3
    assert len(outbox) == 3


@pytest.mark.parametrize("backend", ["dummy.DummyCache", "locmem.LocMemCache"])
def test_no_cache_is_counted_in(settings: Any, backend: str) -> None:
    """A cache that forgets, or that each process has for itself, widens nothing (B3)."""
    settings.CACHES = {"default": {"BACKEND": f"django.core.cache.backends.{backend}"}}
    configure(settings, LIMITS={"login_ip": "2/hour"})
    assert [ask(number(index)).status_code for index in range(3)] == [200, 200, 429]
    for _guess in range(5):
        guess(wrong(sent_to(number(0))), number(0))
    assert refusal_of(guess(sent_to(number(0)), number(0))) == WRONG_CODE


def test_own_successes_buy_no_guess(settings: Any, time_machine: Any) -> None:
    """Who logs in to a phone of one's own between guesses gets none of address and victim back (B12)."""
    time_machine.move_to(NOON, tick=False)
    configure(settings, RESEND_PAUSES=(), LIMITS={"verify_ip": "8/hour", "login_ip": "4/hour"})
    ask()
    for _visit in range(2):
        for _guess in range(2):
            assert refusal_of(guess(wrong(sent_to(PHONE)))) == WRONG_CODE
        ask(OWN_PHONE)
        assert guess(sent_to(OWN_PHONE), OWN_PHONE).status_code == 200
    assert row_of().failures_in_day == row_of().failures_in_a_row == 4
    for name, count in (("verify_ip", 6), ("login_ip", 3), ("login_site", 3)):
        assert Counter.objects.get(key__startswith=name).count == count
    assert ask(OWN_PHONE).status_code == 200
    assert refusal_of(ask(OWN_PHONE)) == TOO_MANY_REQUESTS
    assert guess(sent_to(OWN_PHONE), OWN_PHONE).status_code == 200
    assert refusal_of(guess(wrong(sent_to(PHONE)))) == WRONG_CODE
    assert refusal_of(guess(sent_to(PHONE))) == TOO_MANY_ATTEMPTS
