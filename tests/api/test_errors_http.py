"""Refusals that HTTP itself asks for: bodies, media types, methods, hosts and paths."""

from __future__ import annotations

from typing import Any

import pytest

from securelogin.models import OneTimeCode, Session
from securelogin.sms.locmem import outbox
from tests.factories import SessionFactory, tokens_of
from tests.visits import PHONE

from .refusals import (
    BAD_REQUEST,
    INVALID,
    MALFORMED,
    MEDIA_TYPE,
    NOT_ALLOWED,
    NOT_FOUND,
    TOO_LARGE,
    refusal_of,
)
from .visitor import Visitor

pytestmark = pytest.mark.django_db

POSTED = [
    "register",
    "login",
    "login_sms",
    "verify_sms",
    "refresh",
    "logout",
    "logout_all_other_sessions",
    "logout_all",
    "password",
]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"{", id="truncated"),
        pytest.param(b'{"auth_type": "PHONE"', id="no end"),
        pytest.param(b'{"auth_type": "PHONE"} {}', id="two values"),
        pytest.param(b"{'auth_type': 'PHONE'}", id="single quotes"),
        pytest.param(b" ", id="blank"),
        pytest.param(b"\xef\xbb\xbf{}", id="BOM"),
        pytest.param(b'{"auth_type": "\xff\xfe"}', id="not UTF-8"),
        pytest.param('{"auth_type": "PHONE"}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"auth_type": NaN}', id="NaN"),
        pytest.param(b'{"auth_type": Infinity}', id="Infinity"),
        pytest.param(b'{"auth_type": -Infinity}', id="-Infinity"),
        pytest.param(b'{"auth_type": 1e400}', id="1e400"),
        pytest.param(b'{"auth_type": -1e400}', id="-1e400"),
        pytest.param(b'{"auth_type": "\\u0000"}', id="NUL"),
        pytest.param(b'{"a\\u0000": 1}', id="NUL in a key"),
        pytest.param(b'{"auth_type": "\x00"}', id="raw NUL"),
        pytest.param(b'{"auth_type": "\\ud83d"}', id="lone surrogate"),
        pytest.param(b'{"auth_type": "\\ude00\\ud83d"}', id="surrogates in the wrong order"),
        pytest.param(b'{"\\ud83d": 1}', id="lone surrogate in a key"),
        pytest.param(b'{"x": ' + b"9" * 5000 + b"}", id="5000 digits"),
        pytest.param(b'{"x": ' + b"[" * 20 + b"1" + b"]" * 20 + b"}", id="21 levels"),
        pytest.param(b'{"x": ' + b"[" * 20 + b"]" * 20 + b"}", id="21 levels, the last one empty"),
        pytest.param(b"[" * 8000, id="8000 levels, unclosed"),
        pytest.param(b"[" * 8000 + b"]" * 8000, id="8000 levels"),
    ],
)
@pytest.mark.parametrize("route", ["login", "verify_sms"])
def test_malformed_json(visitor: Visitor, route: str, data: bytes) -> None:
    """What is no JSON, or JSON that a database or a log would choke on, is ``MalformedJSON``."""
    assert refusal_of(visitor.call("POST", route, data)) == MALFORMED


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"x": ' + b"[" * 19 + b"1" + b"]" * 19 + b"}", id="20 levels"),
        pytest.param(b'{"x": ' + b"9" * 4000 + b"}", id="4000 digits"),
        pytest.param(b'{"x": "\\ud83d\\ude00 \xf0\x9f\x98\x80"}', id="emoji, escaped and not"),
        pytest.param(b'{"x": 1e300, "y": -0.0, "z": 1E-400}', id="extreme floats"),
        pytest.param(b'{"x": 1, "x": 2}', id="a key twice"),
        pytest.param(b" \r\n\t{}\n", id="white space"),
    ],
)
def test_json_that_is_read(visitor: Visitor, data: bytes) -> None:
    """Good JSON, and no body at all, is read, and then found to lack what is needed."""
    answer = visitor.call("POST", "login", data)
    assert refusal_of(answer) == INVALID
    assert answer.json()["fields"] == {"auth_type": ["This field is required."]}


@pytest.mark.parametrize("route", POSTED)
def test_body_that_is_too_large(visitor: Visitor, route: str) -> None:
    """16 KB are read, one byte more is 413, a megabyte too."""
    session = SessionFactory()
    fresh = tokens_of(session).access_token if route not in {"register", "login", "login_sms", "verify_sms"} else ""
    token = "" if route == "refresh" else fresh
    for size, is_read in ((16 * 1024, True), (16 * 1024 + 1, False), (1024 * 1024, False)):
        answer = visitor.call("POST", route, b"{" + b" " * (size - 2) + b"}", token=token)
        if route == "logout_all":
            continue  # it reads no body
        assert (answer.status_code == 413) is not is_read
        if not is_read:
            assert refusal_of(answer) == TOO_LARGE


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "text/plain;application/json",
        "application/xml",
        "application/jsonp",
        "application/vnd.api+json",
        "application",
        "/",
        "",
    ],
)
def test_content_type_that_is_not_json(visitor: Visitor, content_type: str) -> None:
    """A body that is not called JSON is 415, whatever is in it."""
    body = b'{"auth_type": "PHONE", "phone": "+12025550123"}'
    for route in ("register", "login", "login_sms", "verify_sms", "refresh"):
        assert refusal_of(visitor.call("POST", route, body, content_type=content_type)) == MEDIA_TYPE
    token = tokens_of(SessionFactory()).access_token
    for route in ("logout", "logout_all_other_sessions", "password"):
        assert refusal_of(visitor.call("POST", route, body, token=token, content_type=content_type)) == MEDIA_TYPE
    assert not outbox
    assert Session.objects.get().ended_at is None


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/json ;x=y"]
)
def test_content_type_that_is_json(visitor: Visitor, content_type: str) -> None:
    """JSON may be spelled with parameters and in any case."""
    body = b'{"auth_type": "PHONE", "phone": "+12025550123"}'
    assert visitor.call("POST", "login", body, content_type=content_type).status_code == 200


@pytest.mark.parametrize("route", [*POSTED, "sessions", "sessions/00000000-0000-4000-8000-000000000000"])
def test_methods(visitor: Visitor, route: str) -> None:
    """Every other method is 405 in our shape with ``Allow``, HEAD and OPTIONS too, before any token is asked for."""
    allowed = {"sessions": {"GET", "HEAD"}}.get(route, {"DELETE"} if "/" in route else {"POST"})
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "POST", "TRACE", "PROPFIND", "BREW"):
        if method in allowed:
            continue
        answer = visitor.call(method, route, b"{" if method in {"PUT", "PATCH"} else b"")
        assert answer.status_code == 405
        assert {each.strip() for each in answer["Allow"].split(",")} == allowed
        if method == "HEAD":
            assert (answer.content, answer["Content-Type"]) == (b"", "application/json")
        else:
            assert refusal_of(answer) == NOT_ALLOWED


@pytest.mark.parametrize("is_checked_by", ["CommonMiddleware", "us"])
@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "a b", "", "[::1", "testserver:x"])
def test_foreign_host(visitor: Visitor, settings: Any, host: str, is_checked_by: str) -> None:
    """A ``Host`` that is not ours is 400 in our shape with or without ``CommonMiddleware``, and nothing is sent."""
    if is_checked_by == "us":
        settings.MIDDLEWARE = []
    answers = [
        visitor.post("login", {"auth_type": "PHONE", "phone": PHONE}, HTTP_HOST=host),
        visitor.post("register", {"auth_type": "PHONE", "username": "Ada", "phone": PHONE}, HTTP_HOST=host),
        visitor.get("sessions", HTTP_HOST=host, token="garbage"),
        visitor.call("OPTIONS", "login", HTTP_HOST=host),
    ]
    assert {refusal_of(answer) for answer in answers} == {BAD_REQUEST}
    assert not outbox
    assert not OneTimeCode.objects.exists()


@pytest.mark.parametrize("route", ["nothing", "login/", "Login", "sessions/", "sessions/17", "sessions/x/y", ""])
def test_route_that_is_not_there(visitor: Visitor, route: str) -> None:
    """What is no route is 404 in our shape, for any method, with or without a token."""
    token = tokens_of(SessionFactory()).access_token
    for method in ("GET", "POST", "DELETE", "OPTIONS"):
        assert refusal_of(visitor.call(method, route, token=token)) == NOT_FOUND
        assert refusal_of(visitor.call(method, route)) == NOT_FOUND
