"""Sessions as their owners and their neighbours see them."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.test import Client

from securelogin.models import EndReason, Session
from tests.api.refusals import SESSION_ENDED, TOKEN_INVALID, refusal_of
from tests.api.visitor import PASSWORD, Visitor, claims_of, sent_code
from tests.factories import SessionFactory, tokens_of
from tests.visits import PHONE

pytestmark = pytest.mark.django_db

CHOSEN = "11111111-1111-4111-8111-111111111111"


@pytest.fixture(autouse=True)
def _no_pauses(settings: Any) -> None:
    """Let everybody log in as often as they like, by code and by password."""
    settings.SECURELOGIN = {
        **settings.SECURELOGIN,
        "AUTH_TYPES": ("PHONE", "PASSWORD"),
        "RESEND_PAUSES": (timedelta(0),),
        "SENDS_PER_HOUR": 100,
        "SENDS_PER_DAY": 100,
        "LIMITS": {"login_ip": None, "login_range": None},
    }


def sid_of(body: dict[str, Any]) -> str:
    """Return the session of an answer's tokens."""
    (sid,) = {str(claims_of(body[name])["sid"]) for name in ("access_token", "refresh_token")}
    return sid


# A login's own identifier


@pytest.mark.parametrize("chosen", [CHOSEN, "a live one"])
def test_nobody_chooses_the_session_of_a_login(chosen: str) -> None:
    """Whatever a caller brings, in body, query, headers or cookies, a login opens a session of its own (F1)."""
    planted = SessionFactory()
    chosen = str(planted.pk) if chosen == "a live one" else chosen
    names = ("sid", "session", "session_id", "sessionid", "jti", "id", "generation", "user_id")
    visitor = Visitor()
    for name in names:
        visitor.client.cookies[name] = chosen
    visitor.client.credentials(HTTP_X_SESSION_ID=chosen, HTTP_AUTHORIZATION=f"Bearer {tokens_of(planted).access_token}")
    body = visitor.log_in(**dict.fromkeys(names, chosen), device=chosen)
    assert sid_of(body) not in {chosen, str(planted.pk)}
    assert UUID(sid_of(body)).version == 4
    user: Any = get_user_model().objects.get(phone=PHONE)
    user.set_password(PASSWORD)
    user.save()
    login = {"auth_type": "PASSWORD", "phone": PHONE, "password": PASSWORD, **dict.fromkeys(names, chosen)}
    by_password = visitor.post(f"login?sid={chosen}", login).json()
    assert sid_of(by_password) not in {chosen, sid_of(body), str(planted.pk)}
    planted.refresh_from_db()
    assert (planted.generation, planted.ended_at) == (0, None)
    assert Session.objects.filter(user=user).count() == 2


def test_each_login_is_a_session_of_its_own() -> None:
    """With a device token and a live access token too, a login never goes on in an old session (F1)."""
    visitor = Visitor()
    bodies = [visitor.log_in()]
    for _ in range(3):
        visitor.client.credentials(HTTP_AUTHORIZATION=f"Bearer {bodies[-1]['access_token']}")
        known = {"device_token": bodies[-1]["device_token"]}
        asked = visitor.ask(**known)
        bodies.append(visitor.guess(sent_code(), userid=asked.json()["userid"], **known).json())
    visitor.client.credentials()
    assert len({sid_of(body) for body in bodies}) == 4
    assert len({claims_of(body["access_token"])["jti"] for body in bodies}) == 4
    rotated = visitor.post("refresh", {}, token=bodies[0]["refresh_token"]).json()
    assert sid_of(rotated) == sid_of(bodies[0])


@pytest.mark.parametrize("is_known", [True, False])
def test_login_to_the_admin_takes_a_new_session_key(is_known: bool) -> None:
    """The cookie that a browser had before it logged in, or was given, opens nothing after it (F1)."""
    get_user_model().objects.create_superuser(PHONE, PASSWORD)
    browser, thief = Client(), Client()
    if is_known:
        browser.session.save()
    else:
        browser.cookies["sessionid"] = "a" * 32
    planted = browser.cookies["sessionid"].value
    browser.post("/admin/login/", {"username": PHONE, "password": PASSWORD})
    assert browser.get("/admin/").status_code == 200
    assert browser.cookies["sessionid"].value != planted
    thief.cookies["sessionid"] = planted
    assert thief.get("/admin/").status_code == 302


def test_calls_of_ours_set_no_cookie() -> None:
    """There is no session of Django's behind a login, so none to fix (F1, F8)."""
    visitor = Visitor()
    visitor.log_in()
    assert not visitor.client.cookies


# The list


def test_list_is_ones_own_and_holds_no_secret() -> None:
    """Own live sessions, just one of them current; no token, no part or digest of one, no row of simplejwt's (F2)."""
    visitor = Visitor()
    bodies = [visitor.log_in(device=f"device {number}") for number in range(3)]
    visitor.post("refresh", {}, token=bodies[1]["refresh_token"], HTTP_IDEMPOTENCY_KEY="retry-0123456789")
    foreign = SessionFactory(ip_address="192.0.2.99")
    answer = visitor.get("sessions", token=bodies[2]["access_token"])
    listed = answer.json()["results"]
    assert [(each["id"], each["current"]) for each in listed] == [
        (sid_of(body), body is bodies[2]) for body in reversed(bodies)
    ]
    text = json.dumps(answer.json())
    digests = [each.retry_digest for each in Session.objects.exclude(retry_digest=None)]
    secrets = [foreign.pk, foreign.user_id, "192.0.2.99", "retry-0123456789", *digests]
    assert digests
    for body in bodies:
        for name in ("access_token", "refresh_token", "device_token"):
            secrets += [body[name], body[name].rsplit(".", 1)[-1], hashlib.sha256(body[name].encode()).hexdigest()]
        secrets.append(claims_of(body["access_token"])["jti"])
    assert [secret for secret in secrets if str(secret) in text] == []
    assert not {"token", "jti", "refresh", "key", "generation", "user", "phone"} & set(listed[0])


def test_id_of_a_session_is_no_credential() -> None:
    """Who reads an id in the list can do nothing with it but end that session: it is a name (F2)."""
    session = SessionFactory()
    visitor, sid = Visitor(), str(session.pk)
    for token in (sid, session.pk.hex, f"{sid}.{sid}.{sid}"):
        assert refusal_of(visitor.post("op", token=token)) == TOKEN_INVALID
        assert refusal_of(visitor.post("refresh", {"refresh_token": token})) == TOKEN_INVALID
        assert refusal_of(visitor.post("refresh", {}, token=token)) == TOKEN_INVALID


# Logging out


def test_logout_takes_both_tokens_and_may_be_repeated() -> None:
    """At once for access and refresh token of every generation; again, expired or gone, it is the same answer (F4)."""
    with time_machine.travel("2031-05-06 07:08:09+00:00", tick=False) as clock:
        visitor = Visitor()
        old = visitor.log_in()
        new = visitor.post("refresh", {}, token=old["refresh_token"]).json()
        first = visitor.post("logout", {}, token=new["access_token"])
        assert first.json() == {"message": "logout successful"}
        for body in (old, new):
            assert refusal_of(visitor.post("op", token=body["access_token"])) == SESSION_ENDED
            assert refusal_of(visitor.post("refresh", {}, token=body["refresh_token"])) == SESSION_ENDED
        again = [visitor.post("logout", {}, token=each["access_token"]) for each in (old, new)]
        clock.shift(3600)
        again.append(visitor.post("logout", {"refresh_token": old["refresh_token"]}, token=old["access_token"]))
        Session.objects.get().token.delete()
        again.append(visitor.post("logout", {"refresh_token": "garbage"}, token=new["access_token"]))
        assert {(each.status_code, each.content) for each in again} == {(200, first.content)}
        for text in ("garbage", old["access_token"][:-4], old["access_token"] + "AAAA"):
            assert refusal_of(visitor.post("logout", {}, token=text)) == TOKEN_INVALID


# The most sessions


def test_most_sessions_is_exact_and_the_evicted_are_out(settings: Any) -> None:
    """With a limit of five, seven logins leave the five newest; the tokens of the two oldest are dead (F6)."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "MAX_SESSIONS": 5}
    visitor, bodies = Visitor(), []
    with time_machine.travel("2031-05-06 07:08:09+00:00", tick=False) as clock:
        for number in range(7):
            bodies.append(visitor.log_in())
            assert Session.objects.live().count() == min(number + 1, 5)
            clock.shift(1)
        assert [visitor.is_in(body["access_token"]) for body in bodies] == [False] * 2 + [True] * 5
        for body in bodies[:2]:
            assert refusal_of(visitor.post("refresh", {}, token=body["refresh_token"])) == SESSION_ENDED
        assert visitor.get("sessions", token=bodies[-1]["access_token"]).json()["count"] == 5
    assert set(Session.objects.exclude(ended_at=None).values_list("end_reason", flat=True)) == {EndReason.EVICTED}
