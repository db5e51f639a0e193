"""The statements that most calls make: whose session is it, the next generation, its end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import OuterRef, Subquery
from django.db.models.functions import NullIf
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from .compiled import Param, Select, Update, Insert
from .sessions import EndReason, Session, SessionQuerySet


def _of_session(name: str) -> Param:
    return Param(name, Session._meta.get_field(name))


def _owner() -> Param:
    return Param("user", get_user_model()._meta.pk)


def _mine() -> SessionQuerySet:
    """The session of a token, if it is the user's."""
    return Session.objects.filter(pk=_of_session("id"), user_id=_owner())


def _user() -> models.QuerySet[Any]:
    """By scalar subqueries: PostgreSQL plans them in half the time of a join."""
    blacklisted = BlacklistedToken.objects.filter(token_id=OuterRef("token_id")).values("pk")[:1]
    live = _mine().unended(_of_session("expires_at")).alias(dead=Subquery(blacklisted)).filter(dead=None)
    return get_user_model()._base_manager.filter(pk=Subquery(live.values("user_id")[:1]), is_active=True)


def _next_generation() -> dict[str, Any]:
    """A key that comes with two rotations running is none (``retry_digest`` becomes null)."""
    digest, generation = _of_session("retry_digest"), _of_session("generation")
    return {
        "retry_digest": NullIf(digest, "retry_digest"),
        "generation": generation + 1,
        "rotated_at": _of_session("rotated_at"),
    }


def _rotatable() -> SessionQuerySet:
    """A live session that is not past the generation.

    The row may be behind the token: after a restored backup an honest token is ahead of it.
    """
    return _mine().live(_of_session("rotated_at")).filter(generation__lte=_of_session("generation"))


USER = Select(_user)
"""The user of a live session: ``id``, ``user``, ``expires_at`` (what the session's must be past)."""

ROTATE = Update(lambda _size: _rotatable(), _next_generation)
"""Moves a live session past a generation: ``id``, ``user``, ``generation``, ``rotated_at``, ``retry_digest``."""

MOST_NAMED = 64
"""Sessions that one statement names."""


def _unended() -> SessionQuerySet:
    return Session.objects.filter(user_id=_owner()).unended(_of_session("expires_at")).order_by().values_list("pk")


def _named(size: int) -> SessionQuerySet:
    ids = [Param(name, Session._meta.pk) for name in _names(size)]
    return Session.objects.filter(pk__in=ids, user_id=_owner()).unended(_of_session("ended_at"))


def _ending() -> dict[str, Any]:
    return {"ended_at": _of_session("ended_at"), "end_reason": _of_session("end_reason")}


def _blacklisted(size: int) -> list[BlacklistedToken]:
    moment = Param("ended_at", BlacklistedToken._meta.get_field("blacklisted_at"))
    rows = []
    for name in _names(size):
        session = Session.objects.filter(pk=Param(name, Session._meta.pk))
        rows.append(BlacklistedToken(blacklisted_at=moment))
        rows[-1].token_id = Subquery(session.values("token_id")[:1])
    return rows


def _names(size: int) -> list[str]:
    return [f"id{number}" for number in range(size)]


def _outstanding(_size: int) -> list[OutstandingToken]:
    names = ("user_id", "jti", "token", "created_at", "expires_at")
    return [OutstandingToken(**{name: Param(name, OutstandingToken._meta.get_field(name)) for name in names})]


def _opened(_size: int) -> list[Session]:
    session = Session(**{name: _of_session(name) for name in _session_names()})
    outstanding = OutstandingToken.objects.filter(jti=Param("jti", OutstandingToken._meta.get_field("jti")))
    session.token_id = Subquery(outstanding.values("pk")[:1])
    return [session]


def _session_names() -> list[str]:
    return [field.attname for field in Session._meta.concrete_fields if field.attname != "token_id"]


_OUTSTAND = Insert(_outstanding)
_OPEN = Insert(_opened)


def open_session(*, using: str, **fields: Any) -> Session:
    """Write a session and the one outstanding token it keeps for its whole life; the text of a token is nowhere.

    The key of that token stays in the database until somebody asks for it.
    """
    session = Session(id=uuid4(), **fields)
    values = {name: getattr(session, name) for name in _session_names()}
    token = {"user_id": session.user_id, "token": "", "created_at": session.created_at}
    _OUTSTAND.run(using, jti=str(session.id), expires_at=session.expires_at, **token)
    _OPEN.run(using, jti=str(session.id), **values)
    del session.__dict__["token_id"]
    session._state.adding, session._state.db = False, using
    return session


UNENDED = Select(_unended)
"""The ids of the sessions of a ``user`` that nothing in their rows ends at ``expires_at``, as tuples."""

_END = Update(_named, _ending)
_BLACKLIST = Insert(_blacklisted, unique="token", update=["token"])


def end(ids: Iterable[UUID], user_id: Any, reason: EndReason, *, at: datetime, using: str) -> list[UUID]:
    """End those of a user's sessions that have not ended, and return their ids. Run it inside a transaction.

    First the session, then its blacklisted token: the other order deadlocks on MariaDB.
    """
    ended: list[UUID] = []
    waiting = iter(sorted(ids))
    while batch := list(islice(waiting, MOST_NAMED)):
        names = dict(zip(_names(len(batch)), batch, strict=True))
        values = {**names, "user": user_id, "ended_at": at, "end_reason": reason.value}
        count = _END.run(using, len(batch), **values)
        if count < len(batch):  # somebody else ended some of them first
            mine = Session.objects.using(using).filter(pk__in=batch, ended_at=at, end_reason=reason)
            batch = list(mine.order_by("pk").values_list("pk", flat=True)) if count else []
        if batch:
            _BLACKLIST.run(using, len(batch), **dict(zip(_names(len(batch)), batch, strict=True)), ended_at=at)
        ended += batch
    return ended
