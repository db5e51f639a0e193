"""Nobody can tell what a number is: all that a stranger is answered is the same, byte for byte (C1)."""

from __future__ import annotations

from typing import Any

import pytest

from securelogin.services import sending
from securelogin.sms.locmem import outbox
from tests.services.statements import statements_of, without_values

from .alike import DAY, MINUTE, MODES, SECOND, TODAY, WRONG_CODE, Face, Stranger, change, disable, right_code, strangers

pytestmark = pytest.mark.django_db

REASONS = ("ResendTooSoon", "TooManyCodes", "TooManyAttempts", "TooManyRequests")
LIMITS = {"login_ip": "12/hour", "verify_ip": "14/hour", "register_ip": "4/hour"}
"""Low enough that one visit meets them all."""


def visit(stranger: Stranger, clock: Any) -> list[Face]:
    """Do all that a stranger can do to a number, from the first call to every kind of 429."""
    clock.move_to(TODAY, tick=False)
    stranger.register()
    stranger.ask()
    stranger.ask("login_sms")  # too soon
    stranger.fail(5)
    stranger.guess(right_code(stranger.phone))  # the code has no guess left
    clock.shift(30 * SECOND)
    stranger.ask("login_sms")
    stranger.fail(5)
    stranger.guess(right_code(stranger.phone))  # the number has no failure left today
    clock.shift(MINUTE)
    stranger.ask()
    clock.shift(DAY)
    stranger.ask()
    clock.shift(5 * MINUTE)
    stranger.guess(right_code(stranger.phone))  # over
    for _ in range(6):  # more codes than an hour has
        stranger.ask()
        clock.shift(2 * MINUTE)
    for _ in range(8):  # more than the range may, then more than the address may
        stranger.ask()
    stranger.fail(10)
    for _ in range(5):
        stranger.register()
    return stranger.faces


@pytest.mark.parametrize("send", ["inline", "thread"])
@pytest.mark.parametrize("mode", MODES)
def test_every_number_gets_the_same_answers(mode: str, send: str, settings: Any, time_machine: Any) -> None:
    """Status, headers, cookies, body and its length, and the attempt at which each 429 comes, are the same for all."""
    time_machine.move_to(TODAY, tick=False)
    change(settings, SIGNUP=mode, SEND=send, LIMITS=LIMITS)
    faces = {kind: visit(stranger, time_machine) for kind, stranger in strangers().items()}
    assert sending.drain()
    told = {face.told for face in faces["unknown"]}
    assert told >= {"200", WRONG_CODE, *(f"429 {reason}" for reason in REASONS)}
    assert ("403 SignupClosed" in told) == (mode == "closed")
    for kind, seen in faces.items():
        assert seen == faces["unknown"], kind


def knock(stranger: Stranger, clock: Any, *, is_disabled: bool) -> list[Face]:
    """Ask and guess for two codes; the row of a disabled number is disabled after its first code."""
    clock.move_to(TODAY, tick=False)
    stranger.ask()
    if is_disabled:
        disable(stranger.phone)
    for _ in range(2):
        clock.shift(MINUTE)
        stranger.ask()
        stranger.ask("login_sms")
        stranger.fail(3)
    return stranger.faces


@pytest.mark.parametrize("mode", MODES)
def test_disabled_number_answers_like_an_open_one(mode: str, settings: Any, time_machine: Any) -> None:
    """A number whose codes are disabled is sent nothing and answered as any other."""
    time_machine.move_to(TODAY, tick=False)
    change(settings, SIGNUP=mode)
    opened = knock(Stranger("+12122290143", "198.51.100.99"), time_machine, is_disabled=False)
    assert [face.told for face in opened[1:4]] == ["200", "429 ResendTooSoon", WRONG_CODE]
    time_machine.move_to(TODAY, tick=False)
    for kind, stranger in strangers().items():
        outbox.clear()
        assert knock(stranger, time_machine, is_disabled=True) == opened, kind
        assert len(outbox) <= 1, kind


@pytest.mark.parametrize("mode", MODES)
def test_every_number_costs_the_same_statements(mode: str, settings: Any, time_machine: Any) -> None:
    """Registering, asking, asking too soon, guessing without a code and guessing wrong read and write alike (C3)."""
    time_machine.move_to(TODAY, tick=False)
    change(settings, SIGNUP=mode)
    costs = {kind: cost(stranger) for kind, stranger in strangers().items()}
    assert all(costs["unknown"]) or mode == "closed"
    for kind, statements in costs.items():
        assert statements == costs["unknown"], kind


def cost(stranger: Stranger) -> list[list[str]]:
    """Return the statements of each of a stranger's calls."""
    calls = (
        lambda: stranger.guess("123456"),
        stranger.register,
        stranger.ask,
        stranger.ask,
        lambda: stranger.guess(right_code(stranger.phone)[::-1] + "0"),
        stranger.fail,
    )
    return [without_values(statements_of(call)) for call in calls]
