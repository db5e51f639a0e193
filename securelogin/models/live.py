"""The statements that most calls make: whose session is it, the next generation, its end."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import OuterRef, Subquery
from django.db.models.functions import NullIf
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from .compiled import Insert, Param, Select, Update


def users() -> models.QuerySet[Any]:
    """Return all rows of the users' table: no manager of the project's has a say in who is logged in.

    Its conditions would be kept as they were when a statement was compiled; ``is_active`` shuts an account out.
    """
    return models.QuerySet(get_user_model())


def _session() -> type[models.Model]:
    return apps.get_model("securelogin", "Session")


def _sessions() -> Any:
    return _session()._default_manager


def _of_session(name: str) -> Param:
    return Param(name, _session()._meta.get_field(name))


def _owner() -> Param:
    return Param("user", get_user_model()._meta.pk)


def _mine() -> Any:
    """Find the session of a token, if it is the user's."""
    return _sessions().filter(pk=_of_session("id"), user_id=_owner())


def _user() -> models.QuerySet[Any]:
    """Find the user by scalar subqueries: PostgreSQL plans them in half the time of a join."""
    blacklisted = BlacklistedToken.objects.filter(token_id=OuterRef("token_id")).values("pk")[:1]
    live = _mine().unended(_of_session("expires_at")).alias(dead=Subquery(blacklisted)).filter(dead=None)
    return users().filter(pk=Subquery(live.values("user_id")[:1]), is_active=True)


def _next_generation() -> dict[str, Any]:
    """Count up; a key that comes with two rotations running is none (``retry_digest`` becomes null)."""
    digest, generation = _of_session("retry_digest"), _of_session("generation")
    return {
        "retry_digest": NullIf(digest, "retry_digest"),
        "generation": generation + 1,
        "rotated_at": _of_session("rotated_at"),
    }


def _rotatable() -> Any:
    """Find a live session that is not past the generation.

    The row may be behind the token: after a restored backup an honest token is ahead of it.
    """
    return _mine().live(_of_session("rotated_at")).filter(generation__lte=_of_session("generation"))


USER = Select(_user)
"""The user of a live session: ``id``, ``user``, ``expires_at`` (what the session's must be past)."""

ROTATE = Update(lambda _size: _rotatable(), _next_generation)
"""Moves a live session past a generation: ``id``, ``user``, ``generation``, ``rotated_at``, ``retry_digest``."""

MOST_NAMED = 64
"""Sessions that one statement names."""


def _unended() -> Any:
    return _sessions().filter(user_id=_owner()).unended(_of_session("expires_at")).order_by().values_list("pk")


def _named(size: int) -> Any:
    """Find the named sessions: one if it is the user's, several by key alone.

    MariaDB may lock several through the index of the user, crosswise with those who delete by key.
    """
    ids = [Param(name, _session()._meta.pk) for name in names(size)]
    chosen = _sessions().filter(pk=ids[0], user_id=_owner()) if size == 1 else _sessions().filter(pk__in=ids)
    return chosen.unended(_of_session("ended_at"))


def _ending() -> dict[str, Any]:
    return {"ended_at": _of_session("ended_at"), "end_reason": _of_session("end_reason")}


def _blacklisted(size: int) -> list[BlacklistedToken]:
    moment = Param("ended_at", BlacklistedToken._meta.get_field("blacklisted_at"))
    rows = []
    for name in names(size):
        session = _sessions().filter(pk=Param(name, _session()._meta.pk))
        rows.append(BlacklistedToken(blacklisted_at=moment))
        rows[-1].token_id = Subquery(session.values("token_id")[:1])
    return rows


def names(size: int) -> list[str]:
    """Return the names of so many ids."""
    return [f"id{number}" for number in range(size)]


def _outstanding(_size: int) -> list[OutstandingToken]:
    names = ("user_id", "jti", "token", "created_at", "expires_at")
    return [OutstandingToken(**{name: Param(name, OutstandingToken._meta.get_field(name)) for name in names})]


def _opened(_size: int) -> list[Any]:
    session: Any = _session()(**{name: _of_session(name) for name in session_names()})
    outstanding = OutstandingToken.objects.filter(jti=Param("jti", OutstandingToken._meta.get_field("jti")))
    session.token_id = Subquery(outstanding.values("pk")[:1])
    return [session]


def session_names() -> list[str]:
    """Return the fields of a session, as attributes."""
    return [field.attname for field in _session()._meta.concrete_fields]


OUTSTAND = Insert(_outstanding)
"""Writes the outstanding token of a session."""

OPEN = Insert(_opened)
"""Writes a session: the fields in ``session_names()``, and ``jti``, by which it finds its token, whatever is there."""


UNENDED = Select(_unended)
"""The ids of the sessions of a ``user`` that nothing in their rows ends at ``expires_at``, as tuples."""

END = Update(_named, _ending)
"""Ends those that have not ended: ``names()``, ``ended_at``, ``end_reason``; a single one if it is ``user``'s."""

BLACKLIST = Insert(_blacklisted, unique="token", update=["token"])
"""Blacklists the tokens of sessions: ``names()``, ``ended_at``."""
