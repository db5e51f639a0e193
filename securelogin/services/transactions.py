"""One way to open a transaction, and to run a story again where the database asks for it."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError, connections, transaction

from ..exceptions import Unavailable
from .tables import database

TRIES = 4
"""The first run and three more."""

RETRY_STATES = frozenset({"40001", "40P01"})
"""SQLSTATE: serialization failure, deadlock."""

RETRY_NUMBERS = frozenset({1020, 1205, 1213})
"""MariaDB: record has changed since last read, lock wait time-out, deadlock."""

T = TypeVar("T")

logger = logging.getLogger("securelogin.services")


def refuse_transaction(verb: str) -> None:
    """Raise ``RuntimeError`` where the caller's transaction could roll back a count. ``TestCase`` is exempt."""
    blocks = connections[database()].atomic_blocks
    if blocks and not getattr(blocks[-1], "_from_testcase", False):
        raise RuntimeError(
            f"securelogin.services.{verb}() must not run inside a transaction: a rollback would give guesses back. "
            "Call it outside atomic(), and mark a view of yours that calls it with non_atomic_requests."
        )


def in_transaction(story: Callable[[], T]) -> T:
    """Run a story in a transaction of its own, or in the caller's. Its first statement writes or locks."""

    def run() -> T:
        with transaction.atomic(using=database()):
            return story()

    return with_retries(run)


def with_retries(story: Callable[[], T]) -> T:
    """Run a story, and again where the database chose it as the victim of a conflict; then ``Unavailable``.

    Only for a story that has sent and announced nothing. Inside the caller's transaction it runs once: there the
    whole transaction would have to be run again.
    """
    is_nested = connections[database()].in_atomic_block
    for attempt in range(1, TRIES + 1):
        try:
            return story()
        except DatabaseError as error:
            if is_nested or not is_conflict(error):
                raise
            logger.info("database conflict, try %d of %d", attempt, TRIES)
            if attempt == TRIES:
                raise Unavailable from error
            time.sleep(random.uniform(0.005, 0.05) * attempt)  # noqa: S311 - spreads the tries, guards nothing
    raise AssertionError  # the last try returns or raises


def is_conflict(error: BaseException) -> bool:
    """Whether the database says that the same statements may well succeed the next time."""
    cause = error.__cause__
    if getattr(cause, "sqlstate", None) in RETRY_STATES:
        return True
    first = next(iter(cause.args), None) if cause else None
    return first in RETRY_NUMBERS or "is locked" in str(first)
