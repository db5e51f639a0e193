"""Asks and limits that read, decide and write with nothing that keeps others away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from securelogin import limits
from securelogin.limits import Window
from securelogin.models import Counter, OneTimeCode
from securelogin.services import codes as verbs
from securelogin.services.transactions import with_retries

from .mutant import dawdle, replace

Taken = tuple[limits.Spent, frozenset[str]]


def ask_without_transaction() -> None:
    """Let go of the row as soon as it is there: the pause is read when others may be about to write it."""

    def slow_save(self: OneTimeCode, *, using: str) -> None:
        dawdle()
        save_ask(self, using=using)

    save_ask = OneTimeCode.save_ask
    replace(OneTimeCode, "save_ask", slow_save)
    replace(verbs, "in_transaction", with_retries)


def count_in_table_by_reading() -> None:
    """Read the counter, compare it with the limit, write it back."""

    def take(windows: list[Window], _watched: list[Window], at: datetime) -> Taken:
        counts = {row.key: row for row in Counter.objects.filter(key__in=[window.key for window in windows])}
        spent = _spent(windows, lambda key: counts[key].count if key in counts else 0)
        if spent:
            return spent, frozenset()
        dawdle()
        for window in windows:
            before = counts[window.key].count if window.key in counts else 0
            values = {"count": before + 1, "expires_at": at + window.length}
            Counter.objects.update_or_create(key=window.key, defaults=values)
        return [], frozenset()

    replace(limits, "_take_in_table", take)


def count_in_redis_by_reading() -> None:
    """Get the counter, compare it with the limit, set it."""

    def take(redis: limits._Redis, windows: list[Window], _watched: list[Window]) -> Taken:
        storage: Any = redis.storage
        counts = {window.key: storage.get(window.key) for window in windows}
        spent = _spent(windows, counts.__getitem__)
        if spent:
            return spent, frozenset()
        dawdle()
        for window in windows:
            key, seconds = storage.prefixed_key(window.key), int(window.length.total_seconds())
            storage.get_connection().set(key, counts[window.key] + 1, ex=seconds)
        return [], frozenset()

    replace(limits, "_take_in_redis", take)


def _spent(windows: list[Window], count: Callable[[str], int]) -> list[tuple[str, timedelta]]:
    return [(window.name, window.length) for window in windows if count(window.key) >= window.limit]
