"""What a call costs: reads and writes of the whole request, for a known user, with the limits off."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client as HTTPClient

from .conftest import Configure
from .statements import statements_of
from .visitors import PHONE, Visitor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def known(ada: Visitor, configure: Configure) -> Visitor:
    """Somebody who was here before, so that every row there will be is there."""
    configure(RESEND_PAUSES=())
    ada.log_in()
    return ada


def cost(client: HTTPClient, route: str, bearer: str = "", **body: Any) -> tuple[list[str], dict[str, Any]]:
    """Post to a route, which must answer 200; gives the statements and the answer."""
    answers: list[Any] = []

    def call() -> None:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        answers.append(client.post(f"/api/auth/{route}", body, content_type="application/json", headers=headers))

    statements = statements_of(call)
    assert answers[0].status_code == 200, answers[0].content
    return statements, answers[0].json()


def at_most(most: int, statements: list[str]) -> None:
    """Fail with the statements where there are more."""
    assert len(statements) <= most, "\n".join([f"{len(statements)} statements, not {most}:", *statements])


def log_in(client: HTTPClient, visitor: Visitor, **body: str) -> dict[str, Any]:
    """Walk in and return the tokens."""
    _statements, asked = cost(client, "login", auth_type="PHONE", phone=PHONE, **body)
    _statements, login = cost(client, "verify_sms", userid=asked["userid"], phone=PHONE, token=visitor.code(), **body)
    return login


def test_login_costs_three(client: HTTPClient, known: Visitor) -> None:
    """The user, the upsert that reads the row, the new code."""
    statements, _asked = cost(client, "login", auth_type="PHONE", phone=PHONE)
    at_most(3, statements)


def test_verify_sms_costs_seven(client: HTTPClient, known: Visitor) -> None:
    """Row, count and user; then the code, the lock that writes ``last_login``, two rows of the session."""
    _statements, asked = cost(client, "login", auth_type="PHONE", phone=PHONE)
    statements, _login = cost(client, "verify_sms", userid=asked["userid"], phone=PHONE, token=known.code())
    at_most(7, statements)


def test_first_verify_sms_costs_seven(client: HTTPClient, ada: Visitor, configure: Configure) -> None:
    """Row, count and user; then the code, the new user, two rows of the session."""
    configure(RESEND_PAUSES=())
    _statements, asked = cost(client, "login", auth_type="PHONE", phone=PHONE)
    statements, _login = cost(client, "verify_sms", userid=asked["userid"], phone=PHONE, token=ada.code())
    at_most(7, statements)


def test_protected_call_costs_one(client: HTTPClient, known: Visitor) -> None:
    """Session, blacklist and user in one query."""
    login = log_in(client, known)
    statements, _answer = cost(client, "op", login["access_token"])
    assert len(statements) == 1, "\n".join(statements)


def test_fresh_call_costs_one(client: HTTPClient, known: Visitor) -> None:
    """That a token is fresh is in the token."""
    login = log_in(client, known)
    statements, _answer = cost(client, "op2", login["access_token"])
    assert len(statements) == 1, "\n".join(statements)


def test_refresh_costs_two(client: HTTPClient, known: Visitor) -> None:
    """One compare-and-swap; a repeat looks once more."""
    login = log_in(client, known)
    statements, _pair = cost(client, "refresh", login["refresh_token"])
    at_most(1, statements)
    statements, _pair = cost(client, "refresh", login["refresh_token"])
    at_most(2, statements)


def test_logout_costs_two(client: HTTPClient, known: Visitor) -> None:
    """The session ended, its token blacklisted; what it belongs to is in the token."""
    login = log_in(client, known)
    statements, _answer = cost(client, "logout", login["access_token"])
    at_most(2, statements)


def test_refused_calls_cost_no_more(client: HTTPClient, known: Visitor) -> None:
    """A dead token is looked at twice, to say why; a wrong code costs half of what a right one does."""
    login = log_in(client, known)
    cost(client, "logout", login["access_token"])

    def call() -> None:
        headers = {"Authorization": f"Bearer {login['access_token']}"}
        assert client.post("/api/auth/op", headers=headers).status_code == 401

    at_most(2, statements_of(call))
    at_most(4, statements_of(known.fail))
