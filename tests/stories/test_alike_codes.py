"""A refused code does not tell why it was refused (C2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model

from securelogin.models import Session
from tests.api.visitor import derived_id, wrong
from tests.factories import UserFactory
from tests.services.statements import statements_of, without_values

from .alike import (
    MINUTE,
    MODES,
    SECOND,
    TODAY,
    WRONG_CODE,
    Face,
    Stranger,
    change,
    disable,
    right_code,
)

pytestmark = pytest.mark.django_db

PHONE, OTHER_PHONE = "+12122300143", "+12122310143"
Guess = Callable[[], Face]
Story = Callable[[Stranger, Any], Guess]
"""Brings a number into a state and returns the guess that has to be refused there."""


def _wrong(stranger: Stranger, _clock: Any) -> Guess:
    stranger.ask()
    code = wrong(right_code(PHONE))
    return lambda: stranger.guess(code)


def _never_issued(stranger: Stranger, _clock: Any) -> Guess:
    return lambda: stranger.guess("123456")


def _expired(stranger: Stranger, clock: Any) -> Guess:
    stranger.ask()
    clock.shift(5 * MINUTE)
    return _right(stranger)


def _guessed_at(stranger: Stranger, _clock: Any) -> Guess:
    stranger.ask()
    stranger.fail(5)
    return _right(stranger)


def _locked(stranger: Stranger, clock: Any) -> Guess:
    stranger.ask()
    stranger.fail(5)
    clock.shift(MINUTE)
    stranger.ask()
    stranger.fail(4)
    clock.shift(MINUTE)
    stranger.ask()
    stranger.fail(1)
    return _right(stranger)


def _disabled(stranger: Stranger, _clock: Any) -> Guess:
    stranger.ask()
    disable(PHONE)
    return _right(stranger)


def _replaced(stranger: Stranger, clock: Any) -> Guess:
    stranger.ask()
    code = right_code(PHONE)
    clock.shift(30 * SECOND)
    stranger.ask()
    return lambda: stranger.guess(code)


def _other_numbers(stranger: Stranger, _clock: Any) -> Guess:
    stranger.ask()
    Stranger(OTHER_PHONE, "198.51.100.2").ask()
    code = right_code(OTHER_PHONE)
    return lambda: stranger.guess(code)


def _right(stranger: Stranger) -> Guess:
    code = right_code(PHONE)
    return lambda: stranger.guess(code)


STORIES: Mapping[str, Story] = {
    "never issued": _never_issued,
    "expired": _expired,
    "guessed at": _guessed_at,
    "locked": _locked,
    "disabled": _disabled,
    "wrong": _wrong,
    "replaced": _replaced,
    "other number's": _other_numbers,
}


@pytest.fixture(params=["known", "unknown", "inactive"])
def kind(request: pytest.FixtureRequest) -> str:
    """What the number is; the row of a known one may also hold a code that was used."""
    if request.param != "unknown":
        UserFactory(phone=PHONE, is_active=request.param == "known")
    return str(request.param)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", STORIES)
def test_refused_code_has_one_face_and_one_price(
    name: str, kind: str, mode: str, settings: Any, time_machine: Any
) -> None:
    """Wrong, over, used up, locked, of another number or never sent: one answer, the same statements, no user read."""
    time_machine.move_to(TODAY, tick=False)
    change(settings, SIGNUP=mode)
    faces: list[Face] = []
    guess = STORIES[name](Stranger(PHONE, "198.51.100.1"), time_machine)
    statements = without_values(statements_of(lambda: faces.append(guess())))
    never = Stranger("+12122320143", "198.51.100.3")
    expected = without_values(statements_of(lambda: faces.append(never.guess("123456"))))
    assert faces[0] == faces[1]
    assert faces[0].told == WRONG_CODE
    assert statements == expected
    assert not reads_of_users(statements)
    assert not Session.objects.exists()


def test_right_code_with_the_id_of_another_account_opens_nothing(kind: str, time_machine: Any) -> None:
    """The face of a wrong code. Whose the number is, is looked up once more, but for who has the code only."""
    time_machine.move_to(TODAY, tick=False)
    stranger = Stranger(PHONE, "198.51.100.1")
    stranger.ask()
    code, faces = right_code(PHONE), list[Face]()
    other = derived_id(OTHER_PHONE)
    statements = without_values(statements_of(lambda: faces.append(stranger.guess(code, userid=other))))
    stranger.ask()
    wrong_code = wrong(code)
    expected = without_values(statements_of(lambda: faces.append(stranger.guess(wrong_code, userid=other))))
    assert faces[0] == faces[1]
    assert faces[0].told == WRONG_CODE
    assert len(reads_of_users(statements)) == 1
    assert [each for each in statements if each not in reads_of_users(statements)] == expected
    assert not Session.objects.exists()


def reads_of_users(statements: list[str]) -> list[str]:
    """Return the statements that touch the users' table."""
    return [each for each in statements if get_user_model()._meta.db_table in each]


def test_used_code_has_the_same_face(settings: Any, time_machine: Any) -> None:
    """A code that its owner used is answered like one that was never sent."""
    time_machine.move_to(TODAY, tick=False)
    stranger = Stranger(PHONE, "198.51.100.1")
    stranger.ask()
    code = right_code(PHONE)
    assert stranger.guess(code).status == 200
    faces: list[Face] = []
    used = without_values(statements_of(lambda: faces.append(stranger.guess(code))))
    never = without_values(statements_of(lambda: faces.append(Stranger(OTHER_PHONE, "198.51.100.2").guess(code))))
    assert faces[0] == faces[1]
    assert used == never
    assert Session.objects.count() == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("since", ["before the ask", "after the ask"])
def test_right_code_of_an_inactive_account_opens_nothing(
    since: str, mode: str, settings: Any, time_machine: Any
) -> None:
    """The face of a wrong code, no token, no session, no login on record."""
    time_machine.move_to(TODAY, tick=False)
    change(settings, SIGNUP=mode)
    user = UserFactory(phone=PHONE, is_active=since == "after the ask")
    stranger = Stranger(PHONE, "198.51.100.1")
    stranger.ask()
    get_user_model().objects.filter(pk=user.pk).update(is_active=False)
    refused = stranger.guess(right_code(PHONE), userid=str(user.pk))
    assert refused == Stranger(OTHER_PHONE, "198.51.100.2").guess("123456")
    assert refused.told == WRONG_CODE
    assert not Session.objects.exists()
    user.refresh_from_db()
    assert user.last_login is None


@pytest.mark.parametrize("mode", ["register", "closed"])
def test_right_code_of_a_number_that_may_not_sign_up_makes_nothing(mode: str, settings: Any, time_machine: Any) -> None:
    """A code that was never sent is refused like a wrong one, though it is right."""
    time_machine.move_to(TODAY, tick=False)
    change(settings, SIGNUP=mode)
    stranger = Stranger(PHONE, "198.51.100.1")
    stranger.ask()
    refused = stranger.guess(right_code(PHONE))
    assert refused == Stranger(OTHER_PHONE, "198.51.100.2").guess("123456", userid=str(uuid4()))
    assert not get_user_model().objects.exists()
