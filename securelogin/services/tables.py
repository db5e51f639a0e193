"""Our tables where they are written: a replica may not know yet what has ended or what was guessed."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models, router
from django.db.models import F

from ..models import OneTimeCode, Session, live
from ..models.codes import OneTimeCodeQuerySet
from ..models.compiled import Param, Update
from ..models.sessions import SessionQuerySet


def database() -> str:
    """Return the alias of the one database that holds them; also what checks a token reads there."""
    return router.db_for_write(Session)


def sessions() -> SessionQuerySet:
    """Return the sessions."""
    return SessionQuerySet(Session, using=database())  # a manager and using() would each make one more


def code_rows() -> OneTimeCodeQuerySet:
    """Return the rows of codes."""
    return OneTimeCodeQuerySet(OneTimeCode, using=database())


def users() -> models.QuerySet[Any]:
    """Return the users, those that a manager of the project's hides too."""
    return live.users().using(database())


def lock_user(user_id: Any, **conditions: Any) -> bool:
    """Lock the user's row, which opening a session and ending many begin with; False where no row meets the conditions.

    A write, not a locking read: in PostgreSQL's REPEATABLE READ who waited for a read lock goes on with the picture
    from before the wait, and does not see the session that was opened meanwhile. A write that waited starts anew.
    The first statement of its transaction: on MariaDB a picture from before it stays, where others only locked the row.
    """
    return _lock(tuple(sorted(conditions))).run(database(), pk=user_id, **conditions) == 1


@lru_cache
def _lock(names: tuple[str, ...]) -> Update:
    def chosen(_size: int) -> models.QuerySet[Any]:
        meta = get_user_model()._meta
        params = {name: Param(name, meta.get_field(name)) for name in names}
        return live.users().filter(pk=Param("pk", meta.pk), **params)

    return Update(chosen, lambda: {"is_active": F("is_active")})


def lock_users(**conditions: Any) -> int:
    """Lock the users' rows in the same way; returns how many."""
    return users().filter(**conditions).update(is_active=F("is_active"))
