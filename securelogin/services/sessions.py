"""Opening sessions, and asking whether one is live."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest
from django.utils import timezone

from .. import conf, events, remembered, signals
from ..addresses import Client
from ..events import Event
from ..exceptions import AccountInactive, SessionEnded, SessionUserInactive
from ..models import EndReason, Session
from ..models.sessions import SessionQuerySet
from ..phones import E164
from ..tokens import AccessToken, RefreshToken, TokenPair, issue_pair
from . import endings, notices
from .notices import Notice
from .tables import database, sessions


@dataclass(frozen=True)
class Login:
    """An opened session and its first tokens."""

    user: AbstractBaseUser
    session: Session
    pair: TokenPair
    amr: tuple[str, ...] = ()
    device_token: str | None = field(default=None, repr=False)
    is_new_user: bool = False
    is_new_device: bool = False
    """Whether the login came without a token of a known device."""


def open_session(
    user: AbstractBaseUser,
    *,
    client: Client,
    amr: list[str],
    at: datetime,
    device_token: str | None = None,
    is_new_user: bool = False,
    is_new_device: bool = False,
) -> Login:
    """Write a session of a user whose row is locked, and issue its tokens. Over ``MAX_SESSIONS`` the idlest end.

    Raises ``AccountInactive``: nothing is issued to who is not active.
    """
    if not user.is_active:
        raise AccountInactive("the account is inactive")
    options = conf.current()
    if not is_new_user:
        _evict(user, at, options.MAX_SESSIONS, client)
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
    return Login(user, session, pair, tuple(amr), device_token, is_new_user, is_new_device)


def _evict(user: AbstractBaseUser, at: datetime, limit: int | None, client: Client) -> None:
    if limit is None:
        return
    live = sessions().live(at).filter(user_id=user.pk).order_by("-rotated_at", "-created_at", "pk")
    surplus = list(live.values_list("pk", flat=True)[max(0, limit - 1) :])
    if surplus:
        sessions().filter(pk__in=surplus).end(EndReason.EVICTED, at=at, client=client)


def announce_login(login: Login, client: Client, *, phone: E164 | None = None) -> None:
    """Tell the world after the commit."""
    user, session = login.user, login.session
    if login.is_new_user:
        signals.user_registered.send_robust(type(user), user=user, request=client.request)
    user_logged_in.send_robust(type(user), request=client.request or HttpRequest(), user=user, session=session)
    signals.session_opened.send_robust(Session, session=session, request=client.request)

    def announce(event: Event, **detail: Any) -> None:
        events.announce(event, client=client, phone=phone, user_id=user.pk, session_id=session.pk, **detail)

    if login.is_new_user:
        announce(Event.USER_CREATED)
    announce(Event.LOGIN_SUCCESS, amr=login.amr)
    announce(Event.SESSION_CREATED, device=session.device)
    if login.is_new_device:
        announce(Event.TOKEN_CREATED)
        if not login.is_new_user:
            notices.notify(user, Notice.NEW_DEVICE, client)


def authenticate(
    token: AccessToken, *, client: Callable[[], Client] | None = None, access_check: str | None = None
) -> Any:
    """Return the user of a token whose session is live, in one query.

    Where ``ACCESS_CHECK``, or ``access_check`` in its place, asks no database, the user has a key and nothing else:
    any other field is read when it is looked at. Only where ``ACCESS_CHECK`` is "cache" a cache hears what ended, so
    elsewhere "cache" is "session". ``client`` says who calls, asked only where the call is refused.
    Raises ``SessionEnded``, or ``SessionUserInactive`` where only the user stands in the way.
    """
    general, alias, user_id = conf.current().ACCESS_CHECK, database(), endings.user_pk(token)
    check = access_check or general
    is_cached = check == general == "cache"
    if check == "none" or (is_cached and remembered.is_live(token.session_id, user_id, using=alias)):
        model = get_user_model()
        return model.from_db(alias, [model._meta.pk.attname], [user_id])
    asked_at = time.time()
    user = sessions().user_of(token.session_id, user_id, at=timezone.now())
    if user is None:
        raise refused(of_token(token), token, client() if client is not None else None)
    if is_cached:
        remembered.remember(token.session_id, user_id, using=alias, asked_at=asked_at)
    return user


def refused(mine: SessionQuerySet, token: AccessToken | RefreshToken, client: Client | None) -> SessionEnded:
    """Announce that a token of a session that is over was used, and return the error that says why it is."""
    error = end_of(mine)
    events.announce(
        Event.SESSION_USE_AFTER_EXPIRE,
        client=client,
        user_id=token.user_id,
        session_id=token.session_id,
        token=token.token_type,
    )
    return error


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
