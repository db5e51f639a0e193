"""What somebody who knows no more than a number can do to its owner, and what not (B13)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from .alike import DAY, HOUR, MINUTE, SECOND, TODAY, WRONG_CODE, Stranger, disable, right_code, row_of
from .owners import PHONE, Owner, spend_guesses

pytestmark = pytest.mark.django_db

OTHER_PHONE = "+12122310143"
NEXT_PHONES = [f"+121223001{number}" for number in range(50, 60)]
"""Numbers in the range of ``PHONE``."""


@pytest.fixture
def stranger() -> Stranger:
    """Somebody who knows the number."""
    return Stranger(PHONE, "198.51.100.1")


@pytest.fixture
def owner(time_machine: Any) -> Owner:
    """The owner, an hour after the login of a device of theirs."""
    time_machine.move_to(TODAY - HOUR, tick=False)
    owner = Owner()
    assert owner.log_in()
    return owner


# A device that logged in before


def test_known_device_does_not_feel_a_stranger(owner: Owner, stranger: Stranger, time_machine: Any) -> None:
    """A week of asks and guesses, all there are: session, refresh and the next login of the device work every day."""
    for day in range(7):
        time_machine.move_to(TODAY + day * (DAY + MINUTE), tick=False)
        spend_guesses(stranger, time_machine)
        assert stranger.ask().told == "429 TooManyAttempts"
        assert not Owner(address="192.0.2.2").log_in()
        assert owner.refresh()
        assert owner.is_in()
        assert owner.log_in()
        assert owner.is_in()


def test_known_device_logs_in_where_codes_are_disabled(owner: Owner, stranger: Stranger, time_machine: Any) -> None:
    """A hundred wrong guesses of strangers disable strangers."""
    disable(PHONE)
    time_machine.move_to(TODAY, tick=False)
    assert not Owner(address="192.0.2.2").log_in()
    assert owner.log_in()


def test_known_device_does_not_share_the_range(owner: Owner, time_machine: Any) -> None:
    """Who asks for the neighbours until the range is spent stops neighbours, not the device."""
    time_machine.move_to(TODAY, tick=False)
    for index, phone in enumerate(NEXT_PHONES):
        assert Stranger(phone, f"198.51.100.{index}").ask().status == 200
    assert Stranger(PHONE, "198.51.100.99").ask().told == "429 TooManyRequests"
    assert owner.log_in()


def _foreign(_owner: Owner) -> str:
    other = Owner(OTHER_PHONE, "192.0.2.3")
    assert other.log_in()
    return str(other.device_token)


WORTHLESS: Mapping[str, Callable[[Owner], Any]] = {
    "empty": lambda _owner: "",
    "null": lambda _owner: None,
    "made up": lambda _owner: "eyJ1IjoiMSIsImQiOiIyIn0:1wXyZ0:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "of another account": _foreign,
    "without its last character": lambda owner: str(owner.device_token)[:-1],
    "without its first character": lambda owner: str(owner.device_token)[1:],
    "without its signature": lambda owner: str(owner.device_token).rpartition(":")[0],
    "its signature alone": lambda owner: str(owner.device_token).rpartition(":")[2],
    "an access token": lambda owner: owner.tokens["access_token"],
    "in capitals": lambda owner: str(owner.device_token).upper(),
}


@pytest.mark.parametrize("kind", WORTHLESS)
def test_device_token_that_is_not_the_owners_is_worthless(
    kind: str, owner: Owner, stranger: Stranger, time_machine: Any
) -> None:
    """It spends the strangers' budgets, and where they are spent it gets the answers of a stranger (B13, D3, D8)."""
    token = WORTHLESS[kind](owner)
    time_machine.move_to(TODAY, tick=False)
    stranger.ask(device_token=token)
    for _ in range(5):
        stranger.guess("000000", device_token=token)
    assert row_of(PHONE).failures_in_day == 5
    time_machine.shift(30 * SECOND)
    stranger.ask(device_token=token)
    stranger.fail(5)
    assert stranger.ask(device_token=token) == stranger.ask()
    refused = stranger.guess(right_code(PHONE), device_token=token)
    assert refused.told == WRONG_CODE
    assert refused == stranger.guess(right_code(PHONE))


def test_device_token_alone_opens_nothing(owner: Owner) -> None:
    """It is no token that a protected call or a refresh takes."""
    assert not owner.visitor.is_in(str(owner.device_token))
    owner.tokens["refresh_token"] = owner.device_token
    assert not owner.refresh()
