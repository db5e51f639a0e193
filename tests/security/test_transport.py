"""Transport and headers (G): TLS, caches, methods, media types, hosts, what every answer carries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken

from securelogin.models import OneTimeCode, Session
from securelogin.sms.locmem import outbox
from securelogin.urls import urlpatterns
from tests.api.conftest import NO_LIMITS
from tests.api.refusals import NOT_ALLOWED, TOKEN_MISSING, refusal_of
from tests.api.test_errors_http import POSTED
from tests.api.visitor import PASSWORD, Visitor, derived_id, sent_code
from tests.factories import SessionFactory, UserFactory, tokens_of
from tests.test_example_project import PRODUCTION
from tests.visits import PHONE, read_code

from .sites import Answer, Site, serve

PUBLIC = {"register", "login", "login_sms", "verify_sms", "refresh", "logout"}
YEAR = 365 * 24 * 60 * 60


@pytest.fixture
def open_house(settings: Any) -> Any:
    """Offer both ways in, with no limit on how often; returns the settings."""
    settings.SECURELOGIN = {
        **settings.SECURELOGIN,
        "AUTH_TYPES": ("PHONE", "PASSWORD"),
        "LIMITS": NO_LIMITS,
        "RESEND_PAUSES": (timedelta(0),),
    }
    return settings


# G1


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The example project, served with its production settings."""
    environ = {**PRODUCTION, "SECURELOGIN_SMS": "filebased"}
    with serve(tmp_path_factory.mktemp("production"), environ) as site:
        yield site


def test_plain_http_does_nothing(production: Site) -> None:
    """Over plain HTTP no code is sent, none is used up, no token is rotated and no session ended (G1)."""
    tls = {"X_Forwarded_Proto": "https"}
    ask = {"auth_type": "PHONE", "phone": PHONE}

    def call(route: str, body: Any, token: str = "") -> Answer:
        refused = production.call(f"/api/auth/{route}", body, token=token)
        assert (refused.status, refused.body["failure_reason"]) == (403, "Forbidden")
        answer = production.call(f"/api/auth/{route}", body, token=token, **tls)
        assert answer.status == 200, answer.text
        return answer

    userid = call("login", ask).body["userid"]
    code = read_code(production.last_text(1))
    opened = call("verify_sms", {"userid": userid, "phone": PHONE, "token": code}).body
    rotated = call("refresh", {}, opened["refresh_token"]).body
    call("op", {}, rotated["access_token"])
    call("logout", {}, rotated["access_token"])
    assert len(production.lines()) == 1


def test_production_sends_every_header(production: Site) -> None:
    """Behind TLS each answer asks for TLS for a year; none is framed, sniffed, or says which release serves it."""
    tls = {"X_Forwarded_Proto": "https"}
    answers = [
        production.call("/api/auth/login", {"auth_type": "PHONE", "phone": "+12025550199"}, **tls),
        production.call("/api/auth/login", {}, **tls),
        production.call("/api/auth/op", {}, **tls),
        production.call("/api/auth/login", **tls),
        production.call("/nowhere", **tls),
        production.call("/admin/login/", **tls),
    ]
    assert [answer.status for answer in answers] == [200, 400, 401, 405, 404, 200]
    refused = production.call("/api/auth/op", {}, token="x")
    assert refused.status == 403
    for answer in answers:
        stay, *more = answer.headers["Strict-Transport-Security"].split("; ")
        assert int(stay.removeprefix("max-age=")) >= YEAR
        assert more == ["includeSubDomains", "preload"]
    for answer in [*answers, refused]:
        assert_closed(answer.headers)
        assert not any(digit in answer.headers.get("Server", "") for digit in "0123456789")


def test_foreign_host_in_production(production: Site) -> None:
    """A ``Host`` that is not ours is 400 and nothing is sent (G5)."""
    before = production.lines()
    body = {"auth_type": "PHONE", "phone": "+12025550177"}
    answer = production.call("/api/auth/login", body, Host="evil.example", X_Forwarded_Proto="https")
    assert (answer.status, answer.body["failure_reason"]) == (400, "BadRequest")
    assert production.lines() == before


# G2 and G6: every route, every class of answer


def assert_closed(headers: Any) -> None:
    """The headers of a closed house are there, and none that opens it (G6)."""
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert not [name for name in headers if name.lower().startswith("access-control-")]


def answers_of_every_kind(settings: Any) -> list[Any]:
    """Call each route well and in each way that is refused; returns the answers."""
    visitor = Visitor()
    visitor.client.raise_request_exception = False
    user = UserFactory(phone=PHONE, password=PASSWORD)
    answers = [*good_answers(visitor, user)]
    for route in [*POSTED, "op", "op2"]:
        token = "" if route in PUBLIC else tokens_of(SessionFactory(user=user)).access_token
        answers += [
            visitor.call("PUT", route),
            visitor.call("POST", route, b"{", token=token),
            visitor.call("POST", route, b"<x/>", token=token, content_type="application/xml"),
            visitor.call("POST", route, b" " * 20_000, token=token),
            visitor.post(route, {}, token="x" if route in {"refresh", "logout"} else ""),
        ]
    answers += [visitor.get("nothing"), visitor.get("sessions"), visitor.call("POST", "sessions")]
    answers += [visitor.call(method, f"sessions/{derived_id()}") for method in ("DELETE", "POST")]
    token = tokens_of(SessionFactory(user=user)).access_token
    answers += [
        visitor.delete(f"sessions/{derived_id()}", token=token),
        visitor.post("login", HTTP_HOST="evil.example"),
    ]
    for changes in (
        {"SIGNUP": "closed"},
        {"LIMITS": {"login_ip": "1/hour", "verify_ip": "1/hour", "register_ip": "1/hour"}},
        {"SMS": {"default": {"BACKEND": "tests.api.failing.SMSBackend"}}},
        {"SMS": {"default": {"BACKEND": "tests.api.crashing.SMSBackend"}}},
    ):
        settings.SECURELOGIN = {**settings.SECURELOGIN, "LIMITS": NO_LIMITS, "SENDS_PER_HOUR": 99, **changes}
        answers += [visitor.ask(), visitor.ask(), visitor.guess("123456", userid=derived_id())]
        answers += [visitor.ask(route="register", username="Ada"), visitor.ask(route="register", username="Ada")]
    return answers


def good_answers(visitor: Visitor, user: Any) -> Iterator[Any]:
    """Call each route as it wants to be called."""
    yield visitor.ask(route="register", username="Ada")
    yield visitor.ask(route="login_sms")
    yield visitor.ask()
    entered = visitor.guess(sent_code(), userid=derived_id())
    yield entered
    yield visitor.post("refresh", {}, token=entered.json()["refresh_token"])
    token = entered.json()["access_token"]
    for route in ("sessions", "op", "op2"):
        yield visitor.get(route, token=token) if route == "sessions" else visitor.post(route, {}, token=token)
    yield visitor.delete(f"sessions/{SessionFactory(user=user).pk}", token=token)
    yield visitor.post("password", {"oldpassword": PASSWORD, "newpassword": f"{PASSWORD}!"}, token=token)
    yield visitor.post("logout_all_other_sessions", {}, token=token)
    yield visitor.post("logout", {}, token=token)
    yield visitor.post("logout_all", {}, token=tokens_of(SessionFactory(user=user)).access_token)


@pytest.mark.django_db
def test_no_answer_is_cached(open_house: Any) -> None:
    """Every answer of every route says ``no-store``, whatever its status (G2)."""
    answers = answers_of_every_kind(open_house)
    ours = [answer for answer in answers if "/op" not in answer.request["PATH_INFO"] or answer.status_code != 200]
    assert {answer.status_code for answer in ours} == {200, 204, 400, 401, 403, 404, 405, 413, 415, 429, 500, 503}
    succeeded = {str(answer.resolver_match.route) for answer in ours if answer.status_code < 300}
    assert succeeded == {f"api/auth/{pattern.pattern}" for pattern in urlpatterns}
    for answer in ours:
        assert answer["Cache-Control"] == "no-store", (answer.request["PATH_INFO"], answer.status_code)


@pytest.mark.django_db
def test_answers_carry_the_headers_of_a_closed_house(open_house: Any) -> None:
    """Not sniffed, not framed, no referrer for others, and no other origin is let in, whatever the status (G6)."""
    for answer in answers_of_every_kind(open_house):
        assert_closed(answer.headers)


@pytest.mark.django_db
def test_other_origins_are_not_let_in() -> None:
    """A preflight is 405, and an ``Origin`` is answered with nothing that a browser would take for leave (G6)."""
    visitor = Visitor()
    origin: dict[str, Any] = {"HTTP_ORIGIN": "https://evil.example", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "POST"}
    asked = visitor.ask()
    assert asked.status_code == 200
    for route in [*POSTED, "sessions"]:
        answer = visitor.call("OPTIONS", route, **origin)
        assert refusal_of(answer) == NOT_ALLOWED
        assert_closed(answer.headers)
    assert_closed(visitor.post("login", {"auth_type": "PHONE", "phone": "+12025550199"}, **origin).headers)


@pytest.mark.django_db
def test_there_is_nothing_to_browse(open_house: Any) -> None:
    """No page, form or schema for those who ask for HTML: each route answers JSON or nothing (G6)."""
    for path in ("", "schema", "schema/", "docs", "openapi.json", "__debug__/", "silk/"):
        for prefix in ("/", "/api/", "/api/auth/"):
            answer = Visitor().client.get(prefix + path, HTTP_ACCEPT="text/html")
            assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")
    visitor = Visitor()
    visitor.client.credentials(HTTP_ACCEPT="text/html")
    for answer in good_answers(visitor, UserFactory(phone=PHONE, password=PASSWORD)):
        assert answer.status_code == 204 or answer["Content-Type"] == "application/json"


# G3


def state() -> list[Any]:
    """Return all that a call of ours could have changed."""
    tables = (OneTimeCode, Session, get_user_model(), BlacklistedToken)
    return [list(table._default_manager.order_by("pk").values()) for table in tables] + [len(outbox)]


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_link_does_nothing(open_house: Any, method: str) -> None:
    """Every action is a POST: whatever follows a link sends, uses up, rotates and ends nothing (G3)."""
    visitor = Visitor()
    opened = visitor.log_in()
    visitor.ask()
    query = {
        "auth_type": "PHONE",
        "username": "Ada",
        "phone": PHONE.replace("+", "%2B"),
        "userid": derived_id(),
        "token": sent_code(),
        "refresh_token": opened["refresh_token"],
    }
    words = "&".join(f"{name}={value}" for name, value in query.items())
    before = state()
    for route in POSTED:
        for token in ("", opened["access_token"], opened["refresh_token"]):
            answer = visitor.call(method, f"{route}?{words}", token=token)
            assert (answer.status_code, answer["Allow"]) == (405, "POST"), route
    if method != "DELETE":
        session = Session.objects.get()
        answer = visitor.call(method, f"sessions/{session.pk}?{words}", token=opened["access_token"])
        assert (answer.status_code, answer["Allow"]) == (405, "DELETE")
    assert state() == before
    assert visitor.guess(sent_code(), userid=derived_id()).status_code == 200
    assert visitor.post("refresh", {}, token=opened["refresh_token"]).status_code == 200


@pytest.mark.django_db
def test_nothing_is_read_from_the_address(open_house: Any) -> None:
    """Number, code and tokens count in the body and the header only: addresses end in logs (G3)."""
    visitor = Visitor()
    opened = visitor.log_in()
    visitor.ask()
    before = state()
    words = f"phone={PHONE.replace('+', '%2B')}&userid={derived_id()}&token={sent_code()}&auth_type=PHONE"
    for route in ("login", "register", "verify_sms"):
        assert visitor.post(f"{route}?{words}", {}).status_code == 400
    for name in ("access_token", "token", "refresh_token", "authorization"):
        for route in ("sessions", "refresh", "logout", "op"):
            method = "GET" if route == "sessions" else "POST"
            for value in (opened["access_token"], opened["refresh_token"]):
                assert refusal_of(visitor.call(method, f"{route}?{name}={value}")) == TOKEN_MISSING
    assert state() == before


@pytest.mark.django_db
def test_who_is_not_authenticated_is_asked_to_be(open_house: Any) -> None:
    """Without a good token each protected call is 401 with ``WWW-Authenticate``, never 403 (G3)."""
    visitor = Visitor()
    session = SessionFactory()
    good = tokens_of(session)
    visitor.post("logout", {}, token=good.access_token)
    protected = [("POST", route) for route in [*POSTED, "op", "op2"] if route not in PUBLIC]
    protected += [("GET", "sessions"), ("DELETE", f"sessions/{session.pk}")]
    for method, route in protected:
        for token in ("", "x", good.access_token, good.refresh_token):
            answer = visitor.call(method, route, token=token)
            assert refusal_of(answer).status == 401  # which looks at the header too
    for route in ("refresh", "logout"):
        assert refusal_of(visitor.post(route, {})).status == 401


# G5

FORWARDED: dict[str, Any] = {
    "HTTP_X_FORWARDED_HOST": "evil.example",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_PORT": "8443",
    "HTTP_X_FORWARDED_SERVER": "evil.example",
    "HTTP_X_ORIGINAL_URL": "/evil",
    "HTTP_X_REWRITE_URL": "/evil",
    "HTTP_X_HOST": "evil.example",
    "HTTP_FORWARDED": "host=evil.example;proto=https",
    "HTTP_ORIGIN": "https://evil.example",
    "HTTP_REFERER": "https://evil.example/",
}


@pytest.mark.django_db
@pytest.mark.parametrize("origin", [None, "login.example.com"])
def test_forwarded_hosts_build_nothing(open_house: Any, origin: str | None) -> None:
    """What a caller says of a host stands in no text, no answer, no link to a next page and no redirect (G5)."""
    open_house.SECURELOGIN = {**open_house.SECURELOGIN, "SMS_ORIGIN": origin}
    visitor = Visitor()
    plain = visitor.log_in()
    words = outbox[-1].body.replace(sent_code(), "")
    answers = [visitor.ask(), visitor.post("login", {"auth_type": "PHONE", "phone": PHONE}, **FORWARDED)]
    assert outbox[-1].body.replace(sent_code(), "") == words
    answers.append(visitor.get("sessions?page_size=1&page=2", token=plain["access_token"], **FORWARDED))
    SessionFactory(user=get_user_model().objects.get(phone=PHONE))
    pages = visitor.get("sessions?page_size=1", token=plain["access_token"], **FORWARDED)
    assert pages.json()["next"] == "http://testserver/api/auth/sessions?page=2&page_size=1"
    redirect = visitor.client.get("/admin/", **FORWARDED)
    assert (redirect.status_code, redirect["Location"]) == (302, "/admin/login/?next=/admin/")
    for answer in [*answers, pages, redirect]:
        assert "evil" not in f"{answer.content.decode()} {dict(answer.headers)}"
