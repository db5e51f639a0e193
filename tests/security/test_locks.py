"""B2: the steps of waiting grow, and a hundred failures in a row are the end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.core.management import call_command

from securelogin import services
from securelogin.phones import E164
from securelogin.sms.locmem import outbox
from tests.api.refusals import TOO_MANY_ATTEMPTS, WRONG_CODE, refusal_of
from tests.api.visitor import wrong
from tests.visits import PHONE

from .calls import NO_LIMITS, ask, computed, configure, guess, row_of, sent_to

pytestmark = pytest.mark.django_db

NOON = datetime(2031, 5, 6, 12, tzinfo=timezone.utc)
DAY = 86_400


@dataclass(frozen=True)
class Lock:
    """What an attacker met in the end: so many failures counted, and the wait that was told, 0 for none."""

    failures: int
    wait: int


def run_into_lock(clock: Any) -> Lock:
    """Ask and guess wrong, and wait as long as asking itself wants, until the number is locked or sent nothing."""
    before = row_of().failures_in_a_row if outbox else 0
    for _ask in range(100):
        sent, asked = len(outbox), ask()
        if asked.status_code == 200 and len(outbox) == sent:
            return Lock(row_of().failures_in_a_row - before, 0)
        if asked.status_code == 200:
            for _guess in range(6):
                assert refusal_of(guess(wrong(sent_to(PHONE)))) == WRONG_CODE
            assert refusal_of(guess(sent_to(PHONE))) == WRONG_CODE
        elif refusal_of(asked) == TOO_MANY_ATTEMPTS:
            return Lock(row_of().failures_in_a_row - before, asked.json()["retry_after"])
        else:
            clock.shift(asked.json()["retry_after"])
    raise AssertionError("a hundred asks met no lock")


def test_each_step_waits_longer_and_the_last_for_good(settings: Any, time_machine: Any) -> None:
    """Five tries a code, ten a day, fifty in thirty days, a hundred in a row: then only staff opens again (B2)."""
    configure(settings, LIMITS=NO_LIMITS)
    time_machine.move_to(NOON, tick=False)
    locks: list[Lock] = []
    while not locks or locks[-1].wait:
        locks.append(run_into_lock(time_machine))
        time_machine.shift(locks[-1].wait)
    assert [lock.failures for lock in locks] == [*[10] * 10, 0]
    assert [round(lock.wait / DAY) for lock in locks] == [1, 1, 1, 1, 26, 1, 1, 1, 1, 26, 0]
    assert row_of().disabled_at is not None
    assert refusal_of(guess(computed())) == WRONG_CODE


def test_lock_comes_again_after_as_many_failures(settings: Any, time_machine: Any) -> None:
    """Who waits a lock out has no more tries than before it, and none of them is a second longer (B2)."""
    configure(settings, LIMITS=NO_LIMITS)
    time_machine.move_to(NOON, tick=False)
    lock = run_into_lock(time_machine)
    time_machine.shift(lock.wait - 1)
    assert refusal_of(ask()) == TOO_MANY_ATTEMPTS
    time_machine.shift(1)
    again = run_into_lock(time_machine)
    assert again.failures == lock.failures == 10
    assert again.wait >= lock.wait


def test_disabled_number_stays_so_until_staff_opens_it(settings: Any, time_machine: Any) -> None:
    """Neither years nor cleaning bring it back; the code that is not sent is wrong, though it is right (B2)."""
    configure(settings, LIMITS=NO_LIMITS, FAILURES_PER_DAY=1000, FAILURES_IN_A_ROW=10)
    time_machine.move_to(NOON, tick=False)
    assert run_into_lock(time_machine) == Lock(10, 0)
    for _year in range(3):
        time_machine.shift(timedelta(days=366))
        call_command("clear_securelogin", verbosity=0)
        sent = len(outbox)
        assert ask().status_code == 200
        assert len(outbox) == sent
        assert refusal_of(guess(computed())) == WRONG_CODE
    assert services.allow_codes(E164(PHONE))
    time_machine.shift(30)
    assert ask().status_code == 200
    assert guess(sent_to(PHONE)).status_code == 200
