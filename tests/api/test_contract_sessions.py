"""The user's own sessions: what the list shows, page by page, and how one is ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken

from securelogin.models import Session
from tests.factories import SessionFactory, UserFactory, tokens_of

from .refusals import NOT_FOUND, SESSION_ENDED, TOKEN_MISSING, refusal_of
from .visitor import Visitor

pytestmark = pytest.mark.django_db

FIELDS = {
    "id",
    "created_at",
    "last_used_at",
    "expires_at",
    "ip_address",
    "user_agent",
    "device",
    "current",
}


def test_list_of_one(visitor: Visitor) -> None:
    """The list shows a login with where it came from and when, no credential, and that it is the caller's own."""
    token = visitor.log_in(device="Ada's phone")["access_token"]
    answer = visitor.get("sessions", token=token)
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    body = answer.json()
    assert set(body) == {"count", "next", "previous", "results"}
    assert (body["count"], body["next"], body["previous"]) == (1, None, None)
    (shown,) = body["results"]
    session = Session.objects.get()
    assert set(shown) == FIELDS
    assert (shown["id"], shown["current"]) == (str(session.pk), True)
    assert (shown["ip_address"], shown["user_agent"], shown["device"]) == ("127.0.0.1", "Visitor/1.0", "Ada's phone")
    moments = [parse_datetime(shown[name]) for name in ("created_at", "last_used_at", "expires_at")]
    assert moments == [session.created_at, session.rotated_at, session.expires_at]


def test_list_has_live_sessions_of_the_user_only(visitor: Visitor) -> None:
    """Ended, expired, blacklisted and foreign sessions are not in the list; the newest comes first."""
    user, now = UserFactory(), timezone.now()
    old = SessionFactory(user=user, created_at=now - timedelta(days=2))
    new = SessionFactory(user=user, created_at=now - timedelta(days=1))
    SessionFactory(user=user, ended_at=now, end_reason="logout")
    SessionFactory(user=user, created_at=now - timedelta(days=400), expires_at=now - timedelta(seconds=1))
    BlacklistedToken.objects.create(token=SessionFactory(user=user).token)
    SessionFactory()
    results = visitor.get("sessions", token=tokens_of(old).access_token).json()["results"]
    assert [(each["id"], each["current"]) for each in results] == [(str(new.pk), False), (str(old.pk), True)]


def test_last_use_is_the_last_refresh(visitor: Visitor, time_machine: Any) -> None:
    """``last_used_at`` moves with a refresh, not with a call."""
    time_machine.move_to("2026-01-01 12:00", tick=False)
    tokens = tokens_of(SessionFactory())
    time_machine.shift(60)
    token = visitor.post("refresh", {}, token=tokens.refresh_token).json()["access_token"]
    time_machine.shift(60)
    (shown,) = visitor.get("sessions", token=token).json()["results"]
    assert (shown["created_at"], shown["last_used_at"]) == ("2026-01-01T12:00:00Z", "2026-01-01T12:01:00Z")


def test_pages(visitor: Visitor) -> None:
    """Fifty a page, ``page_size`` up to 100, links to walk by, every session once, and queries that do not grow."""
    user = UserFactory()
    sessions = SessionFactory.create_batch(120, user=user)
    token = tokens_of(sessions[0]).access_token
    seen: list[str] = []
    link: str | None = "sessions"
    for _page in range(4):
        if link is None:
            break
        body = visitor.get(link, token=token).json()
        seen += [each["id"] for each in body["results"]]
        link = body["next"] and "sessions?" + urlsplit(body["next"]).query
    assert link is None
    assert len(seen) == 120
    assert set(seen) == {str(each.pk) for each in sessions}
    assert len(visitor.get("sessions?page_size=1000", token=token).json()["results"]) == 100
    assert len(visitor.get("sessions?page_size=7", token=token).json()["results"]) == 7


def test_list_is_three_queries(visitor: Visitor, django_assert_num_queries: Any) -> None:
    """However many sessions there are, the list asks who calls, how many, and which."""
    sessions = SessionFactory.create_batch(5, user=UserFactory())
    token = tokens_of(sessions[0]).access_token
    with django_assert_num_queries(3):
        visitor.get("sessions", token=token)


@pytest.mark.parametrize("page", ["0", "3", "-1", "x", "9" * 5000, "1.5", "%00", "\u0661x"])
def test_page_that_is_not_there(visitor: Visitor, page: str) -> None:
    """A page that does not exist is 404; an empty word for it is the first."""
    token = tokens_of(SessionFactory()).access_token
    assert refusal_of(visitor.get(f"sessions?page={page}", token=token)) == NOT_FOUND
    assert visitor.get("sessions?page=", token=token).json()["count"] == 1


@pytest.mark.parametrize("size", ["0", "-5", "x", "", "9" * 5000, "1.5"])
def test_page_size_that_is_none(visitor: Visitor, size: str) -> None:
    """A page size that makes no sense leaves the usual one."""
    token = tokens_of(SessionFactory()).access_token
    assert visitor.get(f"sessions?page_size={size}", token=token).json()["count"] == 1


def test_head(visitor: Visitor) -> None:
    """HEAD answers what GET answers, without the body."""
    token = tokens_of(SessionFactory()).access_token
    answer = visitor.call("HEAD", "sessions", token=token, content_type="")
    assert (answer.status_code, answer.content) == (200, b"")
    assert refusal_of(visitor.get("sessions")) == TOKEN_MISSING


def test_ending_another_session_of_ones_own(visitor: Visitor) -> None:
    """DELETE ends a session of the caller's with 204 and no body; once, for then it is not there."""
    user = UserFactory()
    here, there = (SessionFactory(user=user) for _ in range(2))
    token = tokens_of(here).access_token
    answer = visitor.delete(f"sessions/{there.pk}", token=token)
    assert (answer.status_code, answer.content, answer["Cache-Control"]) == (204, b"", "no-store")
    assert refusal_of(visitor.post("op", token=tokens_of(there).access_token)) == SESSION_ENDED
    assert visitor.is_in(token)
    assert refusal_of(visitor.delete(f"sessions/{there.pk}", token=token)) == NOT_FOUND
    there.refresh_from_db()
    assert there.end_reason == "logout"


def test_ending_the_session_of_the_call(visitor: Visitor) -> None:
    """DELETE of the caller's own session is a logout."""
    session = SessionFactory()
    token = tokens_of(session).access_token
    assert visitor.delete(f"sessions/{session.pk}", token=token).status_code == 204
    assert refusal_of(visitor.delete(f"sessions/{session.pk}", token=token)) == SESSION_ENDED


def test_ending_a_session_of_somebody_else(visitor: Visitor) -> None:
    """Another user's session looks like one that does not exist, and stays."""
    theirs = SessionFactory()
    token = tokens_of(SessionFactory()).access_token
    foreign = visitor.delete(f"sessions/{theirs.pk}", token=token)
    unknown = visitor.delete(f"sessions/{uuid4()}", token=token)
    assert refusal_of(foreign) == refusal_of(unknown) == NOT_FOUND
    assert foreign.content == unknown.content
    assert visitor.is_in(tokens_of(theirs).access_token)
    assert refusal_of(visitor.delete(f"sessions/{theirs.pk}")) == TOKEN_MISSING


def test_ending_an_expired_session(visitor: Visitor) -> None:
    """A session past its end is not there to be ended."""
    user, now = UserFactory(), timezone.now()
    expired = SessionFactory(user=user, created_at=now - timedelta(days=400), expires_at=now - timedelta(seconds=1))
    token = tokens_of(SessionFactory(user=user)).access_token
    assert refusal_of(visitor.delete(f"sessions/{expired.pk}", token=token)) == NOT_FOUND
