"""Our tables where they are written: a replica may not know yet what has ended or what was guessed."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db import models, router

from ..models import OneTimeCode, Session
from ..models.codes import OneTimeCodeQuerySet
from ..models.sessions import SessionQuerySet


def database() -> str:
    """Return the alias of the one database that holds them; also what checks a token reads there."""
    return router.db_for_write(Session)


def sessions() -> SessionQuerySet:
    """Return the sessions."""
    return Session.objects.using(database())


def code_rows() -> OneTimeCodeQuerySet:
    """Return the rows of codes."""
    return OneTimeCode.objects.using(database())


def users() -> models.QuerySet[Any]:
    """Return the users, those that a manager of the project's hides too."""
    return get_user_model()._base_manager.using(database())
