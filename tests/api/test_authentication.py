"""Who is let in: every kind of token at every door, and everybody else's ways of authenticating beside ours."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from django.contrib.auth import get_user_model
from django.test import RequestFactory
from django.utils import timezone
from rest_framework_simplejwt import tokens as stock
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from securelogin import keys
from securelogin.api.authentication import JWTAuthentication
from securelogin.api.faces import TokenRefused
from securelogin.models import Session
from securelogin.tokens import RefreshToken, read_refresh
from tests.factories import SessionFactory, UserFactory, tokens_of

from .conftest import Configure
from .forgery import changed, encoded, our_key, parts_of, signed, tampered
from .refusals import (
    ACCESS_EXPIRED,
    NOT_FRESH,
    REFRESH_EXPIRED,
    SESSION_ENDED,
    SESSION_INACTIVE,
    TOKEN_INVALID,
    TOKEN_MISSING,
    WRONG_TYPE,
    refusal_of,
)
from .visitor import Visitor

pytestmark = pytest.mark.django_db

PROTECTED = [
    ("POST", "logout"),
    ("POST", "logout_all_other_sessions"),
    ("POST", "logout_all"),
    ("POST", "password"),
    ("GET", "sessions"),
    ("HEAD", "sessions"),
    ("DELETE", "sessions/00000000-0000-4000-8000-000000000000"),
    ("POST", "refresh"),
]
PUBLIC = ["register", "login", "login_sms", "verify_sms"]


# Others' ways beside ours


def test_request_of_djangos() -> None:
    """A middleware of a host's that hands Django's own request over gets a user or a refusal, never a crash."""
    session = SessionFactory()
    bearer = f"Bearer {tokens_of(session).access_token}"
    request: Any = RequestFactory().get("/", HTTP_AUTHORIZATION=bearer)
    found = JWTAuthentication().authenticate(request)
    assert found is not None
    assert found[0] == session.user
    Session.objects.update(ended_at=timezone.now())
    with pytest.raises(TokenRefused):
        JWTAuthentication().authenticate(request)


@pytest.mark.parametrize("auth", [None, "a token of somebody else", object()], ids=["none", "text", "object"])
@pytest.mark.parametrize(("method", "route"), PROTECTED)
def test_force_authenticate(visitor: Visitor, method: str, route: str, auth: Any) -> None:
    """A user that the test client vouches for has no token of ours: 401 on every protected route, never a crash."""
    visitor.client.force_authenticate(user=UserFactory(), token=auth)
    answer = visitor.call(method, route)
    assert answer.status_code == 401
    if method != "HEAD":
        assert refusal_of(answer) == TOKEN_MISSING


@pytest.mark.parametrize("route", PUBLIC)
def test_force_authenticate_where_anyone_may_call(visitor: Visitor, route: str) -> None:
    """On the way in it does not matter who the test client vouches for."""
    alone = visitor.post(route, {})
    visitor.client.force_authenticate(user=UserFactory())
    vouched = visitor.post(route, {})
    assert (vouched.status_code, vouched.content) == (alone.status_code, alone.content)


@pytest.mark.parametrize(("method", "route"), PROTECTED)
def test_django_session_is_no_token(visitor: Visitor, method: str, route: str) -> None:
    """A user logged in to Django's own session is not logged in to ours."""
    visitor.client.force_login(UserFactory(is_staff=True, is_superuser=True))
    answer = visitor.call(method, route)
    assert answer.status_code == 401


@pytest.mark.parametrize("route", PUBLIC)
def test_django_session_needs_no_csrf_token_here(visitor: Visitor, route: str) -> None:
    """Our routes look at no cookie, so they ask for no CSRF token."""
    visitor.client.force_login(UserFactory())
    visitor.client.handler.enforce_csrf_checks = True
    assert visitor.post(route, {}).status_code == 400


@pytest.mark.urls("tests.api.host_urls")
@pytest.mark.parametrize("path", ["/both", "/session-first"])
def test_either_way_opens_a_host_view(visitor: Visitor, path: str) -> None:
    """A host's view that takes both takes a token of ours, a Django session, and nobody."""
    session = SessionFactory()
    bearer: Any = {"HTTP_AUTHORIZATION": f"Bearer {tokens_of(session).access_token}"}
    answer = visitor.client.get(path, **bearer)
    assert answer.json() == {"user": str(session.user_id), "auth": "AccessToken"}
    assert refusal_of(visitor.client.get(path)) == TOKEN_MISSING
    other = UserFactory()
    visitor.client.force_login(other)
    assert visitor.client.get(path).json() == {"user": str(other.pk), "auth": "NoneType"}
    both = visitor.client.get(path, **bearer)
    expected = session.user_id if path == "/both" else other.pk
    assert both.json()["user"] == str(expected), "the first that finds somebody wins"


@pytest.mark.urls("tests.api.host_urls")
def test_bad_token_beside_a_good_session(visitor: Visitor) -> None:
    """A bad token is refused although a Django session came with it: the caller meant the token."""
    visitor.client.force_login(UserFactory())
    assert refusal_of(visitor.client.get("/both", HTTP_AUTHORIZATION="Bearer garbage")) == TOKEN_INVALID
    assert visitor.client.get("/both", HTTP_AUTHORIZATION="Basic YTpi").status_code == 200


@pytest.mark.urls("tests.api.host_urls")
@pytest.mark.parametrize("path", ["/token", "/fresh", "/fresh-session"])
def test_django_session_is_never_fresh(visitor: Visitor, path: str) -> None:
    """``HasToken`` and ``IsFresh`` answer 401, not 500 and not 403, to who was let in by another way."""
    visitor.client.force_login(UserFactory())
    assert refusal_of(visitor.client.get(path)) == TOKEN_MISSING


@pytest.mark.urls("tests.api.host_urls")
@pytest.mark.parametrize("path", ["/token", "/fresh", "/fresh-only", "/fresh-session", "/ours", "/both", "/open"])
@pytest.mark.parametrize("auth", [None, "x"])
def test_force_authenticate_in_a_host_view(visitor: Visitor, path: str, auth: Any) -> None:
    """A host's tests that vouch for a user are let in, but where a token of ours is asked for."""
    visitor.client.force_authenticate(user=UserFactory(), token=auth)
    answer = visitor.client.get(path)
    if path in {"/ours", "/both", "/open"}:
        assert answer.status_code == 200
    else:
        assert refusal_of(answer) == TOKEN_MISSING


@pytest.mark.urls("tests.api.host_urls")
@pytest.mark.parametrize(
    ("path", "header", "refusal"),
    [
        ("/ours", None, None),
        ("/ours", "Bearer garbage", TOKEN_INVALID),
        ("/open", "Bearer garbage", TOKEN_INVALID),
        ("/fresh-only", None, TOKEN_MISSING),
        ("/fresh-only", "Bearer garbage", TOKEN_INVALID),
        ("/token", None, TOKEN_MISSING),
        ("/fresh", "stale", NOT_FRESH),
        ("/fresh-only", "ended", SESSION_ENDED),
    ],
)
def test_host_with_an_error_handler_of_its_own(
    visitor: Visitor, settings: Any, path: str, header: str | None, refusal: Any
) -> None:
    """Where a host answers errors by DRF's own handler, ours are 401 with our words all the same."""
    settings.REST_FRAMEWORK = {"EXCEPTION_HANDLER": "rest_framework.views.exception_handler"}
    session = SessionFactory()
    if header == "stale":
        header = f"Bearer {tokens_of(session, is_fresh=False).access_token}"
    elif header == "ended":
        header = f"Bearer {tokens_of(session).access_token}"
        visitor.post("logout", {}, HTTP_AUTHORIZATION=header)
    headers: Any = {"HTTP_AUTHORIZATION": header} if header else {}
    answer = visitor.client.get(path, **headers)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    if refusal is not None:
        assert (answer.json()["error"], answer.json()["failure_reason"]) == (refusal.error, refusal.reason)
        assert answer.json()["message"] == refusal.message


# Every kind of token at every door


def device_token(visitor: Visitor) -> str:
    """Return the device token of a first login."""
    return str(visitor.log_in()["device_token"])


def test_each_kind_at_each_door(visitor: Visitor) -> None:
    """An access token opens calls, a refresh token refreshes, a device token opens nothing, and none does both."""
    tokens, device = tokens_of(SessionFactory()), device_token(visitor)
    assert visitor.is_in(tokens.access_token)
    assert refusal_of(visitor.post("op", token=tokens.refresh_token)) == WRONG_TYPE
    assert refusal_of(visitor.post("op2", token=tokens.refresh_token)) == WRONG_TYPE
    assert refusal_of(visitor.get("sessions", token=tokens.refresh_token)) == WRONG_TYPE
    assert refusal_of(visitor.post("logout", {}, token=tokens.refresh_token)) == WRONG_TYPE
    for sent in ({"token": tokens.access_token}, {"body": {"refresh_token": tokens.access_token}}):
        assert refusal_of(visitor.post("refresh", **sent)) == WRONG_TYPE
    for route in ("op", "refresh", "logout", "logout_all"):
        assert refusal_of(visitor.post(route, {}, token=device)) == TOKEN_INVALID
    assert refusal_of(visitor.post("refresh", {"refresh_token": device})) == TOKEN_INVALID
    assert visitor.post("refresh", {}, token=tokens.refresh_token).status_code == 200


@pytest.mark.parametrize("kind", ["AccessToken", "RefreshToken", "SlidingToken", "UntypedToken"])
def test_stock_tokens(visitor: Visitor, kind: str) -> None:
    """Tokens that simplejwt's own classes sign with ``SECRET_KEY`` are none of ours, at any door."""
    token = getattr(stock, kind)
    made = token.for_user(UserFactory()) if hasattr(token, "for_user") else token()
    session = SessionFactory()
    made["sub"], made["sid"] = str(session.user_id), str(session.pk)
    for route in ("op", "refresh", "logout"):
        assert refusal_of(visitor.post(route, {}, token=str(made))) == TOKEN_INVALID


def _other_key(text: str, **_: Any) -> str:
    return jwt.encode(parts_of(text)[1], "another key, long enough for HS256", headers={"kid": our_key().id})


FORGERIES: dict[str, Callable[[str], str]] = {
    "alg none": lambda text: f"{encoded({'alg': 'none', 'kid': our_key().id})}.{text.split('.')[1]}.",
    "alg None": lambda text: f"{encoded({'alg': 'None', 'kid': our_key().id})}.{text.split('.')[1]}.",
    "alg none, signed": lambda text: ".".join([encoded({"alg": "none", "kid": our_key().id}), *text.split(".")[1:]]),
    "HS384": lambda text: jwt.encode(
        parts_of(text)[1], our_key().mac() * 2, algorithm="HS384", headers={"kid": our_key().id}
    ),
    "HS512": lambda text: jwt.encode(
        parts_of(text)[1], our_key().mac() * 2, algorithm="HS512", headers={"kid": our_key().id}
    ),
    "alg missing": lambda text: ".".join([encoded({"kid": our_key().id}), *text.split(".")[1:]]),
    "alg a list": lambda text: ".".join([encoded({"alg": ["HS256"], "kid": our_key().id}), *text.split(".")[1:]]),
    "another key": _other_key,
    "an empty key": lambda text: f"{text.rsplit('.', 1)[0]}.",
    "no kid": lambda text: signed(parts_of(text)[1], kid=None),
    "unknown kid": lambda text: signed(parts_of(text)[1], kid="00000000"),
    "kid a path": lambda text: signed(parts_of(text)[1], kid="../../dev/null"),
    "kid SQL": lambda text: signed(parts_of(text)[1], kid="' UNION SELECT 'x"),
    "kid of another purpose": lambda text: signed(parts_of(text)[1], kid=keys.current("code").id),
    "crit": lambda text: signed(parts_of(text)[1], crit=["x"], x=1),
    "tampered sub": lambda text: tampered(text, sub=str(uuid4())),
    "tampered exp": lambda text: tampered(text, exp=2**31),
    "tampered fresh": lambda text: tampered(text, fresh=True, x=1),
    "signature cut": lambda text: text[:-1],
    "signature longer": lambda text: f"{text}A",
    "a prefix": lambda text: text[:20],
    "two parts": lambda text: text.rsplit(".", 1)[0],
    "four parts": lambda text: f"{text}.x",
    "doubled": lambda text: text + text,
    "upper case": str.upper,
    "reversed": lambda text: text[::-1],
    "quoted": lambda text: f'"{text}"',
    "JSON": lambda text: encoded({"token": text}),
    "no exp": lambda text: changed(text, exp=...),
    "no iat": lambda text: changed(text, iat=...),
    "no jti": lambda text: changed(text, jti=...),
    "no sub": lambda text: changed(text, sub=...),
    "no sid": lambda text: changed(text, sid=...),
    "no type": lambda text: changed(text, token_type=...),
    "no auth_time": lambda text: changed(text, auth_time=...),
    "other type": lambda text: changed(text, token_type="sliding"),
    "type a list": lambda text: changed(text, token_type=["access"]),
    "exp a string": lambda text: changed(text, exp=str(int(time.time()) + 60)),
    "exp a float": lambda text: changed(text, exp=time.time() + 60),
    "exp true": lambda text: changed(text, exp=True),
    "exp null": lambda text: changed(text, exp=None),
    "exp negative": lambda text: changed(text, exp=-1),
    "exp endless": lambda text: changed(text, exp=10**30),
    "iat a string": lambda text: changed(text, iat="x"),
    "iat a float": lambda text: changed(text, iat=time.time()),
    "iat negative": lambda text: changed(text, iat=-1),
    "nbf a string": lambda text: changed(text, nbf="x"),
    "nbf in the future": lambda text: changed(text, nbf=int(time.time()) + 60),
    "sub a number": lambda text: changed(text, sub=1),
    "sub no key": lambda text: changed(text, sub="nobody"),
    "sid no id": lambda text: changed(text, sid="x"),
    "sid in upper case": lambda text: changed(text, sid=parts_of(text)[1]["sid"].upper() + "A"),
    "sid a list": lambda text: changed(text, sid=[parts_of(text)[1]["sid"]]),
    "jti a number": lambda text: changed(text, jti=1),
    "auth_time a string": lambda text: changed(text, auth_time="x"),
    "auth_time endless": lambda text: changed(text, auth_time=10**400),
    "auth_time endless, in range of a float": lambda text: changed(text, auth_time=10**300),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_forged_access_token(visitor: Visitor, forge: Callable[[str], str]) -> None:
    """A token that is not exactly what we sign is ``TokenInvalid`` at every door, and ends nothing."""
    text = forge(tokens_of(SessionFactory()).access_token)
    for method, route in (("POST", "op"), ("GET", "sessions"), ("POST", "logout"), ("POST", "logout_all")):
        assert refusal_of(visitor.call(method, route, token=text)) == TOKEN_INVALID
    assert Session.objects.get().ended_at is None


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_forged_refresh_token(visitor: Visitor, forge: Callable[[str], str]) -> None:
    """A refresh token that is not exactly what we sign is ``TokenInvalid``, in header and body, and rotates nothing."""
    text = forge(tokens_of(SessionFactory()).refresh_token)
    assert refusal_of(visitor.post("refresh", {}, token=text)) == TOKEN_INVALID
    assert refusal_of(visitor.post("refresh", {"refresh_token": text})) == TOKEN_INVALID
    session = Session.objects.get()
    assert (session.generation, session.ended_at) == (0, None)


@pytest.mark.parametrize("fresh", [..., None, 1, "true", [True]], ids=str)
def test_access_token_whose_freshness_is_no_boolean(visitor: Visitor, fresh: Any) -> None:
    """``fresh`` is true or false."""
    text = changed(tokens_of(SessionFactory()).access_token, fresh=fresh)
    assert refusal_of(visitor.post("op", token=text)) == TOKEN_INVALID


@pytest.mark.parametrize("gen", [..., None, True, -1, 2**31, 10**30, "0", 0.0, [0]], ids=str)
def test_refresh_token_whose_generation_is_no_count(visitor: Visitor, gen: Any) -> None:
    """``gen`` is a count that the database can hold."""
    text = changed(tokens_of(SessionFactory()).refresh_token, gen=gen)
    assert refusal_of(visitor.post("refresh", {}, token=text)) == TOKEN_INVALID


@pytest.mark.parametrize("end", [..., None, True, -1, "x", 1.5, 10**30, 10**400], ids=lambda end: str(end)[:8])
def test_refresh_token_whose_session_has_no_end(visitor: Visitor, end: Any) -> None:
    """``session_exp`` is a moment."""
    text = changed(tokens_of(SessionFactory()).refresh_token, session_exp=end)
    assert refusal_of(visitor.post("refresh", {}, token=text)) == TOKEN_INVALID


@pytest.mark.parametrize(
    "spell",
    [
        pytest.param(lambda text: f"Bearer {text}", id="as usual"),
        pytest.param(lambda text: f"bearer {text}", id="lower case"),
        pytest.param(lambda text: f"BEARER {text}", id="upper case"),
        pytest.param(lambda text: f"  Bearer   {text}  ", id="white space"),
        pytest.param(lambda text: f"Bearer {text}=", id="padded"),
    ],
)
def test_spelling_of_a_token_revives_nothing(visitor: Visitor, spell: Callable[[str], str]) -> None:
    """However a token is spelled, it opens only what is live: after the logout no spelling works."""
    tokens = tokens_of(SessionFactory())
    headers = {"HTTP_AUTHORIZATION": spell(tokens.access_token)}
    before = visitor.post("op", **headers)
    assert before.status_code == 200 or refusal_of(before) == TOKEN_INVALID
    visitor.post("logout", {}, token=tokens.access_token)
    after = visitor.post("op", **headers)
    assert refusal_of(after) in {SESSION_ENDED, TOKEN_INVALID}
    refresh = visitor.post("refresh", {}, HTTP_AUTHORIZATION=spell(tokens.refresh_token))
    assert refusal_of(refresh) in {SESSION_ENDED, TOKEN_INVALID}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_scheme_in_any_case(visitor: Visitor, scheme: str) -> None:
    """The scheme is read in any case (RFC 9110 section 11.1)."""
    token = tokens_of(SessionFactory()).access_token
    assert visitor.post("op", HTTP_AUTHORIZATION=f"{scheme} {token}").status_code == 200


# The clock


def test_clock_that_is_ahead(visitor: Visitor, time_machine: Any) -> None:
    """A token from a clock up to 10 seconds ahead is taken, from one further ahead it is not."""
    time_machine.move_to("2026-01-01 12:00", tick=False)
    session, now = SessionFactory(), timezone.now()
    for ahead, is_good in ((0, True), (10, True), (11, False), (3600, False)):
        tokens = tokens_of(session, at=now + timedelta(seconds=ahead))
        assert visitor.is_in(tokens.access_token) is is_good
    assert refusal_of(visitor.post("refresh", {}, token=tokens.refresh_token)) == TOKEN_INVALID


def test_access_token_to_its_last_second(visitor: Visitor, time_machine: Any) -> None:
    """An access token works until its ``exp`` and not a second longer: there is no leeway for it."""
    time_machine.move_to("2026-01-01 12:00", tick=False)
    token = tokens_of(SessionFactory()).access_token
    left = parts_of(token)[1]["exp"] - int(time.time())
    assert 570 <= left <= 600
    time_machine.shift(left - 1)
    assert visitor.is_in(token)
    time_machine.shift(1)
    assert refusal_of(visitor.post("op", token=token)) == ACCESS_EXPIRED
    assert refusal_of(visitor.post("logout_all", {}, token=token)) == ACCESS_EXPIRED


def test_refresh_token_to_its_last_second(visitor: Visitor, time_machine: Any) -> None:
    """A session may lie idle for ``REFRESH_TOKEN_LIFETIME``, and a refresh begins it anew."""
    time_machine.move_to("2026-01-01 12:00", tick=False)
    token = tokens_of(SessionFactory()).refresh_token
    time_machine.shift(timedelta(days=60) - timedelta(seconds=1))
    new = visitor.post("refresh", {}, token=token)
    assert new.status_code == 200
    time_machine.shift(timedelta(days=60))
    assert refusal_of(visitor.post("refresh", {}, token=new.json()["refresh_token"])) == REFRESH_EXPIRED


def test_absolute_end(visitor: Visitor, time_machine: Any) -> None:
    """No token outlives its session, however often that refreshes."""
    time_machine.move_to("2026-01-01 12:00", tick=False)
    session = SessionFactory()
    end = int(session.expires_at.timestamp())
    token = tokens_of(session).refresh_token
    for _ in range(12):
        time_machine.shift(timedelta(days=30))
        body = visitor.post("refresh", {}, token=token).json()
        token = body["refresh_token"]
        assert parts_of(token)[1]["exp"] <= end
    time_machine.shift(timedelta(days=5) - timedelta(seconds=1))
    body = visitor.post("refresh", {}, token=token).json()
    assert {parts_of(body[name])[1]["exp"] for name in ("access_token", "refresh_token")} == {end}
    time_machine.shift(1)
    assert refusal_of(visitor.post("op", token=body["access_token"])) == ACCESS_EXPIRED
    assert refusal_of(visitor.post("refresh", {}, token=body["refresh_token"])) == REFRESH_EXPIRED


def test_fresh_window(visitor: Visitor, configure: Configure, time_machine: Any) -> None:
    """A token of a login is fresh for ``FRESH_WINDOW``; after that it still opens what takes no fresh one."""
    time_machine.move_to("2026-01-01 12:00", tick=False)
    configure(ACCESS_TOKEN_LIFETIME=timedelta(hours=1))
    token = visitor.log_in()["access_token"]
    time_machine.shift(600)
    assert visitor.post("op2", token=token).status_code == 200
    time_machine.shift(1)
    assert refusal_of(visitor.post("op2", token=token)) == NOT_FRESH
    assert visitor.is_in(token)


# Users and sessions that are no more


def test_user_who_becomes_inactive(visitor: Visitor) -> None:
    """An inactive user is shut out at once, and let in again when active again."""
    session = SessionFactory()
    tokens = tokens_of(session)
    get_user_model().objects.update(is_active=False)
    assert refusal_of(visitor.post("op", token=tokens.access_token)) == SESSION_INACTIVE
    assert refusal_of(visitor.post("refresh", {}, token=tokens.refresh_token)) == SESSION_INACTIVE
    get_user_model().objects.update(is_active=True)
    assert visitor.is_in(tokens.access_token)
    assert visitor.post("refresh", {}, token=tokens.refresh_token).status_code == 200


def test_user_who_is_deleted(visitor: Visitor) -> None:
    """Tokens of a deleted user are those of an ended session, and no crash."""
    session = SessionFactory()
    tokens = tokens_of(session)
    session.user.delete()
    assert refusal_of(visitor.post("op", token=tokens.access_token)) == SESSION_ENDED
    assert refusal_of(visitor.get("sessions", token=tokens.access_token)) == SESSION_ENDED
    assert refusal_of(visitor.post("refresh", {}, token=tokens.refresh_token)) == SESSION_ENDED


def test_session_that_is_deleted(visitor: Visitor) -> None:
    """Tokens of a session whose rows were cleared are those of an ended one."""
    tokens = tokens_of(SessionFactory())
    OutstandingToken.objects.all().delete()
    assert not Session.objects.exists()
    assert refusal_of(visitor.post("op", token=tokens.access_token)) == SESSION_ENDED
    assert refusal_of(visitor.post("refresh", {}, token=tokens.refresh_token)) == SESSION_ENDED


@pytest.mark.parametrize("claims", [{"sub": str(uuid4())}, {"sid": str(uuid4())}], ids=["user", "session"])
def test_token_of_another_pair(visitor: Visitor, claims: dict[str, str]) -> None:
    """A signed token whose user is not its session's opens nothing."""
    SessionFactory()
    tokens = tokens_of(SessionFactory())
    assert refusal_of(visitor.post("op", token=changed(tokens.access_token, **claims))) == SESSION_ENDED
    assert refusal_of(visitor.post("refresh", {}, token=changed(tokens.refresh_token, **claims))) == SESSION_ENDED


def test_simplejwt_blacklists_a_token(visitor: Visitor) -> None:
    """The ``blacklist()`` of simplejwt on our refresh token ends the session at once, for every generation."""
    tokens = tokens_of(SessionFactory())
    new = visitor.post("refresh", {}, token=tokens.refresh_token).json()
    token: RefreshToken = read_refresh(tokens.refresh_token)
    token.blacklist()
    assert refusal_of(visitor.post("op", token=new["access_token"])) == SESSION_ENDED
    assert refusal_of(visitor.post("refresh", {}, token=new["refresh_token"])) == SESSION_ENDED
    assert OutstandingToken.objects.get().token == ""


def test_simplejwt_admin_blacklists_a_session(visitor: Visitor) -> None:
    """A ``BlacklistedToken`` made by hand ends a session; taken away, it lives again, unless we ended it too."""
    session = SessionFactory()
    token = tokens_of(session).access_token
    row = BlacklistedToken.objects.create(token=session.token)
    assert refusal_of(visitor.post("op", token=token)) == SESSION_ENDED
    row.delete()
    assert visitor.is_in(token)
    visitor.post("logout", {}, token=token)
    BlacklistedToken.objects.all().delete()
    assert refusal_of(visitor.post("op", token=token)) == SESSION_ENDED


def test_key_that_left_the_ring(visitor: Visitor, settings: Any) -> None:
    """Tokens of an old ``SECRET_KEY`` work while it is a fallback, and are invalid when it is none."""
    tokens, old = tokens_of(SessionFactory()), settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a new key, long enough for every check there is, too", [old]
    assert visitor.is_in(tokens.access_token)
    new = visitor.post("refresh", {}, token=tokens.refresh_token).json()
    settings.SECRET_KEY_FALLBACKS = []
    assert visitor.is_in(new["access_token"])
    assert refusal_of(visitor.post("op", token=tokens.access_token)) == TOKEN_INVALID
    assert refusal_of(visitor.post("refresh", {}, token=tokens.refresh_token)) == TOKEN_INVALID


def test_call_of_ours_is_one_query(visitor: Visitor, django_assert_num_queries: Any) -> None:
    """A protected call asks for session, blacklist and user at once."""
    token = tokens_of(SessionFactory()).access_token
    with django_assert_num_queries(1):
        assert visitor.is_in(token)
