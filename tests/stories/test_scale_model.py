"""Guessing at scale: what a bot with all the time in the world gets out of the budgets (B17, B1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import count, cycle
from math import sqrt
from typing import Any

import pytest
from django.db.models import Sum

from securelogin.conf import Conf
from securelogin.models import OneTimeCode
from tests.api.visitor import wrong

from .alike import DAY, HOUR, MINUTE, SECOND, TODAY, Stranger, change, right_code

pytestmark = pytest.mark.django_db

PHONE = "+12122300143"
SPELLINGS = (
    "+12122300143",
    "tel:+1-212-230-0143",
    "+1 (212) 230-0143",
    "+1\u00a0212\u00a0230\u00a00143",
    "+1.212.230.0143",
)


@dataclass(frozen=True)
class Model:
    """A policy, and a code space of ``hidden`` digits: the bot is told the others.

    One hidden digit tells more in 150 days than two in 1000: a doubled allowance is four deviations off the bound.
    """

    hidden: int = 1
    days: int = 150
    codes: int = 2
    guesses: int = 5
    first: int = 2_300_000

    @property
    def chance(self) -> float:
        """The chance of a day, one minus that of missing every code: 1 - (1 - 5/10)² for one digit."""
        return float(1 - (1 - self.guesses / 10**self.hidden) ** self.codes)

    def is_plausible(self, won: int) -> bool:
        """Whether so many won days are within three standard deviations of what the policy allows."""
        mean = self.days * self.chance
        return abs(won - mean) <= 3 * sqrt(mean * (1 - self.chance))

    def play(self, clock: Any) -> int:
        """Let the bot try on each day until it is in or refused; returns the days on which it got in.

        A number is tried for five days: then its 30 days have no failure left.
        """
        won = 0
        for day in range(self.days):
            clock.move_to(TODAY + day * (DAY + MINUTE), tick=False)
            won += self._is_won(Stranger(f"+1212{self.first + day // 5}", "198.51.100.1"), clock)
        return won

    def _is_won(self, bot: Stranger, clock: Any) -> bool:
        while bot.ask().status == 200:
            known = right_code(bot.phone)[: -self.hidden]
            for guess in range(self.guesses + 2):
                if bot.guess(f"{known}{guess:0{self.hidden}}").status == 200:
                    return True
            clock.shift(2 * MINUTE)
        return False


def test_bot_gets_what_the_budgets_allow(time_machine: Any) -> None:
    """Five guesses at a code and ten failures a day open the door as often as they may, and no more.

    Chance alone breaks the bound in three runs of a thousand, so one of two runs has to keep it.
    """
    models = (Model(), Model(first=2_400_000))
    assert any(model.is_plausible(model.play(time_machine)) for model in models)


def test_doubled_allowance_would_be_seen(settings: Any, time_machine: Any) -> None:
    """The same bound is broken where twice as many failures are let through: the model is not blind."""
    change(settings, FAILURES_PER_DAY=20, FAILURES_PER_MONTH=100)
    won = Model().play(time_machine)
    assert won > Model().days * Model().chance
    assert not Model().is_plausible(won)


def test_paper_model_is_the_same_model() -> None:
    """Two digits and 1000 days, as the requirement counts: 97 or 98 days, give or take 28."""
    paper = Model(hidden=2, days=1000)
    assert paper.chance == pytest.approx(0.0975)
    assert [paper.is_plausible(won) for won in (69, 70, 125, 126, 185)] == [False, True, True, False, False]


class Swarm:
    """Guesses from a new address each time, in every spelling, with device tokens that it made up."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.spellings = cycle(SPELLINGS)
        self.addresses = count(1)

    def ask(self) -> Any:
        """Ask for a code."""
        return self._stranger().ask("login_sms", device_token="made:up:token")

    def guess(self, times: int) -> None:
        """Try wrong codes."""
        for _ in range(times):
            self._stranger().guess(wrong(right_code(PHONE)), device_token="made:up:token")

    def work(self, begin: datetime, shifts: int = 1) -> None:
        """Ask as soon as it is let and guess more than it is let; so in each shift, which is four hours."""
        for shift in range(shifts):
            self.clock.move_to(begin + shift * 4 * HOUR, tick=False)
            for pause in (0, 30, 60):
                self.clock.shift(pause * SECOND)
                self.ask()
                self.guess(6)

    def _stranger(self) -> Stranger:
        number = next(self.addresses)
        return Stranger(next(self.spellings), f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")


def evaluated() -> int:
    """Count the guesses that were compared with a code, in all rows there are."""
    assert OneTimeCode.objects.count() == 1
    return int(OneTimeCode.objects.aggregate(total=Sum("failures_in_month"))["total"])


def test_day_of_guessing_has_a_chance_of_one_in_a_hundred_thousand(time_machine: Any) -> None:
    """With the default settings ten guesses a day are compared, whatever addresses and spellings they come by."""
    Swarm(time_machine).work(TODAY, shifts=6)
    assert evaluated() == 10
    assert Fraction(evaluated(), 10 ** Conf().CODE_LENGTH) <= Fraction(1, 100_000)


def test_month_of_guessing_has_five_such_days(time_machine: Any) -> None:
    """From the sixth day to the thirtieth no guess is left."""
    swarm = Swarm(time_machine)
    for day in range(5):
        swarm.work(TODAY + day * (DAY + 5 * MINUTE))
        assert evaluated() == 10 * (day + 1)
    for day in range(6, 30):
        time_machine.move_to(TODAY + day * DAY, tick=False)
        assert swarm.ask().told == "429 TooManyAttempts"
        swarm.guess(1)
    assert evaluated() == 50


def test_two_windows_may_meet(time_machine: Any) -> None:
    """A window begins with its first failure: who waits for its end has 19 guesses in the worst 24 hours, never 20."""
    swarm = Swarm(time_machine)
    time_machine.move_to(TODAY, tick=False)
    swarm.ask()
    swarm.guess(1)
    swarm.work(TODAY + DAY - 5 * MINUTE)
    swarm.work(TODAY + DAY + SECOND)
    swarm.work(TODAY + 2 * DAY - 5 * MINUTE - SECOND)
    assert evaluated() - 1 == 19
