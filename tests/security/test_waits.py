"""B14: a refusal says when to come back, and is true; it says the same of numbers with and without an account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from tests.api.refusals import TOO_MANY_ATTEMPTS, TOO_MANY_REQUESTS, Refusal, refusal_of
from tests.api.visitor import PASSWORD, Visitor, wrong
from tests.factories import UserFactory
from tests.visits import PHONE

from .calls import ask, computed, configure, guess, number

pytestmark = pytest.mark.django_db

NOON = datetime(2031, 5, 6, 12, tzinfo=timezone.utc)
HOUR, DAY = 3600, 86_400
ALLOWED = 3


def _register(index: int) -> Any:
    body = {"auth_type": "PHONE", "username": "Ada", "phone": number(index)}
    return Visitor().post("register", body, REMOTE_ADDR=f"198.51.100.{index + 1}")


def _register_at_home(index: int) -> Any:
    return Visitor().post("register", {"auth_type": "PHONE", "username": "Ada", "phone": number(index)})


def _password(index: int) -> Any:
    body = {"auth_type": "PASSWORD", "phone": number(index), "password": "wrong"}
    return Visitor().post("login", body, REMOTE_ADDR=f"198.51.100.{index + 1}")


def _password_at_home(index: int) -> Any:
    return Visitor().post("login", {"auth_type": "PASSWORD", "phone": number(index), "password": "wrong"})


LIMITS: dict[str, tuple[Callable[[int], Any], Refusal]] = {
    "verify_ip": (lambda index: guess("123456", number(index)), TOO_MANY_ATTEMPTS),
    "password_ip": (_password_at_home, TOO_MANY_ATTEMPTS),
    "password_site": (_password, TOO_MANY_REQUESTS),
    "register_ip": (_register_at_home, TOO_MANY_REQUESTS),
    "register_site": (_register, TOO_MANY_REQUESTS),
    "login_ip": (lambda index: ask(number(index)), TOO_MANY_REQUESTS),
}


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize("name", list(LIMITS))
def test_limit_ends_when_it_says(settings: Any, time_machine: Any, name: str, is_known: bool) -> None:
    """``Retry-After`` seconds later the call is heard, a second earlier not; nothing of it is cached (B14)."""
    call, refusal = LIMITS[name]
    configure(settings, AUTH_TYPES=("PHONE", "PASSWORD"), LIMITS={name: f"{ALLOWED}/hour"})
    time_machine.move_to(NOON, tick=False)
    if is_known:
        for index in range(ALLOWED + 1):
            UserFactory(phone=number(index), password=PASSWORD)
    assert 429 not in [call(index).status_code for index in range(ALLOWED)]
    time_machine.shift(600)
    for shift, left in ((0, HOUR - 600), (HOUR - 601, 1)):
        time_machine.shift(shift)
        refused = call(ALLOWED)
        assert refusal_of(refused) == refusal
        assert refused.json()["retry_after"] == left
    time_machine.shift(1)
    assert call(ALLOWED).status_code != 429


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "unknown"])
def test_lock_of_a_number_ends_when_it_says(time_machine: Any, is_known: bool) -> None:
    """A number whose failures are spent is sent a code again with the second that was told (B14)."""
    if is_known:
        UserFactory(phone=PHONE)
    time_machine.move_to(NOON, tick=False)
    for _code in range(2):
        assert ask().status_code == 200
        for _guess in range(5):
            guess(wrong(computed()))
        time_machine.shift(60)
    for shift, left in ((0, DAY - 120), (DAY - 121, 1)):
        time_machine.shift(shift)
        refused = ask()
        assert refusal_of(refused) == TOO_MANY_ATTEMPTS
        assert refused.json()["retry_after"] == left
    time_machine.shift(1)
    assert ask().status_code == 200
