"""Errors as problem details (RFC 9457)."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory, override_settings

from securelogin.api import errors
from tests.api.refusals import SHAPE, phrase
from tests.api.visitor import Visitor, derived_id
from tests.visits import PHONE

PROBLEM = "application/problem+json"
MEMBERS = {"type", "title", "status", "detail", "error", "failure_reason"}

pytestmark = pytest.mark.django_db


def errors_of(visitor: Visitor, **headers: Any) -> list[Any]:
    """Call what answers each kind of error once."""
    answers = [
        visitor.post("login", {"auth_type": "PHONE"}, **headers),
        visitor.call("POST", "login", b"{", **headers),
        visitor.call("POST", "login", b"{}", content_type="text/plain", **headers),
        visitor.call("POST", "login", b" " * 17_000, **headers),
        visitor.get("login", **headers),
        visitor.call("OPTIONS", "sessions", **headers),
        visitor.post("op", **headers),
        visitor.post("op", token="nonsense", **headers),
        visitor.post("nowhere", {}, **headers),
        visitor.post("verify_sms", {"userid": derived_id(), "phone": PHONE, "token": "123456"}, **headers),
    ]
    visitor.ask(PHONE)
    answers.append(visitor.post("login", {"auth_type": "PHONE", "phone": PHONE}, **headers))
    with override_settings(ALLOWED_HOSTS=["elsewhere"]):
        answers.append(visitor.post("login", {}, **headers))
    assert [answer.status_code for answer in answers] == [400, 400, 415, 413, 405, 405, 401, 401, 404, 400, 429, 400]
    return answers


def test_every_error_is_a_problem_where_that_is_asked_for(visitor: Visitor) -> None:
    """Status, title and detail as RFC 9457 names them, and the plain body's own facts beside them."""
    for answer in errors_of(visitor, HTTP_ACCEPT=f"application/json, {PROBLEM}"):
        body = answer.json()
        assert answer["Content-Type"] == PROBLEM, answer.content
        assert answer["Cache-Control"] == "no-store"
        assert body["type"] == "about:blank"
        assert body["status"] == answer.status_code
        assert body["title"] == phrase(answer.status_code)
        assert set(body) - {"fields", "retry_after"} == MEMBERS
        assert not any("Traceback" in str(value) or "Error(" in str(value) for value in body.values())


def test_problem_and_plain_body_tell_the_same(visitor: Visitor) -> None:
    """The two forms differ in names only."""
    problem = visitor.post("login", {"auth_type": "PHONE"}, HTTP_ACCEPT=PROBLEM).json()
    plain = visitor.post("login", {"auth_type": "PHONE"}).json()
    assert set(plain) == {*SHAPE, "fields"}
    assert problem == {
        "type": "about:blank",
        "title": plain.pop("http_code"),
        "status": 400,
        "detail": plain.pop("message"),
        **plain,
    }


@pytest.mark.parametrize(
    "accept",
    [
        PROBLEM,
        "application/json, application/problem+json",
        "APPLICATION/Problem+JSON; q=0.5",
        "text/html,\tapplication/problem+json",
    ],
)
def test_who_names_it_gets_it(visitor: Visitor, accept: str) -> None:
    """Named anywhere in ``Accept``, in any case and with any weight above 0."""
    assert visitor.post("login", {}, HTTP_ACCEPT=accept)["Content-Type"] == PROBLEM


@pytest.mark.parametrize(
    "accept",
    ["", "*/*", "application/*", "application/json", f"{PROBLEM};q=0", f"{PROBLEM}; q = 0.000", "x/y;q*=nothing''1"],
)
def test_who_does_not_name_it_gets_the_plain_body(visitor: Visitor, accept: str) -> None:
    """A wildcard is what old clients send, so it asks for nothing new; a weight of 0 refuses it."""
    answer = visitor.post("login", {}, HTTP_ACCEPT=accept)
    assert answer["Content-Type"] == "application/json"
    assert set(answer.json()) >= SHAPE


def test_success_is_no_problem(visitor: Visitor) -> None:
    """What succeeds is JSON whatever is accepted."""
    answer = visitor.post("login", {"auth_type": "PHONE", "phone": PHONE}, HTTP_ACCEPT=PROBLEM)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")


def test_bug_is_a_problem_too() -> None:
    """What a project answers where a view of its own breaks tells nothing, in either form."""
    answer = errors.server_error(RequestFactory().get("/", headers={"Accept": PROBLEM}))
    assert (answer.status_code, answer["Content-Type"]) == (500, PROBLEM)
    assert b'"ServerError"' in answer.content
