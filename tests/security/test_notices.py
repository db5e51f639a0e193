"""What the owner of an account is told (H5): once for each thing, seldom enough, and with no secret in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import OperationalError, connection

from securelogin import signals
from securelogin.models import Counter
from securelogin.services.notices import Notice
from tests.api.visitor import PASSWORD, Visitor, derived_id, sent_code, wrong
from tests.factories import SessionFactory, UserFactory, tokens_of
from tests.services.statements import statements_of, without_values
from tests.visits import PHONE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def told() -> Iterator[list[tuple[Any, Notice]]]:
    """Who was told of what."""
    heard: list[tuple[Any, Notice]] = []

    def hear(user: Any, notice: Notice, **_arguments: Any) -> None:
        heard.append((user, notice))

    signals.owner_notice.connect(hear)
    yield heard
    signals.owner_notice.disconnect(hear)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands until the test shifts it."""
    with time_machine.travel("2031-05-06T12:00:00+00:00", tick=False) as traveller:
        yield traveller


def enter(visitor: Visitor, device: str | None = None) -> str:
    """Log in and return the device token."""
    visitor.ask(device_token=device)
    answer = visitor.guess(sent_code(), userid=derived_id(), device_token=device)
    assert answer.status_code == 200
    return str(answer.json()["device_token"])


def test_new_device(visitor: Visitor, told: list[tuple[Any, Notice]], clock: time_machine.Traveller) -> None:
    """A login on a device that nobody knows is told; the first of all and one on a known device are not."""
    device = enter(visitor)
    clock.shift(600)
    enter(visitor, device)
    assert told == []
    clock.shift(600)
    enter(visitor)
    assert [notice for _user, notice in told] == [Notice.NEW_DEVICE]
    assert told[0][0].phone == PHONE


@pytest.mark.parametrize(
    ("budget", "notice"),
    [
        ("FAILURES_PER_DAY", Notice.LOCKED),
        ("FAILURES_PER_MONTH", Notice.LOCKED),
        ("FAILURES_IN_A_ROW", Notice.DISABLED),
    ],
)
def test_lock(visitor: Visitor, told: list[tuple[Any, Notice]], settings: Any, budget: str, notice: Notice) -> None:
    """The guess that locks is told, the others are not; nobody is told for a number without an account."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, budget: 3}
    user = UserFactory(phone=PHONE)
    for phone in (PHONE, "+12025550199"):
        visitor.ask(phone)
        for _ in range(5):
            visitor.guess(wrong(sent_code()), userid=derived_id(phone), phone=phone)
    assert told == [(user, notice)]


def test_nobody_hides_a_lock(visitor: Visitor, told: list[tuple[Any, Notice]], settings: Any) -> None:
    """Whoever writes the number's row between the last guess and the look at it hides nothing from the owner."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "FAILURES_PER_DAY": 2}
    user = UserFactory(phone=PHONE)

    def register(**_arguments: Any) -> None:
        visitor.ask(route="register", username="Eve")

    visitor.ask()
    signals.code_rejected.connect(register)
    try:
        for _ in range(3):
            visitor.guess(wrong(sent_code()), userid=derived_id())
    finally:
        signals.code_rejected.disconnect(register)
    assert told == [(user, Notice.LOCKED)]


class BusyHasher(MD5PasswordHasher):
    """A hasher that takes its time, in which somebody else guesses too."""

    meanwhile: ClassVar[Callable[[], object] | None] = None

    def verify(self, password: str, encoded: str) -> bool:
        """Let the other guess, once, then compare."""
        act, type(self).meanwhile = type(self).meanwhile, None
        if act is not None:
            act()
        return super().verify(password, encoded)


def test_guesses_at_once_hide_no_lock(visitor: Visitor, told: list[tuple[Any, Notice]], settings: Any) -> None:
    """A guess that is refused while the last one is hashed hides nothing from the owner."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "AUTH_TYPES": ("PASSWORD",), "FAILURES_PER_DAY": 1}
    settings.PASSWORD_HASHERS = [f"{__name__}.BusyHasher"]
    user = UserFactory(phone=PHONE, password=PASSWORD)

    def guess() -> None:
        visitor.post("login", {"auth_type": "PASSWORD", "phone": PHONE, "password": "wrong"})

    BusyHasher.meanwhile = guess
    guess()
    assert told == [(user, Notice.LOCKED)]


def test_reuse(visitor: Visitor, told: list[tuple[Any, Notice]], clock: time_machine.Traveller) -> None:
    """An old refresh token that comes back is told once, however often it comes."""
    session = SessionFactory()
    tokens = tokens_of(session)
    visitor.post("refresh", {}, token=tokens.refresh_token)
    clock.shift(31)
    for _ in range(3):
        visitor.post("refresh", {}, token=tokens.refresh_token)
    assert told == [(session.user, Notice.REUSE)]


def test_reuse_for_those_who_listen_to_the_user_model(visitor: Visitor, clock: time_machine.Traveller) -> None:
    """A receiver that names the sender hears of a reuse too."""
    heard: list[Notice] = []

    def hear(notice: Notice, **_arguments: Any) -> None:
        heard.append(notice)

    tokens = tokens_of(SessionFactory())
    visitor.post("refresh", {}, token=tokens.refresh_token)
    clock.shift(31)
    signals.owner_notice.connect(hear, sender=get_user_model())
    try:
        visitor.post("refresh", {}, token=tokens.refresh_token)
    finally:
        signals.owner_notice.disconnect(hear, sender=get_user_model())
    assert heard == [Notice.REUSE]


def test_password(visitor: Visitor, told: list[tuple[Any, Notice]], settings: Any) -> None:
    """A changed password is told, a failed change is not."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "AUTH_TYPES": ("PHONE", "PASSWORD")}
    user = UserFactory(password=PASSWORD)
    access = tokens_of(SessionFactory(user=user)).access_token
    for old in ("wrong", PASSWORD):
        visitor.post("password", {"oldpassword": old, "newpassword": "another long way"}, token=access)
    assert told == [(user, Notice.PASSWORD)]


def test_old_password_that_is_guessed_at(visitor: Visitor, told: list[tuple[Any, Notice]], settings: Any) -> None:
    """Who has a token and guesses at the old password locks it, and the owner is told."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "AUTH_TYPES": ("PHONE", "PASSWORD"), "FAILURES_PER_DAY": 2}
    user = UserFactory(password=PASSWORD)
    access = tokens_of(SessionFactory(user=user)).access_token
    for _ in range(3):
        visitor.post("password", {"oldpassword": "wrong", "newpassword": "another long way"}, token=access)
    assert told == [(user, Notice.LOCKED)]


def test_notices_are_limited(
    visitor: Visitor, told: list[tuple[Any, Notice]], settings: Any, clock: time_machine.Traveller
) -> None:
    """``notice_user`` bounds what one owner hears of one kind of thing in a day, and the next day it is told again."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "LIMITS": {"notice_user": "2/day"}}
    UserFactory(phone=PHONE)
    for _ in range(4):
        enter(visitor)
        clock.shift(timedelta(minutes=20))
    assert len(told) == 2
    clock.shift(timedelta(days=1))
    enter(visitor)
    assert len(told) == 3


def without_counters(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    """Answer as a database that cannot be had, where the counter of notices is asked for."""
    if "notice_user" in str(params):
        raise OperationalError("gone")
    return execute(sql, params, many, context)


def test_login_stands_where_nobody_can_be_told(visitor: Visitor, told: list[tuple[Any, Notice]], clock: Any) -> None:
    """A database that is gone after the commit takes no tokens away from who is in."""
    UserFactory(phone=PHONE)
    with connection.execute_wrapper(without_counters):
        enter(visitor)
    assert told == []


def test_known_and_unknown_numbers_lock_alike(visitor: Visitor, told: list[tuple[Any, Notice]], settings: Any) -> None:
    """The statements of the guess that locks are the same, whether there is an owner to be told or none (C3)."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "FAILURES_PER_DAY": 1}
    user = UserFactory(phone=PHONE)
    seen: list[list[str]] = []
    for phone in (PHONE, "+12025550199"):
        visitor.ask(phone)
        guess = partial(visitor.guess, wrong(sent_code()), userid=derived_id(phone), phone=phone)
        seen.append(without_values(statements_of(guess)))
    assert seen[0] == seen[1]
    assert told == [(user, Notice.LOCKED)]


def test_nobody_listens_costs_nothing(visitor: Visitor) -> None:
    """Without a receiver no counter is written."""
    UserFactory(phone=PHONE)
    enter(visitor)
    assert not Counter.objects.filter(key__startswith="notice_user").exists()
