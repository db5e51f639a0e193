"""Opening, checking, rotating and ending sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from .. import conf, keys, signals
from ..addresses import Client
from ..exceptions import (
    ForeignToken,
    RefreshTokenReused,
    SessionEnded,
    SessionNotFound,
    SessionUserInactive,
    TokenInvalid,
    Unavailable,
)
from ..models import EndReason, Session
from ..models.sessions import SessionQuerySet
from ..tokens import AccessToken, RefreshToken, TokenPair, issue_pair
from . import accounts
from .transactions import database, in_transaction, refuse_transaction, with_retries

RETRY_KEY_LIFETIME = timedelta(hours=24)
"""How long a rotation is repeated for the ``Idempotency-Key`` it was called with."""


@dataclass(frozen=True)
class Login:
    """An opened session and its first tokens."""

    user: AbstractBaseUser
    session: Session
    pair: TokenPair
    device_token: str | None = field(default=None, repr=False)
    is_new_user: bool = False


def sessions() -> SessionQuerySet:
    """Return the sessions where they are written: a replica may not know yet what has ended."""
    return Session.objects.using(database())


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
    ended = _evict(user, at, options.MAX_SESSIONS)
    session = sessions().open(
        user=user,
        rotated_at=at,
        created_at=at,
        expires_at=at + options.SESSION_LIFETIME,
        ip_address=str(client.address) if client.address else None,
        user_agent=client.user_agent,
        device=client.device,
    )
    _announce_ends(ended, user.pk, EndReason.EVICTED)
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


def _evict(user: AbstractBaseUser, at: datetime, limit: int | None) -> list[UUID]:
    if limit is None:
        return []
    live = sessions().live(at).filter(user_id=user.pk).order_by("-rotated_at", "-created_at", "pk")
    surplus = list(live.values_list("pk", flat=True)[max(0, limit - 1) :])
    return sessions().filter(pk__in=surplus).end(EndReason.EVICTED, at=at) if surplus else []


def announce_login(login: Login, client: Client) -> None:
    """Tell the world after the commit; Django's own receiver keeps ``last_login``."""
    request = client.request or HttpRequest()
    user_logged_in.send_robust(type(login.user), request=request, user=login.user)
    signals.session_opened.send_robust(Session, session=login.session, request=client.request)


def authenticate(token: AccessToken) -> Session:
    """Return the live session of a token with its user, in one query.

    Raises ``SessionEnded``, or ``SessionUserInactive`` where only the user stands in the way.
    """
    mine = _of_token(token)
    session = mine.live().select_related("user").first()
    if session is None:
        raise _end_of(mine)
    return session


def _of_token(token: AccessToken | RefreshToken) -> SessionQuerySet:
    """Return the session that a token names, if it is its user's."""
    return sessions().filter(pk=token.session_id, user_id=_user_pk(token))


def _end_of(mine: SessionQuerySet) -> SessionEnded:
    """Say why a session is not live; one that is gone looks like one that ended."""
    session = mine.select_related("user").first()
    if session is not None and session.ended_at is None and not session.user.is_active:
        return SessionUserInactive("the user is not active")
    return SessionEnded("the session has ended")


def live_sessions(user: AbstractBaseUser) -> SessionQuerySet:
    """Return a user's live sessions, the newest first."""
    return sessions().live().filter(user_id=user.pk).order_by("-created_at", "pk")


# Refresh


def refresh_tokens(token: RefreshToken, *, idempotency_key: str | None = None) -> TokenPair:
    """Rotate a refresh token by compare-and-swap on its generation.

    A repeat within ``REFRESH_GRACE``, or within 24 h with the ``Idempotency-Key`` of the call that rotated it, gets
    the tokens of the current generation again and writes nothing. Any other use of an old token is reuse: the
    session ends and ``RefreshTokenReused`` is raised. Raises ``SessionEnded`` and ``SessionUserInactive``.
    Must not run inside a transaction.
    """
    refuse_transaction("refresh_tokens")
    now = timezone.now()
    digest = keys.digest("idempotency", str(token.session_id), idempotency_key) if idempotency_key else None
    digests = keys.digests("idempotency", str(token.session_id), idempotency_key) if idempotency_key else []
    mine = _of_token(token)
    if with_retries(lambda: mine.rotate(token.session_id, generation=token.generation, at=now, retry_digest=digest)):
        return token.successors(at=now)
    session = with_retries(lambda: mine.live(now).first())
    if session is None:
        raise _end_of(mine)
    if is_repeat(session, token.generation, at=now, digests=digests):
        return token.successors(at=session.rotated_at)
    if session.generation <= token.generation:
        raise Unavailable  # it came back to life between the two looks: nothing is wrong with the token
    _end_reused(session)
    raise RefreshTokenReused("an old refresh token was used again")


def is_repeat(session: Session, generation: int, *, at: datetime, digests: list[str]) -> bool:
    """Whether a token of that generation is the one whose rotation made the session's current generation."""
    if session.generation != generation + 1:
        return False
    age = abs(at - session.rotated_at)
    is_same_call = session.retry_digest is not None and session.retry_digest in digests
    return age <= conf.current().REFRESH_GRACE or (is_same_call and age <= RETRY_KEY_LIFETIME)


def _end_reused(session: Session) -> None:
    ended = in_transaction(lambda: sessions().filter(pk=session.pk).end(EndReason.REUSE, at=timezone.now()))
    if ended:  # of many simultaneous replays only the one that ended it tells
        signals.refresh_token_reused.send_robust(Session, session_id=session.pk, user_id=session.user_id)
        _tell_ends(ended, session.user_id, EndReason.REUSE)


# Ending


def logout(token: AccessToken, *, refresh_token: RefreshToken | None = None, client: Client | None = None) -> None:
    """End the session of an access token, expired or not, and the one that a refresh token of the same user names.

    Raises ``ForeignToken`` where the refresh token is another user's. Ending twice is no error.
    """
    ids = {token.session_id}
    if refresh_token is not None:
        _check_owner(token, refresh_token)
        ids.add(refresh_token.session_id)
    user_id = _user_pk(token)
    chosen = sessions().filter(user_id=user_id, pk__in=ids)
    request = (client and client.request) or HttpRequest()
    in_transaction(lambda: _log_out(chosen, user_id, request))


def _log_out(chosen: SessionQuerySet, user_id: Any, request: HttpRequest) -> None:
    if not _end(chosen, user_id, EndReason.LOGOUT, timezone.now()):
        return
    user = SimpleLazyObject(lambda: accounts.users().filter(pk=user_id).first())
    transaction.on_commit(
        partial(user_logged_out.send_robust, get_user_model(), request=request, user=user), using=database()
    )


def logout_all_other_sessions(token: AccessToken, *, refresh_token: RefreshToken | None = None) -> int:
    """End the user's sessions but the caller's; returns how many. Raises ``ForeignToken``.

    A refresh token in the call only has to be the user's own: the session kept is the access token's.
    """
    if refresh_token is not None:
        _check_owner(token, refresh_token)
    return _end_many(token, EndReason.LOGOUT_OTHERS, kept=token.session_id)


def logout_all(token: AccessToken) -> int:
    """End every session of the user, the caller's too; returns how many."""
    return _end_many(token, EndReason.LOGOUT_ALL, kept=None)


def end_session(token: AccessToken, session_id: UUID) -> None:
    """End one of the user's own live sessions. Raises ``SessionNotFound`` for any other id."""
    user_id = _user_pk(token)
    chosen = sessions().filter(user_id=user_id, pk=session_id)
    if not in_transaction(lambda: _end(chosen, user_id, EndReason.LOGOUT, timezone.now())):
        raise SessionNotFound("no such session")


def revoke_sessions(
    chosen: SessionQuerySet,
    *,
    reason: EndReason = EndReason.REVOKED,
    batch: int = 1000,
    progress: Callable[[int], None] | None = None,
) -> int:
    """End many sessions in batches, each in a transaction of its own; returns how many. For staff and commands.

    ``progress`` is called with the number ended so far. What was ended stays ended when the rest is interrupted.
    """
    total, last = 0, None
    while True:
        page = chosen.filter(ended_at=None).order_by("pk")
        ids = list((page.filter(pk__gt=last) if last else page).values_list("pk", flat=True)[:batch])
        if not ids:
            return total
        last = ids[-1]
        total += in_transaction(partial(_revoke, ids, reason))
        if progress is not None:
            progress(total)


def _revoke(ids: list[UUID], reason: EndReason) -> int:
    owners = dict(sessions().filter(pk__in=ids).values_list("pk", "user_id"))
    ended = sessions().filter(pk__in=ids).end(reason, at=timezone.now())
    for session_id in ended:
        _announce_ends([session_id], owners[session_id], reason)
    return len(ended)


def end_all_but(user: AbstractBaseUser, kept: UUID | None, reason: EndReason, *, at: datetime) -> list[UUID]:
    """End the sessions of a user whose row is locked, but one; inside the caller's transaction."""
    mine = sessions().filter(user_id=user.pk)
    return _end(mine.exclude(pk=kept) if kept else mine, user.pk, reason, at)


def _end_many(token: AccessToken, reason: EndReason, *, kept: UUID | None) -> int:
    """Lock the user first, or a login that commits meanwhile survives."""
    user_id = _user_pk(token)

    def story() -> list[UUID]:
        user = accounts.lock(user_id)
        return end_all_but(user, kept, reason, at=timezone.now()) if user else []

    return len(in_transaction(story))


def _end(chosen: SessionQuerySet, user_id: Any, reason: EndReason, at: datetime) -> list[UUID]:
    ended = chosen.filter(expires_at__gt=at).end(reason, at=at)
    _announce_ends(ended, user_id, reason)
    return ended


def _announce_ends(ended: Iterable[UUID], user_id: Any, reason: EndReason) -> None:
    if ended := list(ended):
        transaction.on_commit(partial(_tell_ends, ended, user_id, reason), using=database())


def _tell_ends(ended: list[UUID], user_id: Any, reason: EndReason) -> None:
    for session_id in ended:
        signals.session_ended.send_robust(Session, session_id=session_id, user_id=user_id, reason=reason)


def _check_owner(token: AccessToken, refresh_token: RefreshToken) -> None:
    if refresh_token.user_id != token.user_id:
        raise ForeignToken("the refresh token belongs to another user")


def _user_pk(token: AccessToken | RefreshToken) -> Any:
    """Return ``sub`` as a primary key. Raises ``TokenInvalid`` where the user model has none of that kind."""
    try:
        return get_user_model()._meta.pk.to_python(token.user_id)
    except ValidationError as error:
        raise TokenInvalid("not a token of ours") from error
