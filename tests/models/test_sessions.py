"""Tests of securelogin.models.sessions: what sessions can do, without the verbs around them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from securelogin.events import Event, SecurityEvent, session_digest
from securelogin.models import EndReason, Session
from securelogin.models.sessions import BATCH, KEEP_ENDED, blacklist, dead_tokens
from securelogin.signals import security_event, session_ended
from tests.factories import UserFactory
from tests.services.statements import statements_of
from tests.services.visitors import CLIENT

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def opened(using: str | None = None, **fields: Any) -> Session:
    """Open a session at noon, of a new user unless one is given."""
    if "user" not in fields:
        fields["user"] = get_user_model()._default_manager.db_manager(using).create_user(phone="+12125550100")
    fields = {"created_at": NOON, "rotated_at": NOON, "expires_at": NOON + DAY, **fields}
    return (Session.objects.using(using) if using else Session.objects.all()).open(**fields)


def generations() -> list[int]:
    """Return the generations of all sessions, in the order in which they were opened."""
    return list(Session.objects.order_by("created_at").values_list("generation", flat=True))


# Where


@pytest.mark.usefixtures("replica")
def test_sessions_are_written_where_no_replica_is() -> None:
    """What opens and ends sessions reads where it writes, a new password's way to them too (D5)."""
    user, rows = UserFactory(), Session.objects.using("default")
    for hour in range(3):
        opened(user=user, created_at=NOON + hour * HOUR)
    assert len(Session.objects.filter(created_at=NOON).end(EndReason.LOGOUT, at=NOON)) == 1
    assert len(Session.objects.filter(created_at=NOON + HOUR).end_all(EndReason.PHONE, at=NOON)) == 1
    user.set_password("correct horse battery staple")
    user.save()
    reasons = rows.order_by("created_at").values_list("end_reason", flat=True)
    assert list(reasons) == [EndReason.LOGOUT, EndReason.PHONE, EndReason.PASSWORD]


def test_database_that_is_named_is_the_only_one(elsewhere: str) -> None:
    """A project may keep its sessions in another database than the default one."""
    session = opened(elsewhere)
    other = opened(elsewhere, user=session.user)
    rows = Session.objects.using(elsewhere)
    assert rows.rotate(session.pk, session.user_id, generation=0, at=NOON, retry_digest=None)
    assert rows.filter(pk=session.pk).end(EndReason.LOGOUT, at=NOON) == [session.pk]
    assert rows.end_all(EndReason.LOGOUT_ALL, at=NOON) == [other.pk]
    third = opened(elsewhere, user=session.user)
    assert rows.end_named([third.pk, other.pk], session.user_id, EndReason.LOGOUT, at=NOON) == [third.pk]
    assert BlacklistedToken.objects.using(elsewhere).count() == 3


# Open


def test_session_and_its_token_are_of_one_moment() -> None:
    """The outstanding token stands for the session in simplejwt's tables, from its beginning to its end."""
    token = OutstandingToken.objects.get(pk=opened().token.pk)
    session = Session.objects.get()
    assert (token.jti, token.user, token.token) == (str(session.pk), session.user, "")
    assert (token.created_at, token.expires_at) == (session.created_at, session.expires_at) == (NOON, NOON + DAY)


def test_opened_session_is_one_that_is_there() -> None:
    """What is saved of it is changed, and not written a second time."""
    session = opened()
    assert (session._state.adding, session._state.db) == (False, "default")


def test_session_is_shown_by_its_id() -> None:
    """Neither its user nor its address is in what logs and pages show of a session."""
    session = opened(ip_address="192.0.2.1")
    assert (str(session), repr(session)) == (str(session.pk), f"<Session: {session.pk}>")


# Live


def test_session_rests_with_its_own_user() -> None:
    """Whoever else is active, and whichever other token is blacklisted (D5)."""
    resting, live = opened(user=UserFactory(is_active=False)), opened(user=UserFactory())
    BlacklistedToken.objects.create(token=opened(user=live.user).token)
    assert Session.objects.live(NOON).get() == live
    get_user_model().objects.update(is_active=True)
    assert set(Session.objects.live(NOON)) == {live, resting}


# Rotate


def test_rotation_moves_the_named_session_only() -> None:
    """Of all the sessions of a generation one is moved."""
    sessions = [opened(created_at=NOON + hour * HOUR, user=UserFactory()) for hour in range(3)]
    assert Session.objects.rotate(sessions[1].pk, sessions[1].user_id, generation=0, at=NOON, retry_digest=None)
    assert generations() == [0, 1, 0]


def test_rotation_is_as_of_its_moment() -> None:
    """What is live is told by the moment that the call was given, which is the one that is written."""
    session, end = opened(), NOON + DAY
    assert not Session.objects.rotate(session.pk, session.user_id, generation=0, at=end, retry_digest="a")
    assert Session.objects.rotate(session.pk, session.user_id, generation=0, at=end - SECOND, retry_digest="a")
    session.refresh_from_db()
    assert (session.generation, session.rotated_at, session.retry_digest) == (1, end - SECOND, "a")


@pytest.mark.parametrize(
    ("before", "given", "after"),
    [(None, None, None), (None, "a", "a"), ("a", "b", "b"), ("a", "a", None), ("a", None, None)],
)
def test_digest_that_comes_twice_running_is_none(before: str | None, given: str | None, after: str | None) -> None:
    """A row keeps the digest of its newest rotation, unless the one before had the same."""
    session = opened(retry_digest=before)
    assert Session.objects.rotate(session.pk, session.user_id, generation=0, at=NOON, retry_digest=given)
    session.refresh_from_db()
    assert session.retry_digest == after


# End


def test_sessions_end_in_the_order_of_their_keys() -> None:
    """Rows of one kind are locked in key order: two that end the same ones do not wait crosswise."""
    user = UserFactory()
    for _ in range(20):
        opened(user=user)
    ended = Session.objects.all().end(EndReason.REVOKED, at=NOON)
    assert ended == list(Session.objects.order_by("pk").values_list("pk", flat=True))


@pytest.mark.parametrize("verb", ["end", "end_all", "end_named"])
@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (EndReason.EVICTED, Event.TOKEN_REVOKED),
        (EndReason.REUSE, Event.TOKEN_REUSE),
        (EndReason.LOGOUT, Event.SESSION_LOGOUT),
    ],
)
def test_ends_are_on_record_with_who_and_whence(
    verb: str, reason: EndReason, kind: Event, django_capture_on_commit_callbacks: Any
) -> None:
    """The audit trail names the session, its user, the reason, and the address that the call came from (H3)."""
    session, heard, told = opened(), list[SecurityEvent](), list[Any]()
    named = ([session.pk], session.user_id) if verb == "end_named" else ()

    def hear(event: SecurityEvent, **_arguments: object) -> None:
        heard.append(event)

    def tell(sender: object, session_id: object, user_id: object, reason: object, **_arguments: object) -> None:
        told.append((sender, session_id, user_id, reason))

    security_event.connect(hear)
    session_ended.connect(tell)
    with django_capture_on_commit_callbacks(execute=True):
        getattr(Session.objects.all(), verb)(*named, reason, at=NOON, client=CLIENT)
    security_event.disconnect(hear)
    session_ended.disconnect(tell)
    (record,) = heard
    assert (record.event, record.user, record.session) == (kind, str(session.user_id), session_digest(session.pk))
    assert (record.ip, record.detail) == (str(CLIENT.address), {"reason": str(reason)})
    assert told == [(Session, session.pk, session.user_id, reason)]


def test_where_nothing_is_open_nothing_ends() -> None:
    """All or none of what is asked for may have ended."""
    session = opened()
    for _ in range(2):
        Session.objects.all().end_all(EndReason.LOGOUT_ALL, at=NOON)
    assert Session.objects.all().end_all(EndReason.REVOKED, at=NOON + SECOND) == []
    assert Session.objects.none().end(EndReason.REVOKED, at=NOON) == []
    session.refresh_from_db()
    assert (session.ended_at, session.end_reason) == (NOON, EndReason.LOGOUT_ALL)


def test_no_statement_names_more_keys_than_a_batch_has() -> None:
    """SQLite takes so many parameters and no more."""
    user = UserFactory()
    for _ in range(BATCH + 1):
        opened(user=user)
    ended: list[Any] = []
    statements = statements_of(lambda: ended.extend(Session.objects.all().end(EndReason.REVOKED, at=NOON)))
    assert len(ended) == BATCH + 1
    assert sum(each.startswith("UPDATE") for each in statements) == 2
    assert not Session.objects.filter(ended_at=None).exists()


def test_token_is_blacklisted_once() -> None:
    """One that is already on the list stays there as it is."""
    first, second = opened(), opened(user=UserFactory())
    blacklist([first.token.pk], using="default")
    blacklist([second.token.pk, first.token.pk], using="default")
    listed = BlacklistedToken.objects.values_list("token_id", flat=True)
    assert sorted(listed) == sorted([first.token.pk, second.token.pk])


# Clear


@pytest.mark.parametrize(
    ("held", "until"),
    [
        ({}, NOON + KEEP_ENDED + HOUR),
        ({"ended_at": NOON}, NOON + KEEP_ENDED),
        ({"expires_at": NOON + DAY}, NOON + DAY),
    ],
)
def test_token_is_kept_as_long_as_its_session(held: dict[str, Any], until: datetime) -> None:
    """To the second, from its last use, its end or the end it was to have; those of other sessions stay (P1)."""
    far = NOON + 365 * DAY
    session = opened(**{"expires_at": far, **held})
    opened(user=session.user, expires_at=far, rotated_at=far)
    assert not dead_tokens(until, idle=HOUR).exists()
    assert dead_tokens(until + SECOND, idle=HOUR).get() == session.token


def test_blacklisted_token_is_kept_as_that_of_an_ended_session() -> None:
    """Simplejwt's list ends a session as we do."""
    far = NOON + 365 * DAY
    session = opened(expires_at=far, rotated_at=far)
    opened(user=session.user, expires_at=far, rotated_at=far)
    blacklist([session.token.pk], using="default")
    BlacklistedToken.objects.update(blacklisted_at=NOON)
    assert not dead_tokens(NOON + KEEP_ENDED, idle=HOUR).exists()
    assert dead_tokens(NOON + KEEP_ENDED + SECOND, idle=HOUR).get() == session.token


def test_token_of_somebody_is_not_ours_for_its_want_of_a_text() -> None:
    """Of tokens without a session only those are taken that nobody has any more."""
    user = UserFactory()
    token = OutstandingToken.objects.create(jti="stock", user=user, expires_at=NOON)
    OutstandingToken.objects.create(jti="theirs", token="a text", expires_at=NOON)
    assert not dead_tokens(NOON + KEEP_ENDED, idle=DAY).exists()
    user.delete()
    assert dead_tokens(NOON + KEEP_ENDED, idle=DAY).get() == token
