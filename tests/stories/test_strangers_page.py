"""What ``docs/explanation/strangers.md`` says of strangers is so (B13)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from securelogin import phones, services
from tests.api.visitor import Visitor, derived_id

from .alike import DAY, HOUR, MINUTE, SECOND, TODAY, Stranger, right_code
from .owners import PHONE, Owner, spend_guesses, texts_to

pytestmark = pytest.mark.django_db

PAGE = Path(__file__).resolve().parents[2] / "docs/explanation/strangers.md"


@dataclass
class Measure:
    """One row of the page's table: what a stranger spends, and for how long the owner's new device stays outside."""

    calls: int
    texts: int
    wait: str


def until_window_ends(clock: Any, wait: timedelta) -> str:
    """Return the wait, counted from the stranger's first call, after which a new device gets in, to the second."""
    clock.move_to(TODAY + wait - SECOND, tick=False)
    assert not Owner(address="192.0.2.2").log_in()
    clock.move_to(TODAY + wait, tick=False)
    assert Owner(address="192.0.2.2").log_in()
    return f"{wait // DAY} days" if wait > DAY else f"{wait // HOUR} hours"


def guess_for_a_day(stranger: Stranger, clock: Any) -> Measure:
    """Spend the failures of one day."""
    spend_guesses(stranger, clock)
    calls, texts = len(stranger.faces), texts_to(PHONE)
    return Measure(calls, texts, until_window_ends(clock, DAY))


def guess_for_five_days(stranger: Stranger, clock: Any) -> Measure:
    """Spend the failures of 30 days."""
    for day in range(5):
        clock.move_to(TODAY + day * (DAY + MINUTE), tick=False)
        spend_guesses(stranger, clock)
    calls, texts = len(stranger.faces), texts_to(PHONE)
    return Measure(calls, texts, until_window_ends(clock, 30 * DAY))


def guess_until_disabled(stranger: Stranger, clock: Any) -> Measure:
    """Fail a hundred times in a row."""
    for begin in (TODAY, TODAY + 30 * DAY):
        for day in range(5):
            clock.move_to(begin + day * (DAY + MINUTE), tick=False)
            spend_guesses(stranger, clock)
    calls, texts = len(stranger.faces), texts_to(PHONE)
    clock.shift(300 * DAY)
    assert not Owner(address="192.0.2.2").log_in()
    assert services.allow_codes(phones.parse(PHONE))
    clock.shift(MINUTE)
    assert Owner(address="192.0.2.2").log_in()
    return Measure(calls, texts, "until staff allows codes again")


def ask_for_a_day(stranger: Stranger, clock: Any) -> Measure:
    """Ask for every code of a day, and guess at none."""
    ask_all(stranger, clock, texts_to(PHONE) + 10)
    calls, texts = len(stranger.faces), texts_to(PHONE)
    return Measure(calls, texts, until_window_ends(clock, DAY))


def ask_for_a_week(stranger: Stranger, clock: Any) -> Measure:
    """Ask for every code of a week."""
    for day in range(7):
        clock.move_to(TODAY + day * DAY, tick=False)
        ask_all(stranger, clock, texts_to(PHONE) + 10)
        clock.shift(HOUR)
        assert stranger.ask().told == "429 TooManyCodes"
        del stranger.faces[-1]
    return Measure(len(stranger.faces), texts_to(PHONE), until_window_ends(clock, 7 * DAY))


def ask_all(stranger: Stranger, clock: Any, texts: int) -> None:
    """Ask as early as each answer allows, until so many texts were sent."""
    stranger.ask()
    while texts_to(PHONE) < texts:
        found = re.search(r'"(?:resend_after|retry_after)":(\d+)', stranger.faces[-1].body)
        assert found
        clock.shift(int(found[1]) * SECOND)
        stranger.ask()


def guess_at_the_owners_code(stranger: Stranger, _clock: Any) -> Measure:
    """Use up the guesses at the code that the owner's new device has just asked for."""
    owner = Visitor()
    owner.ask(PHONE, REMOTE_ADDR="192.0.2.2")
    code = right_code(PHONE)
    stranger.fail(5)
    assert owner.guess(code, userid=derived_id(PHONE), phone=PHONE).status_code == 400
    return Measure(len(stranger.faces), 0, "until the next code, 30 seconds")


SCENES: Mapping[str, Callable[[Stranger, Any], Measure]] = {
    "guesses until the day is spent": guess_for_a_day,
    "does so on five days": guess_for_five_days,
    "comes back after 30 days for five more": guess_until_disabled,
    "asks until the day is spent": ask_for_a_day,
    "does that for a week": ask_for_a_week,
    "guesses at a code the owner asked for": guess_at_the_owners_code,
}


def documented() -> dict[str, Measure]:
    """Read the table of the page."""
    rows = re.findall(r"^\| ([^|]+) \| (\d+) \| (\d+) \| ([^|]+) \|$", PAGE.read_text(), re.MULTILINE)
    return {name: Measure(int(calls), int(texts), wait) for name, calls, texts, wait in rows}


@pytest.mark.parametrize("scene", SCENES)
def test_page_says_what_a_stranger_can_still_do(scene: str, time_machine: Any) -> None:
    """Calls, texts and wait are measured with the default settings and are those of the page."""
    time_machine.move_to(TODAY, tick=False)
    assert SCENES[scene](Stranger(PHONE, "198.51.100.1"), time_machine) == documented()[scene]


def test_page_has_no_other_rows() -> None:
    """Every row of its table is measured."""
    assert list(documented()) == list(SCENES)


def test_two_windows_of_texts_may_meet(time_machine: Any) -> None:
    """Who waits for the end of a window has 19 texts sent in the worst 24 hours, never 20."""
    stranger = Stranger(PHONE, "198.51.100.1")
    time_machine.move_to(TODAY, tick=False)
    stranger.ask()
    for begin, texts in ((TODAY + DAY - 3 * HOUR, 10), (TODAY + DAY, 20)):
        time_machine.move_to(begin, tick=False)
        ask_all(stranger, time_machine, texts)
    time_machine.move_to(TODAY + 2 * DAY - 3 * HOUR - SECOND, tick=False)
    assert stranger.ask().told == "429 TooManyCodes"
    assert texts_to(PHONE) - 1 == 19
