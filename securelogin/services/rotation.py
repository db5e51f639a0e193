"""Rotating refresh tokens, and telling a repeat from a reuse (RFC 9700 section 4.14.2)."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from .. import codes, conf, events, keys, signals
from ..addresses import Client
from ..events import Event
from ..exceptions import RefreshTokenExpired, RefreshTokenReused, Unavailable
from ..models import EndReason, Session
from ..tokens import RefreshToken, TokenPair
from . import notices
from .endings import user_pk
from .notices import Notice
from .sessions import of_token, refused
from .tables import sessions
from .transactions import in_transaction, refuse_transaction, with_retries

RETRY_KEY_LIFETIME = timedelta(hours=24)
"""How long a rotation is repeated for the ``Idempotency-Key`` it was called with."""


def refresh_tokens(
    token: RefreshToken, *, idempotency_key: str | None = None, client: Client | None = None
) -> TokenPair:
    """Rotate a refresh token by compare-and-swap on its generation.

    A repeat within ``REFRESH_GRACE``, or within 24 h with the ``Idempotency-Key`` of the call that rotated it, gets
    the tokens of the current generation again and writes nothing. Any other use of an old token is reuse: the
    session ends and ``RefreshTokenReused`` is raised. Raises ``RefreshTokenExpired``, ``SessionEnded`` and
    ``SessionUserInactive``.
    Must not run inside a transaction.
    """
    refuse_transaction("refresh_tokens")
    now = timezone.now()
    if token.is_expired(now):
        _announce(Event.SESSION_EXPIRED, token, client)
        raise RefreshTokenExpired("the token is expired")
    digest = keys.digest("idempotency", str(token.session_id), idempotency_key) if idempotency_key else None
    digests = keys.digests("idempotency", str(token.session_id), idempotency_key) if idempotency_key else []
    if with_retries(lambda: _rotate(token, now, digest)):
        _announce(Event.SESSION_RENEWED, token, client)
        return token.successors(at=now)
    mine = of_token(token)
    session = with_retries(lambda: mine.live(now).first())
    if session is None:
        raise refused(mine, token, client)
    if is_repeat(session, token.generation, at=now, digests=digests):
        return token.successors(at=session.rotated_at)
    if session.generation <= token.generation:
        raise Unavailable  # it came back to life between the two looks: nothing is wrong with the token
    _end_reused(session, client)
    raise RefreshTokenReused("an old refresh token was used again")


def _rotate(token: RefreshToken, at: datetime, retry_digest: str | None) -> bool:
    return sessions().rotate(
        token.session_id, user_pk(token), generation=token.generation, at=at, retry_digest=retry_digest
    )


def is_repeat(session: Session, generation: int, *, at: datetime, digests: list[str]) -> bool:
    """Whether a token of that generation is the one whose rotation made the session's current generation."""
    if session.generation != generation + 1:
        return False
    age, grace = abs(at - session.rotated_at), conf.current().REFRESH_GRACE
    is_same_call = any(codes.matches(session.retry_digest, each) for each in digests)
    is_in_grace = bool(grace) and age <= grace  # two processes may read the clock in the same microsecond
    return is_in_grace or (is_same_call and age <= RETRY_KEY_LIFETIME)


def _end_reused(session: Session, client: Client | None) -> None:

    def story() -> list[UUID]:
        return sessions().end_named([session.pk], session.user_id, EndReason.REUSE, at=timezone.now(), client=client)

    if in_transaction(story):
        # of many simultaneous replays only the one that ended it tells
        signals.refresh_token_reused.send_robust(Session, session_id=session.pk, user_id=session.user_id)
        notices.notify_user_of(session.user_id, Notice.REUSE, client)


def _announce(event: Event, token: RefreshToken, client: Client | None) -> None:
    events.announce(event, client=client, user_id=token.user_id, session_id=token.session_id)
