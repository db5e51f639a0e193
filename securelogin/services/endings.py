"""Ending sessions: by their owner, by staff, by a change of the account."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from .. import signals
from ..addresses import Client
from ..exceptions import ForeignToken, SessionNotFound, TokenInvalid
from ..models import EndReason, Session
from ..models.sessions import SessionQuerySet
from ..tokens import AccessToken, RefreshToken
from . import accounts
from .tables import database, sessions, users
from .transactions import in_transaction


def logout(token: AccessToken, *, refresh_token: RefreshToken | None = None, client: Client | None = None) -> None:
    """End the session of an access token, expired or not, and the one that a refresh token of the same user names.

    Raises ``ForeignToken`` where the refresh token is another user's. Ending twice is no error.
    """
    ids = {token.session_id}
    if refresh_token is not None:
        _check_owner(token, refresh_token)
        ids.add(refresh_token.session_id)
    user_id = user_pk(token)
    chosen = sessions().filter(user_id=user_id, pk__in=ids)
    request = (client and client.request) or HttpRequest()
    in_transaction(lambda: _log_out(chosen, user_id, request))


def _log_out(chosen: SessionQuerySet, user_id: Any, request: HttpRequest) -> None:
    if not _end(chosen, user_id, EndReason.LOGOUT, timezone.now()):
        return
    user = SimpleLazyObject(lambda: users().filter(pk=user_id).first())
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
    user_id = user_pk(token)
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
        announce_ends([session_id], owners[session_id], reason)
    return len(ended)


def end_all_but(user_id: Any, kept: UUID | None, reason: EndReason, *, at: datetime) -> list[UUID]:
    """End the sessions of a user whose row is locked, but one; inside the caller's transaction."""
    mine = sessions().filter(user_id=user_id)
    return _end(mine.exclude(pk=kept) if kept else mine, user_id, reason, at)


def _end_many(token: AccessToken, reason: EndReason, *, kept: UUID | None) -> int:
    """Lock the user first, or a login that commits meanwhile survives."""
    user_id = user_pk(token)

    def story() -> list[UUID]:
        accounts.lock(user_id)
        return end_all_but(user_id, kept, reason, at=timezone.now())

    return len(in_transaction(story))


def _end(chosen: SessionQuerySet, user_id: Any, reason: EndReason, at: datetime) -> list[UUID]:
    ended = chosen.filter(expires_at__gt=at).end(reason, at=at)
    announce_ends(ended, user_id, reason)
    return ended


def announce_ends(ended: Iterable[UUID], user_id: Any, reason: EndReason) -> None:
    """Announce ended sessions after the commit of the transaction that is open."""
    if ended := list(ended):
        transaction.on_commit(partial(tell_ends, ended, user_id, reason), using=database())


def tell_ends(ended: list[UUID], user_id: Any, reason: EndReason) -> None:
    """Announce ended sessions now."""
    for session_id in ended:
        signals.session_ended.send_robust(Session, session_id=session_id, user_id=user_id, reason=reason)


def _check_owner(token: AccessToken, refresh_token: RefreshToken) -> None:
    if refresh_token.user_id != token.user_id:
        raise ForeignToken("the refresh token belongs to another user")


def user_pk(token: AccessToken | RefreshToken) -> Any:
    """Return ``sub`` as a primary key. Raises ``TokenInvalid`` where the user model has none of that kind."""
    try:
        return get_user_model()._meta.pk.to_python(token.user_id)
    except ValidationError as error:
        raise TokenInvalid("not a token of ours") from error
