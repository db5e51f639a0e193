"""Two calls in one: the second one comes between two statements of the first, where the story says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

from django.db import connection, connections

T = TypeVar("T")
U = TypeVar("U")


class Meanwhile:
    """Do something once, after the n-th statement that a call makes outside a transaction.

    What another client can do between two statements is done there, so a race has one outcome for one story.
    """

    def __init__(self, act: Callable[[], object], *, after: int) -> None:
        self.act = act
        self.left = after

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        """Run the statement, and what comes after it."""
        result = execute(sql, params, many, context)
        if not connection.in_atomic_block and not sql.startswith("BEGIN"):
            self.left -= 1
            if self.left == 0:
                self.act()
        return result


def cross(outer: Callable[[], T], inner: Callable[[], U], *, after: int) -> tuple[T, U]:
    """Make the inner call within the outer one, or after it where it makes fewer statements; returns both results."""
    inners: list[U] = []
    with connection.execute_wrapper(Meanwhile(lambda: inners.append(inner()), after=after)):
        first = outer()
    if not inners:
        inners.append(inner())
    return first, inners[0]


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Release all calls at one moment, each in a thread with a connection of its own; returns their results."""
    gate = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        try:
            gate.wait(timeout=60)
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(run, call) for call in calls]]
