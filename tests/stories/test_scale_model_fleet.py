"""Guessing at all numbers together: what the site's own budgets leave of it (B15, B17)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from securelogin import codes
from securelogin.conf import DEFAULT_LIMITS, Conf
from tests.api.visitor import wrong
from tests.races.supplies import fictional_numbers

from .alike import HOUR, MINUTE, TODAY, Stranger, change, right_code, row_of

pytestmark = pytest.mark.django_db

SENDS = 6
"""Codes an hour for the site."""

FAILURES = 10
"""Wrong guesses a day for the site."""


class Fleet:
    """A bot with as many addresses and numbers as it wants, which counts its guesses that were compared, by length."""

    def __init__(self) -> None:
        self.numbers = fictional_numbers()
        self.compared: Counter[int] = Counter()
        self.met: list[Stranger] = []

    def ask(self, most: int = 2 * SENDS) -> list[Stranger]:
        """Ask for codes until the site sends no more, or for so many."""
        asked: list[Stranger] = []
        while len(asked) < most and (bot := self._stranger()).ask().status == 200:
            asked.append(bot)
        return asked

    def guess(self, asked: list[Stranger]) -> None:
        """Guess at each code as often as it is let."""
        for bot in asked:
            code = right_code(bot.phone)
            for _ in range(Conf().CODE_MAX_GUESSES + 1):
                bot.guess(wrong(code))
            self.compared[len(code)] += row_of(bot.phone).guesses

    def _stranger(self) -> Stranger:
        self.met.append(Stranger(next(self.numbers), f"10.1.{len(self.met) // 250}.{len(self.met) % 250 + 1}"))
        return self.met[-1]


def bound(settings: Any) -> None:
    """Bound the site, and neither ranges nor addresses: the bot has enough of them."""
    limits = {"login_site": f"{SENDS}/hour", "spray_site": f"{FAILURES}/day", "login_range": None, "login_ip": None}
    change(settings, LIMITS={**limits, "verify_ip": None})


def test_short_codes_are_those_that_were_asked_for_before_the_alarm(settings: Any, time_machine: Any) -> None:
    """Two windows that meet send nearly two hours' codes, with five guesses each; after them every code is longer."""
    bound(settings)
    time_machine.move_to(TODAY, tick=False)
    fleet = Fleet()
    fleet.ask(1)
    time_machine.move_to(TODAY + HOUR - MINUTE, tick=False)
    asked = fleet.ask()
    time_machine.move_to(TODAY + HOUR + MINUTE, tick=False)
    asked += fleet.ask()
    assert len(asked) == 2 * SENDS - 1
    fleet.guess(asked)
    for hour in range(2, 24):
        time_machine.move_to(TODAY + hour * (HOUR + MINUTE), tick=False)
        fleet.guess(fleet.ask())
    short, longer = fleet.compared[6], fleet.compared[6 + codes.LONGER]
    assert short == (2 * SENDS - 1) * Conf().CODE_MAX_GUESSES > FAILURES
    assert longer == 22 * SENDS * Conf().CODE_MAX_GUESSES


def test_bot_that_guesses_as_it_asks_trips_the_alarm_at_once(settings: Any, time_machine: Any) -> None:
    """Where no codes lie in store, guesses at short ones end with the alarm."""
    bound(settings)
    time_machine.move_to(TODAY, tick=False)
    fleet = Fleet()
    for hour in range(24):
        time_machine.move_to(TODAY + hour * (HOUR + MINUTE), tick=False)
        for _ in range(SENDS):
            fleet.guess(fleet.ask(1))
    assert fleet.compared[6] == FAILURES


def test_fleet_of_the_default_settings() -> None:
    """What the same sums come to with the default settings; the page for strangers and decision 0006 quote them."""
    sends, failures = (int(str(DEFAULT_LIMITS[name]).partition("/")[0]) for name in ("login_site", "spray_site"))
    guesses = Conf().CODE_MAX_GUESSES
    assert guesses * 2 * sends / 10**6 == pytest.approx(0.01)
    assert failures / 10**6 == pytest.approx(0.001)
    assert guesses * 24 * sends / 10 ** (6 + codes.LONGER) == pytest.approx(0.0012)
