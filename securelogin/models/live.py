"""The statements that every call and every refresh make: who is it, and the next generation."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Case, OuterRef, Subquery, Value, When
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken

from .compiled import Param, Select, Update
from .sessions import Session, SessionQuerySet


def _of_session(name: str) -> Param:
    return Param(name, Session._meta.get_field(name))


def _mine() -> SessionQuerySet:
    """The session of a token, if it is the user's."""
    return Session.objects.filter(pk=_of_session("id"), user_id=Param("user", get_user_model()._meta.pk))


def _user() -> models.QuerySet[Any]:
    """By scalar subqueries: PostgreSQL plans them in half the time of a join."""
    blacklisted = BlacklistedToken.objects.filter(token_id=OuterRef("token_id")).values("pk")[:1]
    live = _mine().unended(_of_session("expires_at")).alias(dead=Subquery(blacklisted)).filter(dead=None)
    return get_user_model()._base_manager.filter(pk=Subquery(live.values("user_id")[:1]), is_active=True)


def _next_generation() -> dict[str, Any]:
    """A key that comes with two rotations running is none (``retry_digest`` becomes null)."""
    digest, generation = _of_session("retry_digest"), _of_session("generation")
    return {
        "retry_digest": Case(When(retry_digest=digest, then=Value(None)), default=digest),
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

ROTATE = Update(_rotatable, _next_generation)
"""Moves a live session past a generation: ``id``, ``user``, ``generation``, ``rotated_at``, ``retry_digest``."""
