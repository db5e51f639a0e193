"""What ``docs/explanation/strangers.md`` says of whoever knows an address or a number, where passwords are offered."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from securelogin import services
from tests.api.visitor import PASSWORD, Visitor
from tests.factories import UserFactory

from .alike import DAY, MINUTE, SECOND, TODAY
from .owners import PHONE, Owner
from .test_strangers_page import PAGE

pytestmark = pytest.mark.django_db

EMAIL = "ada@example.com"


@pytest.fixture
def ada(settings: Any, time_machine: Any) -> Any:
    """Somebody with a number, an address and a password."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "AUTH_TYPES": ("PHONE", "PASSWORD")}
    time_machine.move_to(TODAY, tick=False)
    return UserFactory(phone=PHONE, email=EMAIL, password=PASSWORD)


def enter(password: str = PASSWORD, *, address: str = "192.0.2.1", **name: str) -> int:
    """Log in with a password, by the e-mail address unless told otherwise; returns the status."""
    body = {"auth_type": "PASSWORD", **(name or {"email": EMAIL}), "password": password}
    return int(Visitor().post("login", body, REMOTE_ADDR=address).status_code)


def guess_on_days(clock: Any, days: int) -> int:
    """Guess wrong as a stranger until the day is spent, on so many days, five a month; returns the calls."""
    calls = 0
    for month, day in (divmod(index, 5) for index in range(days)):
        clock.move_to(TODAY + month * 30 * DAY + day * (DAY + MINUTE), tick=False)
        for _call in range(10):
            assert enter("wrong", address="198.51.100.1") == 400
            calls += 1
    return calls


def documented() -> dict[str, tuple[int, str]]:
    """Read the page's table of passwords."""
    rows = re.findall(r"^\| ([^|]+) \| (\d+) \| ([^|]+) \|$", PAGE.read_text(), re.MULTILINE)
    return {name: (int(calls), wait) for name, calls, wait in rows}


def is_out_until(clock: Any, wait: timedelta) -> bool:
    """Whether the right password is refused for so long from the first call on, and not a second longer."""
    clock.move_to(TODAY + wait - SECOND, tick=False)
    is_out = enter() == 400
    clock.move_to(TODAY + wait, tick=False)
    return is_out and enter() == 200


@pytest.mark.parametrize(
    ("name", "days", "wait", "told"),
    [
        ("guesses at it until the day is spent", 1, DAY, "24 hours"),
        ("guesses at it on five days", 5, 30 * DAY, "30 days"),
    ],
)
@pytest.mark.usefixtures("ada")
def test_password_that_is_guessed_at_is_locked_for_its_owner(
    time_machine: Any, name: str, days: int, wait: timedelta, told: str
) -> None:
    """By the address that was guessed at, for as long as the page says (B13)."""
    calls = guess_on_days(time_machine, days)
    assert is_out_until(time_machine, wait)
    assert documented()[name] == (calls, told)


def test_password_that_is_guessed_at_for_two_months_waits_for_staff(ada: Any, time_machine: Any) -> None:
    """A hundred wrong guesses in a row lock it for good (B2, B13)."""
    calls = guess_on_days(time_machine, 10)
    time_machine.move_to(TODAY + 300 * DAY, tick=False)
    assert enter() == 400
    assert services.allow_passwords(ada)
    assert enter() == 200
    assert documented()["comes back to it after 30 days"] == (calls, "until staff allows passwords again")
    assert len(documented()) == 3


def test_device_of_the_owner_does_not_help_but_other_ways_stay(ada: Any, time_machine: Any) -> None:
    """No device token is taken with a password; session, code, and the password by number go on (B13)."""
    owner = Owner()
    assert owner.log_in()
    guess_on_days(time_machine, 1)
    body = {"auth_type": "PASSWORD", "email": EMAIL, "password": PASSWORD, "device_token": owner.device_token}
    assert owner.visitor.post("login", body, REMOTE_ADDR=owner.address).status_code == 400
    assert owner.refresh()
    assert owner.log_in()
    assert enter(phone=PHONE) == 200
