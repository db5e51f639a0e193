"""Opening sessions, and asking whether one is live."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest

from .. import conf, signals
from ..addresses import Client
from ..exceptions import SessionEnded, SessionUserInactive
from ..models import EndReason, Session
from ..models.sessions import SessionQuerySet
from ..tokens import AccessToken, RefreshToken, TokenPair, issue_pair
from . import endings
from .tables import sessions


@dataclass(frozen=True)
class Login:
    """An opened session and its first tokens."""

    user: AbstractBaseUser
    session: Session
    pair: TokenPair
    device_token: str | None = field(default=None, repr=False)
    is_new_user: bool = False


def open_session(
    user: AbstractBaseUser,
    *,
    client: Client,
    amr: list[str],
    at: datetime,
    device_token: str | None = None,
    is_new_user: bool = False,
) -> Login:
    """Write a session of a user whose row is locked, and issue its tokens. Over ``MAX_SESSIONS`` the idlest end."""
    options = conf.current()
    _evict(user, at, options.MAX_SESSIONS)
    session = sessions().open(
        user=user,
        rotated_at=at,
        created_at=at,
        expires_at=at + options.SESSION_LIFETIME,
        ip_address=str(client.address) if client.address else None,
        user_agent=client.user_agent,
        device=client.device,
    )
    pair = issue_pair(
        user_id=str(user.pk),
        session_id=session.id,
        session_end=session.expires_at,
        generation=0,
        auth_time=int(at.timestamp()),
        amr=amr,
        is_fresh=True,
        at=at,
    )
    return Login(user, session, pair, device_token, is_new_user)


def _evict(user: AbstractBaseUser, at: datetime, limit: int | None) -> None:
    if limit is None:
        return
    live = sessions().live(at).filter(user_id=user.pk).order_by("-rotated_at", "-created_at", "pk")
    surplus = list(live.values_list("pk", flat=True)[max(0, limit - 1) :])
    if surplus:
        sessions().filter(pk__in=surplus).end(EndReason.EVICTED, at=at)


def announce_login(login: Login, client: Client) -> None:
    """Tell the world after the commit; Django's own receiver keeps ``last_login``."""
    request = client.request or HttpRequest()
    user_logged_in.send_robust(type(login.user), request=request, user=login.user)
    signals.session_opened.send_robust(Session, session=login.session, request=client.request)


def authenticate(token: AccessToken) -> Session:
    """Return the live session of a token with its user, in one query.

    Raises ``SessionEnded``, or ``SessionUserInactive`` where only the user stands in the way.
    """
    mine = of_token(token)
    session = mine.live().select_related("user").first()
    if session is None:
        raise end_of(mine)
    return session


def of_token(token: AccessToken | RefreshToken) -> SessionQuerySet:
    """Return the session that a token names, if it is its user's."""
    return sessions().filter(pk=token.session_id, user_id=endings.user_pk(token))


def end_of(mine: SessionQuerySet) -> SessionEnded:
    """Say why a session is not live; one that is gone looks like one that ended."""
    session = mine.select_related("user").first()
    if session is not None and session.ended_at is None and not session.user.is_active:
        return SessionUserInactive("the user is not active")
    return SessionEnded("the session has ended")


def live_sessions(user: AbstractBaseUser) -> SessionQuerySet:
    """Return a user's live sessions, the newest first."""
    return sessions().live().filter(user_id=user.pk).order_by("-created_at", "pk")
