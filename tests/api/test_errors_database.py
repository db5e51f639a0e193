"""A database that cannot be had is 503 and a request to try again, never a crash."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from django.db import connection

from securelogin.models import OneTimeCode
from securelogin.sms.locmem import outbox
from tests.factories import SessionFactory, UserFactory, tokens_of
from tests.visits import PHONE

from .conftest import Configure
from .refusals import TRY_AGAIN, refusal_of
from .visitor import PASSWORD, Visitor, derived_id, sent_code

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def database_away() -> Iterator[None]:
    """Take the database away from this process: another one holds SQLite's lock, a server cuts the connection."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 10")
        with closing(sqlite3.connect(str(connection.settings_dict["NAME"]), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            try:
                yield
            finally:
                other.execute("ROLLBACK")
                connection.close()
        return
    own_id, cut = {
        "postgresql": ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend(%s)"),
        "mysql": ("SELECT CONNECTION_ID()", "KILL %s"),
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(own_id)
        (number,) = cursor.fetchone()
    with closing(connection.copy("other")) as killer, killer.cursor() as cursor:
        cursor.execute(cut, [number])
    try:
        yield
    finally:
        connection.close()


CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "register": ("register", {"auth_type": "PHONE", "username": "Ada", "phone": PHONE}),
    "register with a password": (
        "register",
        {"auth_type": "PASSWORD", "username": "Ada", "email": "ada@example.com", "password": PASSWORD},
    ),
    "login": ("login", {"auth_type": "PHONE", "phone": PHONE}),
    "login with a password": ("login", {"auth_type": "PASSWORD", "phone": PHONE, "password": PASSWORD}),
    "verify_sms": ("verify_sms", {"phone": PHONE, "token": "123456", "userid": derived_id()}),
}


@pytest.mark.parametrize("has_limits", [True, False])
@pytest.mark.parametrize(("route", "body"), list(CALLS.values()), ids=list(CALLS))
def test_way_in_without_a_database(
    visitor: Visitor, configure: Configure, request: Any, route: str, body: dict[str, Any], has_limits: bool
) -> None:
    """A login that finds no database is told to try again, is sent nothing, and goes well once it is back."""
    if not has_limits:
        request.getfixturevalue("no_limits")
    configure(AUTH_TYPES=("PHONE", "PASSWORD"))
    if "password" in body and route == "login":
        UserFactory(phone=PHONE, password=PASSWORD)
    if route == "verify_sms":
        visitor.ask()
        body = {**body, "token": sent_code()}
    sent = len(outbox)
    with database_away():
        answer = visitor.post(route, body)
    assert refusal_of(answer) == TRY_AGAIN
    assert len(outbox) == sent
    assert visitor.post(route, body).status_code == 200


@pytest.mark.parametrize(
    "route", ["refresh", "logout", "logout_all_other_sessions", "logout_all", "password", "DELETE"]
)
def test_session_without_a_database(visitor: Visitor, route: str) -> None:
    """A session that finds no database is not ended by it: the same call goes well once it is back."""
    session = SessionFactory(user=UserFactory(password=PASSWORD))
    tokens = tokens_of(session)
    body = {"oldpassword": PASSWORD, "newpassword": "green grows the rushes oh"}

    def call() -> Any:
        if route == "DELETE":
            return visitor.delete(f"sessions/{session.pk}", token=tokens.access_token)
        token = tokens.refresh_token if route == "refresh" else tokens.access_token
        return visitor.post(route, body, token=token)

    with database_away():
        answer = call()
    assert refusal_of(answer) == TRY_AGAIN
    assert call().status_code in {200, 204}


@pytest.mark.skipif(connection.vendor == "sqlite", reason="a writer does not stop SQLite's readers in WAL mode")
@pytest.mark.parametrize("route", ["sessions", "op"])
def test_protected_call_without_a_database(visitor: Visitor, route: str) -> None:
    """A protected call, a host's too, that cannot be checked is 503, neither let in nor told that its token is bad."""
    token = tokens_of(SessionFactory()).access_token
    with database_away():
        answer = visitor.call("GET" if route == "sessions" else "POST", route, token=token, content_type="")
    assert refusal_of(answer) == TRY_AGAIN


def test_nothing_is_counted_without_a_database(visitor: Visitor) -> None:
    """A right code that could not be tried is not used up."""
    visitor.ask()
    with database_away():
        assert refusal_of(visitor.guess(sent_code(), userid=derived_id())) == TRY_AGAIN
    assert OneTimeCode.objects.get().guesses == 0
    assert visitor.guess(sent_code(), userid=derived_id()).status_code == 200
