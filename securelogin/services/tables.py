"""Our tables where they are written: a replica may not know yet what has ended or what was guessed."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db import models, router
from django.db.models import Case, F, When
from django.db.models.query_utils import DeferredAttribute

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


def has_field(name: str) -> bool:
    """Whether the project's user model has that field."""
    try:
        get_user_model()._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True


def keeps_last_login() -> bool:
    """Whether ``last_login`` is a column of the users, as Django asks; a property or a relation of that name is not."""
    return isinstance(getattr(get_user_model(), "last_login", None), DeferredAttribute)


def lock_user(user_id: Any, *, login_at: datetime | None = None, **conditions: Any) -> bool:
    """Lock the user's row, which opening a session and ending many begin with; False where no row meets the conditions.

    What is written is ``last_login``, where a login locks and the user model keeps it; it never goes back.
    A write, not a locking read: in PostgreSQL's REPEATABLE READ who waited for a read lock goes on with the picture
    from before the wait, and does not see the session that was opened meanwhile. A write that waited starts anew.
    The first statement of its transaction: on MariaDB a picture from before it stays, where others only locked the row.
    """
    is_login = login_at is not None and keeps_last_login()
    return _lock(tuple(sorted(conditions)), is_login).run(database(), pk=user_id, login_at=login_at, **conditions) == 1


@lru_cache
def _lock(names: tuple[str, ...], is_login: bool) -> Update:
    def chosen(_size: int) -> models.QuerySet[Any]:
        meta = get_user_model()._meta
        params = {name: Param(name, meta.get_field(name)) for name in names}
        return live.users().filter(pk=Param("pk", meta.pk), **params)

    def changes() -> dict[str, Any]:
        if not is_login:
            return {"is_active": F("is_active")}
        at = Param("login_at", get_user_model()._meta.get_field("last_login"))
        return {"last_login": Case(When(last_login__gt=at, then=F("last_login")), default=at)}

    return Update(chosen, changes)


def lock_users(**conditions: Any) -> int:
    """Lock the users' rows in the same way; returns how many."""
    return users().filter(**conditions).update(is_active=F("is_active"))
