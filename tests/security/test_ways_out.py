"""Each way out: the next call with either token is refused, and nobody else is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from securelogin import addresses, codes, services
from securelogin.models import OneTimeCode, Session
from securelogin.services import sessions, tables
from securelogin.tokens import read_refresh
from tests.api.refusals import REUSED, SESSION_ENDED, SESSION_INACTIVE, Refusal, refusal_of
from tests.api.visitor import PASSWORD, Visitor
from tests.factories import SessionFactory, UserFactory, tokens_of
from tests.routers import REPLICA
from tests.visits import PHONE

pytestmark = pytest.mark.django_db

OTHER_PHONE = "+12025550124"
User = get_user_model()


@pytest.fixture
def session() -> Session:
    """A live session of somebody with a number and a password."""
    made: Session = SessionFactory(user=UserFactory.create(phone=PHONE, password=PASSWORD))
    return made


def beside(session: Session, **headers: str) -> tuple[Visitor, dict[str, str]]:
    """Return a client and the header of another session of the same user."""
    token = tokens_of(SessionFactory(user=session.user)).access_token
    return Visitor(), {"HTTP_AUTHORIZATION": f"Bearer {token}", **headers}


def in_admin(session: Session, name: str, **data: str) -> None:
    """Post to one of the admin's pages about the session's user."""
    boss: Any = UserFactory.create(is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(boss)
    answer = client.post(reverse(name, args=[session.user_id]), data)
    assert answer.status_code == 302, answer.content


def act_in_admin(model: str, action: str, pk: object, **data: str) -> None:
    """Run one of the admin's actions on one row."""
    boss: Any = UserFactory.create(is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(boss)
    data = {"action": action, "_selected_action": str(pk), **data}
    assert client.post(reverse(f"admin:securelogin_{model}_changelist"), data).status_code == 302


def run(*command: str) -> None:
    """Run a command that says nothing."""
    call_command(*command, stdout=StringIO(), stderr=StringIO())


def call(session: Session, method: str, route: str, body: Any = None) -> None:
    """Call a route from another session of the same user."""
    visitor, headers = beside(session)
    answer = visitor.post(route, body, **headers) if method == "POST" else visitor.delete(route, **headers)
    assert answer.status_code < 300, answer.content


def reuse(session: Session) -> None:
    """Use a refresh token twice, with its successor's use between."""
    visitor, old = Visitor(), tokens_of(session).refresh_token
    new = visitor.post("refresh", {}, token=old).json()["refresh_token"]
    assert visitor.post("refresh", {}, token=new).status_code == 200
    assert refusal_of(visitor.post("refresh", {}, token=old)) == REUSED


def evict(session: Session) -> None:
    """Log in once more than is allowed."""
    assert tables.lock_user(session.user_id)
    for _ in range(2):
        sessions.open_session(session.user, client=addresses.Client(), amr=["otp"], at=timezone.now())


def change_password(session: Session) -> None:
    """Change the password in another session."""
    new = "green grows the rushes oh"
    call(session, "POST", "password", {"oldpassword": PASSWORD, "newpassword": new})


def set_password(session: Session) -> None:
    """Set a password as ``changepassword`` does."""
    user: Any = session.user
    user.set_password("green grows the rushes oh")
    user.save()


Way = Callable[[Session], object]

WAYS: dict[str, Way] = {
    "inactive, by the ORM": lambda session: User.objects.filter(pk=session.user_id).update(is_active=False),
    "inactive, in the admin": lambda session: in_admin(session, "admin:securelogin_user_change", phone=PHONE),
    "closed, the number taken out": lambda session: in_admin(session, "admin:securelogin_user_change", is_active="on"),
    "number changed in the admin": lambda session: in_admin(
        session, "admin:securelogin_user_change", phone=OTHER_PHONE, is_active="on"
    ),
    "password disabled in the admin": lambda session: in_admin(
        session, "admin:auth_user_password_change", **{"usable_password": "false", "unset-password": "1"}
    ),
    "deleted, by the ORM": lambda session: session.user.delete(),
    "deleted, in the admin": lambda session: in_admin(session, "admin:securelogin_user_delete", post="yes"),
    "revoked in the admin": lambda session: act_in_admin("session", "revoke", session.pk),
    "user's sessions ended in the admin": lambda session: act_in_admin("user", "end_sessions", session.user_id),
    "revoked by a verb": lambda session: services.revoke_sessions(Session.objects.filter(pk=session.pk)),
    "revoked by number": lambda _session: run("revoke_sessions", "--phone", PHONE),
    "revoked by id": lambda session: run("revoke_sessions", "--user", str(session.user_id)),
    "everyone revoked": lambda _session: run("revoke_sessions", "--all", "--no-input"),
    "logged out": lambda session: Visitor().post("logout", {}, token=tokens_of(session).access_token),
    "logged out of all others": lambda session: call(session, "POST", "logout_all_other_sessions"),
    "logged out of all": lambda session: call(session, "POST", "logout_all"),
    "ended by its id": lambda session: call(session, "DELETE", f"sessions/{session.pk}"),
    "password changed": change_password,
    "password set": set_password,
    "an old refresh token used again": reuse,
    "evicted": evict,
    "blacklisted by simplejwt": lambda session: read_refresh(tokens_of(session).refresh_token).blacklist(),
    "blacklisted by hand": lambda session: BlacklistedToken.objects.create(token=session.token),
    "its rows deleted": lambda session: OutstandingToken.objects.filter(pk=session.token.pk).delete(),
    "past its end": lambda session: Session.objects.filter(pk=session.pk).update(
        expires_at=timezone.now() - timedelta(seconds=1)
    ),
}

GENERIC: set[Refusal] = {SESSION_ENDED, SESSION_INACTIVE}


@pytest.mark.parametrize("leave", WAYS.values(), ids=WAYS)
def test_next_call_after_each_way_out_is_401(leave: Way, session: Session, settings: Any) -> None:
    """Every call asks session and user again: a token of who is out opens nothing from the next call on (D5, E4)."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "AUTH_TYPES": ("PHONE", "PASSWORD"), "MAX_SESSIONS": 2}
    visitor = Visitor()
    access, refresh = tokens_of(session).access_token, tokens_of(session).refresh_token
    assert visitor.is_in(access)
    leave(session)
    for answer in (
        visitor.post("op", token=access),
        visitor.post("op2", token=access),
        visitor.get("sessions", token=access),
        visitor.delete(f"sessions/{session.pk}", token=access),
        visitor.post("logout_all", {}, token=access),
        visitor.post("refresh", {}, token=refresh),
        visitor.post("refresh", {"refresh_token": refresh}),
    ):
        assert refusal_of(answer) in GENERIC
    assert visitor.post("logout", {}, token=access).status_code == 200, "a logout is never refused"


@pytest.mark.parametrize("leave", [way for name, way in WAYS.items() if name != "everyone revoked"])
def test_way_out_is_of_one_user(leave: Way, session: Session, settings: Any) -> None:
    """Nobody else's session is touched (D5)."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "AUTH_TYPES": ("PHONE", "PASSWORD"), "MAX_SESSIONS": 2}
    theirs = tokens_of(SessionFactory())
    leave(session)
    assert Visitor().is_in(theirs.access_token)
    assert Visitor().post("refresh", {}, token=theirs.refresh_token).status_code == 200


def test_disabled_codes_end_no_session(session: Session) -> None:
    """Strangers who guess until a number's codes are disabled log its owner out of nothing (E4, B13)."""
    now = timezone.now()
    OneTimeCode.objects.touch(codes.row_key(PHONE, codes.ANYONE), at=now, disabled_at=now, failures_in_a_row=100)
    pair = tokens_of(session)
    assert Visitor().is_in(pair.access_token)
    assert Visitor().post("refresh", {}, token=pair.refresh_token).status_code == 200


def test_no_call_reads_from_a_replica(session: Session, settings: Any) -> None:
    """A replica lags, and would let in who has just left: all is asked where it is written (D5)."""
    visitor, pair = Visitor(), tokens_of(session)
    settings.DATABASE_ROUTERS = [REPLICA]
    assert visitor.is_in(pair.access_token)
    assert visitor.get("sessions", token=pair.access_token).json()["count"] == 1
    new = visitor.post("refresh", {}, token=pair.refresh_token).json()
    assert visitor.post("refresh", {}, token=pair.refresh_token).status_code == 200
    assert visitor.log_in(OTHER_PHONE)["access_token"]
    assert visitor.post("logout", {}, token=new["access_token"]).status_code == 200
    assert refusal_of(visitor.post("op", token=new["access_token"])) == SESSION_ENDED
    assert refusal_of(visitor.post("refresh", {}, token=new["refresh_token"])) == SESSION_ENDED
