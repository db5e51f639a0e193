"""Two calls at once, in one process: another thread with a connection of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

T = TypeVar("T")


def beside(pool: ThreadPoolExecutor, verb: Callable[[], T]) -> Future[T]:
    """Call a verb in a thread of the pool, and leave no connection of it open."""

    def run() -> T:
        try:
            return verb()
        finally:
            connections.close_all()

    return pool.submit(run)
