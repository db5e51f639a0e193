"""What tokens say: times and audience are enforced, and nothing of a person is in them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model
from django.utils.http import urlsafe_base64_decode

from securelogin.tokens import backend
from tests.api.forgery import changed, parts_of
from tests.api.refusals import ACCESS_EXPIRED, REFRESH_EXPIRED, SESSION_ENDED, TOKEN_INVALID, refusal_of
from tests.api.visitor import PASSWORD, Visitor, claims_of
from tests.factories import SessionFactory, tokens_of
from tests.tokens.tickets import sign
from tests.visits import PHONE

pytestmark = pytest.mark.django_db

Change = Callable[[str], str]


def claim(**claims: Any) -> Change:
    """Return a change of claims under our own signature; ``...`` takes a claim out."""

    def change(text: str) -> str:
        head, old = parts_of(text)
        return sign({name: value for name, value in {**old, **claims}.items() if value is not ...}, head)

    return change


def written(name: str, number: str) -> Change:
    """Return a change that writes a claim as JSON can and Python would not."""

    def change(text: str) -> str:
        head, claims = parts_of(text)
        return sign(json.dumps({**claims, name: "HERE"}).replace('"HERE"', number), head)

    return change


BROKEN: dict[str, Change] = {
    **{f"no {name}": claim(**{name: ...}) for name in ("exp", "iat", "jti", "sub", "sid", "token_type", "auth_time")},
    **{f"{name} null": claim(**{name: None}) for name in ("exp", "iat", "jti", "sub", "sid", "token_type")},
    **{
        f"exp {number[:9]}": written("exp", number)
        for number in ("1e400", "-1e400", "NaN", "Infinity", "1e3", "9" * 999)
    },
    **{f"iat {number[:9]}": written("iat", number) for number in ("1e400", "NaN", "-Infinity", "9" * 999)},
    **{f"nbf {number[:9]}": written("nbf", number) for number in ("1e400", "NaN", "Infinity", "9" * 999)},
    "exp a text": lambda text: changed(text, exp=str(int(time.time()) + 60)),
    "exp a float": lambda text: changed(text, exp=time.time() + 60),
    "exp a list": lambda text: changed(text, exp=[int(time.time()) + 60]),
    "exp true": claim(exp=True),
    "exp negative": claim(exp=-1),
    "exp beyond every calendar": claim(exp=2**63),
    "iat ahead": lambda text: changed(text, iat=int(time.time()) + 31),
    "nbf ahead": lambda text: changed(text, nbf=int(time.time()) + 31),
    "nbf a text": claim(nbf="now"),
    "jti a number": claim(jti=7),
    "sub a number": claim(sub=7),
    "sid no id": claim(sid="7"),
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_broken_claim_is_401(change: Change) -> None:
    """A claim that is missing, of another type or out of every range is 401 under our own signature too (D4)."""
    visitor, pair = Visitor(), tokens_of(SessionFactory())
    for route, text in (("op", pair.access_token), ("logout", pair.access_token), ("refresh", pair.refresh_token)):
        assert refusal_of(visitor.post(route, {}, token=change(text))) == TOKEN_INVALID, route
    assert visitor.is_in(pair.access_token)


@pytest.mark.parametrize("age", [0, 1, 3600, 10**9])
def test_expired_token_is_401(age: int, time_machine: Any) -> None:
    """``exp`` has no leeway: the second itself is over, for both tokens (D4)."""
    time_machine.move_to("2031-05-06 07:08:09+00:00", tick=False)
    visitor, pair = Visitor(), tokens_of(SessionFactory())
    exp = int(time.time()) - age
    assert refusal_of(visitor.post("op", token=changed(pair.access_token, exp=exp))) == ACCESS_EXPIRED
    assert refusal_of(visitor.post("refresh", {}, token=changed(pair.refresh_token, exp=exp))) == REFRESH_EXPIRED
    assert visitor.is_in(changed(pair.access_token, exp=int(time.time()) + 1))


@pytest.mark.parametrize("name", ["iat", "nbf"])
def test_clocks_differ_by_seconds_only(name: str, time_machine: Any) -> None:
    """A token from a clock ahead is taken up to the leeway, which is below half a minute, and no second more (D4)."""
    time_machine.move_to("2031-05-06 07:08:09+00:00", tick=False)
    leeway = int(backend.LEEWAY.total_seconds())
    assert leeway <= 30
    visitor, text = Visitor(), tokens_of(SessionFactory()).access_token
    assert visitor.is_in(changed(text, **{name: int(time.time()) + leeway}))
    assert refusal_of(visitor.post("op", token=changed(text, **{name: int(time.time()) + leeway + 1}))) == TOKEN_INVALID


WRONG_NAMES: list[Any] = [..., None, "", "another", ["another"], [], {"site": 1}, 7, True, "SITE", "site ", "sit"]


@pytest.mark.parametrize("value", WRONG_NAMES, ids=str)
@pytest.mark.parametrize("name", ["aud", "iss"])
def test_token_for_others_or_from_others_is_401(name: str, value: Any, settings: Any) -> None:
    """Where a site names itself, a token that names another, or none, opens nothing (D4)."""
    settings.SIMPLE_JWT = {"AUDIENCE": "site", "ISSUER": "site"}
    visitor, pair = Visitor(), tokens_of(SessionFactory())
    assert (claims_of(pair.access_token)["aud"], claims_of(pair.refresh_token)["iss"]) == ("site", "site")
    assert visitor.is_in(pair.access_token)
    for route, text in (("op", pair.access_token), ("logout", pair.access_token), ("refresh", pair.refresh_token)):
        assert refusal_of(visitor.post(route, {}, token=claim(**{name: value})(text))) == TOKEN_INVALID
    assert visitor.post("refresh", {}, token=pair.refresh_token).status_code == 200


def test_access_token_is_short() -> None:
    """Ten minutes at most by default, whatever the session's (D4)."""
    claims = claims_of(Visitor().log_in()["access_token"])
    assert 0 < claims["exp"] - claims["iat"] <= 600


# Who a token is of


def everything_in(body: dict[str, Any]) -> str:
    """Return all that can be read in the tokens of an answer, decoded as far as it goes."""
    parts = [part for name in ("access_token", "refresh_token", "device_token") for part in split(body.get(name, ""))]
    return " ".join(urlsafe_base64_decode(part).decode("latin-1") for part in parts if part) + " ".join(parts)


def split(text: str) -> list[str]:
    """Return the parts of a token, however it is separated."""
    return text.replace(":", ".").split(".")


def test_nothing_of_a_person_is_in_a_token(settings: Any) -> None:
    """Number, name, e-mail, address, device and browser are in no part of any token, at a login and later (D6)."""
    settings.SECURELOGIN = {
        **settings.SECURELOGIN,
        "AUTH_TYPES": ("PHONE", "PASSWORD"),
        "RESEND_PAUSES": (timedelta(0),),
    }
    visitor = Visitor()
    visitor.post("register", {"auth_type": "PHONE", "username": "Lovelace", "phone": PHONE})
    first = visitor.log_in(device="Lovelace's phone")
    users = get_user_model().objects.filter(phone=PHONE)
    users.update(email="lovelace@example.com")
    user = users.get()
    user.set_password(PASSWORD)
    user.save()
    answers = [first, visitor.log_in(device="Lovelace's phone")]
    answers.append(visitor.post("refresh", {}, token=answers[1]["refresh_token"]).json())
    answers.append(
        visitor.post("login", {"auth_type": "PASSWORD", "email": "lovelace@example.com", "password": PASSWORD}).json()
    )
    for body in answers:
        text = everything_in(body).lower()
        for secret in ("2025550123", "202555", "550123", "lovelace", "example.com", "127.0.0.1", "visitor", "phone"):
            assert secret not in text
        for name in ("access_token", "refresh_token"):
            claims = claims_of(body[name])
            assert UUID(claims["sub"]) == user.pk
            assert set(claims) <= CLAIMS


CLAIMS = {"token_type", "exp", "iat", "jti", "sub", "sid", "auth_time", "amr", "fresh", "gen", "session_exp"}
"""All that a token may say."""


@pytest.mark.parametrize(
    "sub", [PHONE, PHONE.lstrip("+"), "", "*", "%", "00000000-0000-4000-8000-000000000000", "lovelace@example.com"]
)
def test_number_is_no_name_of_a_user(sub: str) -> None:
    """``sub`` is the account's id: under our own signature a number or an address there opens nothing (D6)."""
    visitor, pair = Visitor(), Visitor().log_in()
    for route, text in (("op", pair["access_token"]), ("refresh", pair["refresh_token"])):
        assert refusal_of(visitor.post(route, {}, token=changed(text, sub=sub))) in {TOKEN_INVALID, SESSION_ENDED}
