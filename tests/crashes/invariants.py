"""What must hold in the tables whatever was killed, as queries that find nothing: K1 (a) to (g)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection, transaction
from django.db.models import Count, Exists, F, Max, Min, OuterRef, QuerySet
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from securelogin.models import Counter, OneTimeCode, Session


def rows() -> Mapping[str, QuerySet[Any]]:
    """Return each law with the rows that break it. Every user of the crashes came by a code and is active."""
    users = get_user_model()._default_manager.all()
    sessions, opened = Session.objects.all(), Session.objects.filter(created_at=OuterRef("consumed_at"))
    mine = Session.objects.filter(user_id=OuterRef("pk"))
    blacklisted = BlacklistedToken.objects.filter(token_id=OuterRef("token_id"))
    return {
        "a: one moment of one user opened two sessions": sessions.values("user_id", "created_at")
        .annotate(number=Count("pk"))
        .filter(number__gt=1),
        "b: more guesses at the live code than it has": OneTimeCode.objects.filter(guesses__gt=5),
        "c: a used code without the session that it opened": OneTimeCode.objects.filter(
            consumed_at__isnull=False
        ).exclude(Exists(opened)),
        "d: a user without a session": users.filter(~Exists(mine)),
        "d: a session without a user": sessions.exclude(Exists(users.filter(pk=OuterRef("user_id")))),
        "d: a session of another user's token": sessions.exclude(user_id=F("token__user_id")),
        "d: an outstanding token without a session": OutstandingToken.objects.exclude(
            Exists(sessions.filter(token_id=OuterRef("pk")))
        ),
        "e: an ended session whose token is not blacklisted": sessions.filter(ended_at__isnull=False).exclude(
            Exists(blacklisted)
        ),
        "e: a blacklisted token of a session that has not ended": sessions.filter(ended_at=None).filter(
            Exists(blacklisted)
        ),
        "f: two users of one number": users.exclude(phone=None)
        .values("phone")
        .annotate(number=Count("pk"), first=Min("pk"), last=Max("pk"))
        .filter(number__gt=1),
    }


def violations() -> list[str]:
    """Run every query over a new connection, and try to lock every row."""
    connection.close()
    found = [f"{law}: {count} rows" for law, query in rows().items() if (count := query.count())]
    return [*found, *_names(), *_locks()]


def _names() -> Iterable[str]:
    """Yield the sessions that a token of another name backs; how a UUID is written differs by database."""
    for session in Session.objects.select_related("token"):
        if session.token.jti != str(session.pk):
            yield f"d: session {session.pk} is backed by another's token"


def _locks() -> Iterable[str]:
    """Yield the tables with a row that somebody still holds: (g)."""
    is_nowait = connection.features.has_select_for_update_nowait
    for model in (OneTimeCode, get_user_model(), Session, BlacklistedToken, Counter):
        try:
            with transaction.atomic():
                list(model._default_manager.select_for_update(nowait=is_nowait).values_list("pk"))
        except DatabaseError:
            yield f"g: a row of {model._meta.db_table} is still locked"
