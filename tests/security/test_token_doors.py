"""Every kind of credential at every door: each opens its own and no other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from securelogin.models import Session
from tests.api.refusals import TOKEN_INVALID, TOKEN_MISSING, WRONG_CODE, WRONG_TYPE, refusal_of
from tests.api.visitor import Visitor, derived_id, sent_code, wrong
from tests.factories import SessionFactory, UserFactory, tokens_of
from tests.visits import PHONE

pytestmark = pytest.mark.django_db

KINDS = ("access", "refresh", "device", "admin")
OPENS = {
    "op": {"access"},
    "op2": {"access"},
    "sessions": {"access"},
    "logout": {"access"},
    "logout_all": {"access"},
    "logout_all_other_sessions": {"access"},
    "refresh": {"refresh"},
    "refresh, in the body": {"refresh"},
}
"""Which kinds open a door when they come as a bearer token. Staff's session opens the admin, as a cookie."""


def credential(kind: str) -> str:
    """Return a good one: of a superuser's session, so that a mistaken kind would open the most."""
    boss = UserFactory.create(phone=PHONE, is_staff=True, is_superuser=True)
    if kind == "admin":
        client = Client()
        client.force_login(boss)
        return client.cookies["sessionid"].value
    if kind == "device":
        return str(Visitor().log_in()["device_token"])
    pair = tokens_of(SessionFactory(user=boss))
    return pair.access_token if kind == "access" else pair.refresh_token


def knock(door: str, text: str) -> Any:
    """Come to a door with a text as the bearer token."""
    visitor = Visitor()
    if door == "sessions":
        return visitor.get(door, token=text)
    if door == "refresh, in the body":
        return visitor.post("refresh", {"refresh_token": text})
    return visitor.post(door, {}, token=text)


@pytest.mark.parametrize("door", OPENS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_opens_its_own_doors(kind: str, door: str) -> None:
    """Access, refresh, device token and staff's session: one of them is never taken for another (D3)."""
    answer = knock(door, credential(kind))
    if kind in OPENS[door]:
        assert answer.status_code == 200
    else:
        assert refusal_of(answer) == (WRONG_TYPE if kind in {"access", "refresh"} else TOKEN_INVALID)
        assert not Session.objects.exclude(ended_at=None).exists()


@pytest.mark.parametrize("door", OPENS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_is_taken_from_a_cookie(kind: str, door: str) -> None:
    """Our doors look at no cookie: neither staff's session nor a token opens one from there (D3, F8)."""
    visitor, text = Visitor(), credential(kind)
    for name in ("sessionid", "access_token", "refresh_token", "Authorization", "csrftoken"):
        visitor.client.cookies[name] = text
    route = door.split(",")[0]
    answer = visitor.get(route) if door == "sessions" else visitor.post(route, {})
    assert refusal_of(answer) == TOKEN_MISSING


@pytest.mark.parametrize("kind", KINDS)
def test_only_staffs_session_opens_the_admin(kind: str) -> None:
    """A superuser's tokens do not open the admin, neither as a bearer token nor as its cookie (D3)."""
    text = credential(kind)
    bearer = Client(headers={"Authorization": f"Bearer {text}"}).get("/admin/")
    assert (bearer.status_code, bearer["Location"]) == (302, "/admin/login/?next=/admin/")
    client = Client()
    client.cookies["sessionid"] = text
    assert client.get("/admin/").status_code == (200 if kind == "admin" else 302)


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_is_a_code(kind: str, settings: Any) -> None:
    """None of them logs its own user in: not in the code's place, and not beside a wrong one (D3)."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "RESEND_PAUSES": (timedelta(0),)}
    visitor, text = Visitor(), credential(kind)
    before = Session.objects.count()
    visitor.ask()
    guess = {"userid": derived_id(), "phone": PHONE}
    instead = visitor.post("verify_sms", {**guess, "token": text})
    hinted = visitor.post("verify_sms", {**guess, "token": wrong(sent_code()), "device_token": text[:512]})
    beside = visitor.post("verify_sms", {**guess, "token": wrong(sent_code())}, token=text)
    assert refusal_of(instead) == refusal_of(hinted) == refusal_of(beside) == WRONG_CODE
    assert Session.objects.count() == before


def routes(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every path of a URLconf with its view."""
    for pattern in patterns:
        path = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        else:
            assert isinstance(pattern, URLPattern)
            yield path, pattern.callback


def test_nobody_is_told_whether_a_token_is_good() -> None:
    """Every route answers a stranger who asks about a good token as it answers garbage: nothing introspects (D7)."""
    ours = [path for path, _view in routes(get_resolver().url_patterns) if path.startswith("api/auth/")]
    assert len(ours) >= 13
    session = SessionFactory()
    pair = tokens_of(session)
    for path in ours:
        route = path.removeprefix("api/auth/").replace("<uuid:session_id>", str(session.pk))
        for method in ("POST", "GET", "PUT", "HEAD", "OPTIONS", "DELETE"):
            for name in ("token", "access_token", "id_token", "jwt", "access", "refresh", "device_token"):
                answers = [ask_about(method, route, name, text) for text in (pair.access_token, "garbage")]
                assert answers[0] == answers[1], (method, route, name)
    session.refresh_from_db()
    assert (session.ended_at, session.generation) == (None, 0)


def ask_about(method: str, route: str, name: str, text: str) -> tuple[int, bytes]:
    """Ask a route about a token, in the query and in the body, without a token of one's own."""
    answer = Visitor().call(method, f"{route}?{name}={text}", f'{{"{name}": "{text}"}}'.encode())
    return answer.status_code, answer.content


INTROSPECTION = [
    *["token", "token/", "token/verify", "token/verify/", "token/refresh", "token/blacklist", "token/introspect"],
    *["introspect", "verify", "verify_token", "validate", "check", "tokeninfo", "userinfo", "revoke", "jwt/verify"],
]


@pytest.mark.parametrize("route", INTROSPECTION)
def test_usual_places_of_introspection_are_empty(route: str) -> None:
    """Where other packages tell of tokens we have no route (RFC 7662 section 4) (D7)."""
    pair = tokens_of(SessionFactory())
    for text in ("", pair.access_token):
        assert Visitor().post(route, {"token": pair.access_token}, token=text).status_code == 404


def test_no_view_of_simplejwts_is_routed() -> None:
    """Its verify view would call a token good whose session has ended (D7)."""
    views = [view for _path, view in routes(get_resolver().url_patterns)]
    modules = {getattr(getattr(view, "cls", view), "__module__", "") for view in views}
    assert "securelogin.api.views" in modules
    assert not [module for module in modules if module.startswith("rest_framework_simplejwt")]
