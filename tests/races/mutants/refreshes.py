"""Refresh tokens that are rotated, and sessions that are ended, without the statement that does it once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from securelogin import signals
from securelogin.addresses import Client
from securelogin.models import EndReason, Session
from securelogin.models import sessions as rows
from securelogin.models.sessions import SessionQuerySet
from securelogin.services import rotation
from securelogin.services.tables import sessions
from securelogin.services.transactions import in_transaction

from .mutant import dawdle, replace


def rotate_by_reading() -> None:
    """Select the session, look at its generation, save the next one: stock simplejwt's way."""

    def rotate(
        self: SessionQuerySet,
        session_id: UUID,
        user_id: Any,
        *,
        generation: int,
        at: datetime,
        retry_digest: str | None,
    ) -> bool:
        session = self.live(at).filter(pk=session_id, user_id=user_id).first()
        if session is None or session.generation > generation:
            return False
        dawdle()
        session.generation, session.rotated_at, session.retry_digest = generation + 1, at, retry_digest
        session.save(update_fields=["generation", "rotated_at", "retry_digest"])
        return True

    replace(SessionQuerySet, "rotate", rotate)


def rotate_whatever_the_generation() -> None:
    """Count the generation up in one statement that does not ask which it is."""

    def rotate(
        self: SessionQuerySet,
        session_id: UUID,
        user_id: Any,
        *,
        generation: int,
        at: datetime,
        retry_digest: str | None,
    ) -> bool:
        mine = self.live(at).filter(pk=session_id, user_id=user_id)
        return mine.update(generation=F("generation") + 1, rotated_at=at, retry_digest=retry_digest) == 1

    replace(SessionQuerySet, "rotate", rotate)


def announce_every_reuse() -> None:
    """Announce a reuse for everyone who looked while the session was live."""

    def end_reused(session: Session, _client: Client | None) -> None:
        dawdle()
        in_transaction(lambda: sessions().filter(pk=session.pk).end(EndReason.REUSE, at=timezone.now()))
        signals.refresh_token_reused.send_robust(Session, session_id=session.pk, user_id=session.user_id)

    replace(rotation, "_end_reused", end_reused)


def end_what_was_read_as_open() -> None:
    """Look which sessions have not ended, then end and announce them whoever did meanwhile."""

    def end(
        self: SessionQuerySet,
        ids: Iterable[UUID],
        user_id: Any,
        reason: str,
        *,
        at: datetime,
        client: Client | None = None,
    ) -> list[UUID]:
        mine = self.filter(pk__in=list(ids), user_id=user_id, ended_at=None)
        found = list(mine.order_by("pk").values_list("pk", "token_id", "user_id"))
        dawdle()
        chosen = [pk for pk, _token, _user in found]
        Session.objects.filter(pk__in=chosen).update(ended_at=at, end_reason=reason)
        rows.blacklist([token for _pk, token, _user in found], using=self.db)
        owners = [(pk, user) for pk, _token, user in found]
        transaction.on_commit(lambda: rows._announce(owners, reason, client), using=self.db)
        return chosen

    replace(SessionQuerySet, "end_named", end)
