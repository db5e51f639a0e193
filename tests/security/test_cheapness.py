"""B16: what is refused costs next to nothing, and no password is hashed on the way in by phone."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

import phonenumbers
import pytest
from django.contrib.auth.hashers import MD5PasswordHasher

from securelogin import phones
from securelogin.exceptions import InvalidPhone
from securelogin.models import OneTimeCode
from tests.api.refusals import (
    INVALID,
    MALFORMED,
    TOO_LARGE,
    TOO_MANY_ATTEMPTS,
    TOO_MANY_REQUESTS,
    WRONG_CODE,
    WRONG_OLD_PASSWORD,
    Refusal,
    refusal_of,
)
from tests.api.visitor import PASSWORD, Visitor, wrong
from tests.factories import SessionFactory, UserFactory, tokens_of
from tests.visits import PHONE

from .calls import NO_LIMITS, ROOM_TO_SEND, ask, configure, guess, sent_to

pytestmark = pytest.mark.django_db

MEGABYTE = 1_000_000
CALLS = 100
NEW = "another way to Tipperary"


class CountingHasher(MD5PasswordHasher):
    """A hasher that is cheap and knows how often it ran."""

    runs: ClassVar[int] = 0

    def encode(self, *args: Any, **kwargs: Any) -> str:
        """Count."""
        type(self).runs += 1
        return str(super().encode(*args, **kwargs))


@pytest.fixture
def hasher(settings: Any) -> type[CountingHasher]:
    """The one hasher of the host."""
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    CountingHasher.runs = 0
    return CountingHasher


def test_no_password_is_hashed_on_the_way_in_by_phone(settings: Any, hasher: type[CountingHasher]) -> None:
    """Registering, asking, guessing wrong and right, a first time and again: half a second each that nobody pays."""
    configure(settings, **ROOM_TO_SEND, AUTH_TYPES=("PHONE", "PASSWORD"))
    visitor = Visitor()
    visitor.post("register", {"auth_type": "PHONE", "username": "Ada", "phone": PHONE})
    for _visit in range(2):
        ask()
        assert guess(wrong(sent_to(PHONE))).status_code == 400
        login = guess(sent_to(PHONE))
        assert login.status_code == 200
    visitor.post("refresh", {}, token=login.json()["refresh_token"])
    visitor.post("logout", {}, token=login.json()["access_token"])
    assert hasher.runs == 0
    visitor.post("login", {"auth_type": "PASSWORD", "phone": PHONE, "password": "x"})
    assert hasher.runs == 1


def change(token: str, old: str, **headers: Any) -> Any:
    """Ask for another password."""
    return Visitor().post("password", {"oldpassword": old, "newpassword": NEW}, token=token, **headers)


@pytest.mark.parametrize("auth_types", [("PHONE",), ("PHONE", "PASSWORD")])
def test_password_that_is_not_there_is_not_hashed(
    settings: Any, hasher: type[CountingHasher], auth_types: tuple[str, ...]
) -> None:
    """Who asks to change it is known: nothing is hidden by the time of a hash (B16)."""
    configure(settings, LIMITS=NO_LIMITS, AUTH_TYPES=auth_types)
    user = UserFactory(phone=PHONE)
    token = tokens_of(SessionFactory(user=user)).access_token
    for old in ("!", "x", user.password):
        assert refusal_of(change(token, old)) == WRONG_OLD_PASSWORD
    assert hasher.runs == 0
    assert not OneTimeCode.objects.exists()


def test_old_password_is_hashed_as_often_as_it_may_be_guessed(settings: Any, hasher: type[CountingHasher]) -> None:
    """Once the day's failures are spent no hasher runs, for the right one neither (B16)."""
    configure(settings, LIMITS=NO_LIMITS, FAILURES_PER_DAY=2)
    token = tokens_of(SessionFactory(user=UserFactory(password=PASSWORD))).access_token
    hasher.runs = 0
    for _guess in range(4):
        assert refusal_of(change(token, "wrong")) == WRONG_OLD_PASSWORD
    assert refusal_of(change(token, PASSWORD)) == WRONG_OLD_PASSWORD
    assert hasher.runs == 2


def test_address_over_its_limit_changes_and_hashes_nothing(settings: Any, hasher: type[CountingHasher]) -> None:
    """Whose account it may be: an address tries as many passwords as ``password_ip`` lets it, old ones too (B16)."""
    configure(settings, LIMITS={"password_ip": "2/hour"}, AUTH_TYPES=("PHONE", "PASSWORD"))
    tokens = [tokens_of(SessionFactory(user=UserFactory(password=PASSWORD))).access_token for _account in range(2)]
    hasher.runs = 0
    assert refusal_of(change(tokens[0], "wrong")) == WRONG_OLD_PASSWORD
    assert Visitor().post("login", {"auth_type": "PASSWORD", "phone": PHONE, "password": "x"}).status_code == 400
    assert hasher.runs == 2
    for token in tokens:
        assert refusal_of(change(token, PASSWORD)) == TOO_MANY_ATTEMPTS
    assert hasher.runs == 2
    assert change(tokens[0], PASSWORD, REMOTE_ADDR="198.51.100.7").status_code == 200


def test_whoever_has_many_addresses_does_not_make_the_site_hash(settings: Any, hasher: type[CountingHasher]) -> None:
    """Each /64 is an address of its own, but no password is hashed over ``password_site``, nor an old one (B16)."""
    configure(settings, AUTH_TYPES=("PHONE", "PASSWORD"), LIMITS={"password_site": "40/hour"})
    token = tokens_of(SessionFactory(user=UserFactory(password=PASSWORD))).access_token
    hasher.runs = 0
    answers = []
    for index in range(50):
        body = {"auth_type": "PASSWORD", "email": f"{index}@example.com", "password": "x"}
        answers.append(Visitor().post("login", body, REMOTE_ADDR=f"2001:db8:0:{index:x}::1").status_code)
    assert answers == [400] * 40 + [429] * 10
    assert refusal_of(change(token, PASSWORD)) == TOO_MANY_REQUESTS
    assert hasher.runs == 40


HUGE = ["+1" + "2" * MEGABYTE, " " * MEGABYTE, "+1202" + "-" * MEGABYTE + "5550123", "+" * MEGABYTE, "+1" + "2" * 39]


def test_long_text_never_reaches_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused by its length: what the library would do with a megabyte does not matter."""
    seen: list[str] = []
    parse = phonenumbers.parse

    def watched(text: str, region: str | None = None) -> Any:
        seen.append(text)
        return parse(text, region)

    monkeypatch.setattr(phonenumbers, "parse", watched)
    for text in HUGE:
        with pytest.raises(InvalidPhone):
            phones.parse(text)
    assert refusal_of(ask("+1" + "2" * 15_000)) == INVALID
    assert seen == []
    phones.parse("+1 (202) 555-0188")
    assert seen == ["+1 (202) 555-0188"]


HOSTILE: dict[str, tuple[Callable[[], Any], Refusal]] = {
    "a megabyte as number": (lambda: ask("2" * MEGABYTE), TOO_LARGE),
    "a megabyte as code": (lambda: guess("2" * MEGABYTE), TOO_LARGE),
    "a megabyte of brackets": (lambda: Visitor().call("POST", "login", b"[" * MEGABYTE), TOO_LARGE),
    "15 KB as number": (lambda: ask("+1" + "2" * 15_000), INVALID),
    "15 KB of spaces as number": (lambda: ask(" " * 15_000), INVALID),
    "15 KB as code": (lambda: guess("2" * 15_000), WRONG_CODE),
    "8 000 levels": (lambda: Visitor().call("POST", "login", b"[" * 8000 + b"]" * 8000), MALFORMED),
}


@pytest.mark.parametrize(("call", "refusal"), list(HOSTILE.values()), ids=list(HOSTILE))
def test_refusal_is_cheap(call: Callable[[], Any], refusal: Refusal) -> None:
    """99 of 100 take less than 50 ms of this thread's own time, the client's included."""
    costs = []
    for _call in range(CALLS):
        started = time.thread_time()
        answer = call()
        costs.append(time.thread_time() - started)
    assert refusal_of(answer) == refusal
    assert sorted(costs)[CALLS * 99 // 100 - 1] < 0.05
