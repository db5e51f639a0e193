"""Sessions: one login on one device, backed by simplejwt's outstanding and blacklisted tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connections, models, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from .. import events, remembered, signals
from ..addresses import Client
from ..events import Event
from . import live

BATCH = 500
"""Rows that one statement names by key; SQLite takes 999 parameters where it is old."""

KEEP_ENDED = timedelta(days=30)
"""How long an ended session stays to be looked at; its tokens are refused all the same when it is gone."""


class EndReason(models.TextChoices):
    """Why a session ended."""

    LOGOUT = "logout", _("logged out")
    LOGOUT_OTHERS = "logout_others", _("logged out from another session")
    LOGOUT_ALL = "logout_all", _("logged out everywhere")
    REVOKED = "revoked", _("revoked by staff")
    REUSE = "reuse", _("an old refresh token was used again")
    EVICTED = "evicted", _("too many sessions")
    PASSWORD = "password", _("the password was changed")
    PHONE = "phone", _("the number was changed")
    CLOSED = "closed", _("the account was closed")


ENDINGS: Mapping[str, Event] = MappingProxyType(
    {
        EndReason.LOGOUT: Event.SESSION_LOGOUT,
        EndReason.LOGOUT_OTHERS: Event.SESSION_LOGOUT,
        EndReason.LOGOUT_ALL: Event.SESSION_LOGOUT,
        EndReason.REUSE: Event.TOKEN_REUSE,
    }
)
"""What an ending is in the audit trail; any other reason is ``TOKEN_REVOKED``."""


class SessionQuerySet(models.QuerySet["Session"]):
    """What live means, and how sessions end."""

    def live(self, at: datetime | None = None) -> SessionQuerySet:
        """Sessions that are not ended, not blacklisted in simplejwt, not past their end, of an active user."""
        return self.unended(at or timezone.now()).filter(Exists(_active_user()), ~Exists(_blacklisted()))

    def unended(self, at: datetime) -> SessionQuerySet:
        """Sessions that nothing in their own row ends."""
        return self.filter(ended_at=None, expires_at__gt=at)

    def user_of(self, session_id: UUID, user_id: Any, *, at: datetime) -> Any:
        """Return the user of a live session, None where it is not live or another's."""
        return live.USER.first(self._alias(), id=session_id, user=user_id, expires_at=at)

    def rotate(
        self, session_id: UUID, user_id: Any, *, generation: int, at: datetime, retry_digest: str | None
    ) -> bool:
        """Move a live session past ``generation`` in one statement; False where it is not live or already past."""
        values = {"id": session_id, "user": user_id, "generation": generation, "rotated_at": at}
        return live.ROTATE.run(self._alias(), **values, retry_digest=retry_digest) == 1

    def open(self, **fields: Any) -> Session:
        """Write a session and the one outstanding token it keeps for its whole life; the text of a token is nowhere.

        The key of that token stays in the database until somebody asks for it.
        """
        alias, session = self._alias(), self.model(**fields)
        values = {name: getattr(session, name) for name in live.session_names()}
        moments: dict[str, Any] = {"created_at": session.created_at, "expires_at": session.expires_at}
        live.OUTSTAND.run(alias, user_id=session.user_id, jti=str(session.id), token="", **moments)
        live.OPEN.run(alias, jti=str(session.id), **values)
        del session.__dict__["token_id"]
        session._state.adding, session._state.db = False, alias
        return session

    def end_named(
        self, ids: Iterable[UUID], user_id: Any, reason: str, *, at: datetime, client: Client | None = None
    ) -> list[UUID]:
        """End those of a user's sessions that have not ended, announce it after the commit, and return their ids.

        Like ``end``, with two statements for each ``live.MOST_NAMED`` of them. Whose a single one is, is asked; several
        are known to be the user's.
        """
        alias, ended = self._alias(), list[UUID]()
        for batch in _batches(iter(sorted(ids)), live.MOST_NAMED):
            names = dict(zip(live.names(len(batch)), batch, strict=True))
            count = live.END.run(alias, len(batch), **names, user=user_id, ended_at=at, end_reason=str(reason))
            if count < len(batch):  # somebody else ended some of them first
                mine = self.model._default_manager.using(alias).filter(pk__in=batch, ended_at=at, end_reason=reason)
                batch = sorted(mine.values_list("pk", flat=True)) if count else []
                names = dict(zip(live.names(len(batch)), batch, strict=True))
            if batch:
                live.BLACKLIST.run(alias, len(batch), **names, ended_at=at)
            ended += batch
        if ended:
            owners = [(session_id, user_id) for session_id in ended]
            transaction.on_commit(partial(_announce, owners, reason, client), using=alias)
        return ended

    def _alias(self) -> str:
        self._for_write = True
        return self.db

    def end_all(self, reason: str, *, at: datetime, client: Client | None = None) -> list[UUID]:
        """End the sessions here like ``end``, where the lock on their user's row keeps new ones away.

        Found without a lock and locked by key alone: on MariaDB a lock through another index waits crosswise with
        those who delete by key.
        """
        self._for_write = True
        ids = list(self.filter(ended_at=None).values_list("pk", flat=True))
        chosen = self.model._default_manager.using(self.db).filter(pk__in=ids)
        return chosen.end(reason, at=at, client=client)

    def end(self, reason: str, *, at: datetime, client: Client | None = None) -> list[UUID]:
        """End the sessions here that have not ended, announce it after the commit, and return their ids.

        Run it inside a transaction. First the session, then its blacklisted token: the other order deadlocks on
        MariaDB.
        """
        self._for_write = True
        open_rows = self.filter(ended_at=None).select_for_update().order_by("pk")
        ended: list[UUID] = []
        for batch in _batches(iter(open_rows.values_list("pk", "token_id", "user_id"))):
            ids = [pk for pk, _token, _user in batch]
            self.model._default_manager.using(self.db).filter(pk__in=ids).update(ended_at=at, end_reason=reason)
            blacklist([token for _pk, token, _user in batch], using=self.db)
            owners = [(pk, user) for pk, _token, user in batch]
            transaction.on_commit(partial(_announce, owners, reason, client), using=self.db)
            ended += ids
        return ended


def _announce(owners: list[tuple[UUID, Any]], reason: str, client: Client | None) -> None:
    remembered.forget(sessions=[session_id for session_id, _user_id in owners])
    event = ENDINGS.get(reason, Event.TOKEN_REVOKED)
    for session_id, user_id in owners:
        signals.session_ended.send_robust(Session, session_id=session_id, user_id=user_id, reason=reason)
        events.announce(event, client=client, user_id=user_id, session_id=session_id, reason=str(reason))


def blacklist(token_ids: list[int], *, using: str) -> None:
    """Blacklist outstanding tokens, those that are already among them.

    An upsert: ``INSERT IGNORE``, which Django writes for ``ignore_conflicts``, swallows foreign-key errors on MariaDB.
    """
    target = ["token"] if connections[using].features.supports_update_conflicts_with_target else None
    BlacklistedToken.objects.using(using).bulk_create(
        [BlacklistedToken(token_id=token_id) for token_id in sorted(token_ids)],
        update_conflicts=True,
        update_fields=["token"],
        unique_fields=target,
    )


def dead_tokens(at: datetime, *, idle: timedelta) -> models.QuerySet[OutstandingToken]:
    """Return the outstanding tokens of sessions that are over.

    A session is when it ended ``KEEP_ENDED`` ago, by us or in simplejwt's blacklist, when its last refresh token died
    as long ago (each lives ``idle``), when it is past its end, or without its user.

    Delete these, never the sessions: all three rows of a session go together. Deleting a user takes the session
    alone; simplejwt's rows stay behind with no user.
    """
    kept_until = at - KEEP_ENDED
    over = Q(ended_at__lt=kept_until) | Q(expires_at__lt=at) | Q(rotated_at__lt=kept_until - idle)
    over |= Q(Exists(_blacklisted().filter(blacklisted_at__lt=kept_until)))
    mine = Session.objects.filter(token_id=OuterRef("pk"))
    return OutstandingToken.objects.filter(Exists(mine.filter(over)) | (Q(token="", user=None) & ~Exists(mine)))


class Session(models.Model):
    """One login on one device. Its id is the ``sid`` claim: a name, not a credential."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="securelogin_sessions", verbose_name=_("user")
    )
    token = models.OneToOneField(
        "token_blacklist.OutstandingToken",
        models.CASCADE,
        related_name="securelogin_session",
        verbose_name=_("outstanding token"),
    )
    generation = models.PositiveIntegerField(_("generation"), default=0)
    rotated_at = models.DateTimeField(_("last used at"))
    retry_digest = models.CharField(_("digest of the idempotency key"), max_length=64, null=True, blank=True)  # noqa: DJ001 - null equals nothing, "" would
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"))
    ip_address = models.GenericIPAddressField(_("IP address"), null=True, blank=True)
    user_agent = models.CharField(_("user agent"), max_length=255, blank=True)
    device = models.CharField(_("device"), max_length=64, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    end_reason = models.CharField(_("end reason"), max_length=16, blank=True, choices=EndReason.choices)

    objects = SessionQuerySet.as_manager()

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        # None on (user, ended_at): InnoDB would use it for the foreign key, and ending a session would lock its user,
        # crosswise with those who lock the user first.
        indexes = [models.Index(fields=["ended_at"], name="securelogin_session_ended")]

    def __str__(self) -> str:
        return str(self.id)

    def __repr__(self) -> str:
        return f"<Session: {self.id}>"


def _blacklisted() -> models.QuerySet[BlacklistedToken]:
    return BlacklistedToken.objects.filter(token_id=OuterRef("token_id"))


def _active_user() -> models.QuerySet[Any]:
    return live.users().filter(pk=OuterRef("user_id"), is_active=True)


def _batches(rows: Iterator[Any], size: int = BATCH) -> Iterator[list[Any]]:
    while batch := list(islice(rows, size)):
        yield batch
