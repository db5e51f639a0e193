"""Logins that open sessions, and calls that end them, with no lock on the user; first logins that give up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.core.cache import caches

from securelogin import remembered
from securelogin.addresses import Client
from securelogin.conf import Conf
from securelogin.exceptions import AccountInactive
from securelogin.models import Session
from securelogin.services import accounts, endings, sessions, tables
from securelogin.services import guesses as verbs
from securelogin.services.transactions import in_transaction

from .mutant import LONG, dawdle, replace


def _look_at_user(user_id: Any, *, login_at: datetime | None = None, **conditions: Any) -> bool:
    """Find the user, and hold nothing."""
    return tables.users().filter(pk=user_id, **conditions).exists()


def log_in_without_lock() -> None:
    """Open a session, and evict others, with no lock on the user."""
    evict = sessions._evict

    def slow_evict(*arguments: Any) -> None:
        evict(*arguments)
        dawdle()

    replace(accounts, "lock_user", _look_at_user)
    replace(sessions, "_evict", slow_evict)


def log_out_without_lock() -> None:
    """End the others with no lock on the user: a login may commit between the look and the deed."""
    end_all_but = endings.end_all_but

    def slow_end(*arguments: Any, **options: Any) -> list[UUID]:
        ended = end_all_but(*arguments, **options)
        dawdle(LONG)
        return ended

    replace(endings, "lock_user", _look_at_user)
    replace(endings, "end_all_but", slow_end)


def forget_by_deletion() -> None:
    """Take the entries of what ended out of the cache: a call that asked before puts its own back."""

    def forget(*, sessions: Iterable[Any] = (), users: Iterable[Any] = ()) -> None:
        for name in sessions:
            owner = Session.objects.filter(pk=name).values_list("user_id", flat=True)
            caches["default"].delete_many([remembered._entry(name, user_id, tables.database()) for user_id in owner])

    def late(*ids: Any, **facts: Any) -> None:
        dawdle()
        remember(*ids, **facts)

    remember = remembered.remember
    replace(remembered, "forget", forget)
    replace(remembered, "remember", late)


def make_user_once() -> None:
    """Give up where somebody else made the user of the number meanwhile."""
    make = accounts.make

    def slow_make(*arguments: Any, **options: Any) -> accounts.User:
        dawdle(LONG)
        return make(*arguments, **options)

    def try_log_in(guess: Any, client: Client, at: datetime, options: Conf) -> sessions.Login | AccountInactive | None:
        known = accounts.find(guess.phone)
        once = partial(slow_make, at=at, has_id=True, has_name=True)
        return in_transaction(lambda: verbs._log_in(guess, known, once, client, at, options))

    replace(verbs, "_try_log_in", try_log_in)
