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

from .. import remembered
from ..addresses import Client
from ..exceptions import ForeignToken, SessionNotFound, TokenInvalid
from ..models import EndReason, live
from ..models.sessions import SessionQuerySet
from ..tokens import AccessToken, RefreshToken
from .tables import database, lock_user, sessions, users
from .transactions import in_transaction


def logout(token: AccessToken, *, refresh_token: RefreshToken | None = None, client: Client | None = None) -> None:
    """End the session of an access token, expired or not, and the one that a refresh token of the same user names.

    Raises ``ForeignToken`` where the refresh token is another user's. Ending twice is no error.
    """
    ids = {token.session_id}
    if refresh_token is not None:
        _check_owner(token, refresh_token)
        ids.add(refresh_token.session_id)

    def story() -> None:
        ended = _log_out(ids, EndReason.LOGOUT, token, timezone.now(), client)
        if before := ids - set(ended):  # of whose end the cache may not have heard: its process died, or is on its way
            transaction.on_commit(partial(remembered.forget, sessions=before), using=database())

    in_transaction(story)


def logout_all_other_sessions(
    token: AccessToken, *, refresh_token: RefreshToken | None = None, client: Client | None = None
) -> int:
    """End the user's sessions but the caller's; returns how many. Raises ``ForeignToken``.

    A refresh token in the call only has to be the user's own: the session kept is the access token's.
    """
    if refresh_token is not None:
        _check_owner(token, refresh_token)
    return _end_many(token, EndReason.LOGOUT_OTHERS, kept=token.session_id, client=client)


def logout_all(token: AccessToken, *, client: Client | None = None) -> int:
    """End every session of the user, the caller's too; returns how many."""
    return _end_many(token, EndReason.LOGOUT_ALL, kept=None, client=client)


def end_session(token: AccessToken, session_id: UUID, *, client: Client | None = None) -> None:
    """End one of the user's own live sessions. Raises ``SessionNotFound`` for any other id."""
    if not in_transaction(lambda: _log_out([session_id], EndReason.LOGOUT, token, timezone.now(), client)):
        raise SessionNotFound("no such session")


def revoke_sessions(
    chosen: SessionQuerySet,
    *,
    reason: EndReason = EndReason.REVOKED,
    batch: int = 1000,
    progress: Callable[[int], None] | None = None,
) -> int:
    """End many sessions in batches, each in a transaction of its own; returns how many. For staff and commands.

    ``progress`` is called with the number ended in each batch. What was ended stays ended when the rest is interrupted.
    """
    total, last = 0, None
    while True:
        page = chosen.filter(ended_at=None).order_by("pk")
        ids = list((page.filter(pk__gt=last) if last else page).values_list("pk", flat=True)[:batch])
        if not ids:
            return total
        last = ids[-1]
        ended = in_transaction(partial(_revoke, ids, reason))
        total += ended
        if progress is not None:
            progress(ended)


def _revoke(ids: list[UUID], reason: EndReason) -> int:
    return len(sessions().filter(pk__in=ids).end(reason, at=timezone.now()))


def end_all_but(
    user_id: Any, kept: UUID | None, reason: EndReason, *, at: datetime, client: Client | None = None
) -> list[UUID]:
    """End the sessions of a user whose row is locked, but one; inside the caller's transaction.

    Found without a lock and ended by key alone: on MariaDB a lock through another index waits crosswise with those
    who delete by key.
    """
    found = {session_id for (session_id,) in live.UNENDED.tuples(database(), user=user_id, expires_at=at)} - {kept}
    return sessions().end_named(found, user_id, reason, at=at, client=client)


def _end_many(token: AccessToken, reason: EndReason, *, kept: UUID | None, client: Client | None = None) -> int:
    """Lock the user first, or a login that commits meanwhile survives."""
    user_id = user_pk(token)

    def story() -> list[UUID]:
        lock_user(user_id)
        ended = end_all_but(user_id, kept, reason, at=timezone.now(), client=client)
        transaction.on_commit(partial(remembered.forget, users=[user_id]), using=database())  # what ended before, too
        _announce_logout(ended, token, client)
        return ended

    return len(in_transaction(story))


def _log_out(
    ids: Iterable[UUID], reason: EndReason, token: AccessToken, at: datetime, client: Client | None
) -> list[UUID]:
    ended = []
    for session_id in sorted(ids):  # one by one, because each has to be the user's
        ended += sessions().end_named([session_id], user_pk(token), reason, at=at, client=client)
    _announce_logout(ended, token, client)
    return ended


def _announce_logout(ended: list[UUID], token: AccessToken, client: Client | None) -> None:
    """Send Django's ``user_logged_out`` after the commit, where the caller's own session is among the ended."""
    if token.session_id not in ended:
        return
    request = (client and client.request) or HttpRequest()
    user = SimpleLazyObject(lambda: users().filter(pk=user_pk(token)).first())
    transaction.on_commit(
        partial(user_logged_out.send_robust, get_user_model(), request=request, user=user), using=database()
    )


def _check_owner(token: AccessToken, refresh_token: RefreshToken) -> None:
    if refresh_token.user_id != token.user_id:
        raise ForeignToken("the refresh token belongs to another user")


def user_pk(token: AccessToken | RefreshToken) -> Any:
    """Return ``sub`` as a primary key. Raises ``TokenInvalid`` where the user model has none of that kind."""
    try:
        return get_user_model()._meta.pk.to_python(token.user_id)
    except ValidationError as error:
        raise TokenInvalid("not a token of ours") from error
