"""Limits that guard the bill and the server: fixed windows that begin with their first hit, in the database or Redis.

The ``limits`` library reads the notation and is the Redis storage. It is imported where it is first needed only
because it costs 26 ms, and a site may have every limit off.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import connections, router

from . import conf, keys
from .exceptions import RetryLater, TooManyAttempts, TooManyRequests
from .models import Counter

if TYPE_CHECKING:
    from limits.storage import Storage

ATTEMPTS = frozenset({"verify_ip", "password_ip"})
"""Limits on guessing, which answer ``TooManyAttempts``."""

REDIS_TIMEOUT = 1.0
"""Seconds for all answers of Redis that one call waits for; a single one, and reaching it, has a quarter of them."""

REDIS_PAUSE = 5.0
"""Seconds that a lost Redis is left alone while the table counts."""

logger = logging.getLogger("securelogin.limits")

T = TypeVar("T")


@dataclass(frozen=True)
class Hit:
    """One event to count: under the limit of that name, for that address, range or site."""

    name: str
    value: str


@dataclass(frozen=True, order=True)
class Window:
    """One fixed window of one limit. Sorted by key: unsorted keys deadlock on PostgreSQL and MariaDB."""

    key: str
    limit: int
    length: timedelta
    name: str


def take(hits: Iterable[Hit], *, at: datetime, watched: Iterable[Hit] = ()) -> frozenset[str]:
    """Count the hits, all of them or, where one is known to have no room, none.

    Returns the names of the ``watched`` limits that are full; these are read in the same look and not counted.
    Raises ``TooManyAttempts`` or ``TooManyRequests`` with the wait until all have room. Call it outside any
    transaction: a rollback would give the hits back.
    """
    windows, looked_at = _sorted(hits), _sorted(watched)
    if not windows and not looked_at:
        return frozenset()
    spent, full = _take(windows, looked_at, at)
    if spent:
        raise _refusal(*max(spent, key=lambda each: each[1]))
    return full


def count(hit: Hit, *, at: datetime) -> bool:
    """Count a hit that is refused nobody; True for the one that fills a window. Call it outside any transaction."""
    windows = _sorted([hit])
    if not windows:
        return False
    counts = _in_storage(
        lambda redis: {window.key: redis.incr(window) for window in windows},
        lambda: _count_in_table(windows, at),
    )
    return any(counts[window.key] == window.limit for window in windows)


def _sorted(hits: Iterable[Hit]) -> list[Window]:
    """Return one window once, sorted by key; of two of one length the stricter counts."""
    return sorted({window.key: window for window in sorted(_windows(hits), reverse=True)}.values())


def _refusal(name: str, wait: timedelta) -> RetryLater:
    seconds = -(-wait // timedelta(seconds=1))
    return TooManyAttempts(seconds, name) if name in ATTEMPTS else TooManyRequests(seconds, name)


def parse(notation: str) -> list[tuple[int, timedelta]]:
    """Read ``"20/hour"`` or ``"20/hour;100/day"`` into amounts and window lengths. Raises ``ValueError``."""
    return list(_parse(notation))


@lru_cache(maxsize=64)
def _parse(notation: str) -> tuple[tuple[int, timedelta], ...]:
    from limits import parse_many

    return tuple((item.amount, timedelta(seconds=item.get_expiry())) for item in parse_many(notation))


def _windows(hits: Iterable[Hit]) -> Iterable[Window]:
    notations = conf.current().LIMITS
    for hit in hits:
        notation = notations.get(hit.name)
        for limit, length in parse(notation) if notation else ():
            seconds = int(length.total_seconds())
            value = keys.digest("limits", hit.name, hit.value)[:32]
            yield Window(f"{hit.name}:{seconds}:{value}", limit, length, hit.name)


Spent = list[tuple[str, timedelta]]
"""Names of limits without room, and how long each stays so."""


def _take(windows: list[Window], watched: list[Window], at: datetime) -> tuple[Spent, frozenset[str]]:
    return _in_storage(
        lambda redis: _take_in_redis(redis, windows, watched),
        lambda: _take_in_table(windows, watched, at),
    )


def _in_storage(in_redis: Callable[[_Redis], T], in_table: Callable[[], T]) -> T:
    url = conf.current().LIMITS_STORAGE
    if url != "database" and time.monotonic() >= _lost_until:
        try:
            return in_redis(_Redis(_storage(url)))
        except Exception as error:  # each client has errors of its own; whatever it is, the table counts
            _lose_redis(error)
    return in_table()


# The table


def _take_in_table(windows: list[Window], watched: list[Window], at: datetime) -> tuple[Spent, frozenset[str]]:
    ends = _full([*windows, *watched], at, counts_from=0)
    full = frozenset(window.name for window in watched if window.key in ends)
    spent = [(window.name, ends[window.key] - at) for window in windows if window.key in ends]
    if spent or not windows:
        return spent, full
    counts = _count_in_table(windows, at)
    over = [window for window in windows if counts[window.key] > window.limit]
    if not over:
        return [], full
    # The row may have begun its next window since, or be cleared: what was over stays over.
    ends = _full(over, at, counts_from=1)
    wait = timedelta(seconds=1)
    return [(window.name, ends[window.key] - at if window.key in ends else wait) for window in over], full


def _full(windows: list[Window], at: datetime, *, counts_from: int) -> dict[str, datetime]:
    """Return when those of the windows end that have no room. ``counts_from`` 1 leaves out our own hit."""
    by_key = {window.key: window for window in windows}
    rows = Counter.objects.using(router.db_for_write(Counter)).filter(key__in=by_key, expires_at__gt=at)
    return {row.key: row.expires_at for row in rows if row.count - counts_from >= by_key[row.key].limit}


def _count_in_table(windows: list[Window], at: datetime) -> dict[str, int]:
    using = router.db_for_write(Counter)
    with connections[using].cursor() as cursor:
        cursor.execute(*_upsert(using, windows, at))
        return dict(cursor.fetchall())


def _upsert(using: str, windows: list[Window], at: datetime) -> tuple[str, list[Any]]:
    """Write the one statement that counts all hits and tells the counts.

    MariaDB evaluates SET from left to right, so the count comes before the end of the window it reads.
    """
    connection = connections[using]
    quote = connection.ops.quote_name
    table, key, count, ends = (quote(name) for name in (Counter._meta.db_table, "key", "count", "expires_at"))
    is_mariadb = connection.vendor == "mysql"
    new_ends = f"VALUES({ends})" if is_mariadb else f"excluded.{ends}"
    conflict = "ON DUPLICATE KEY UPDATE" if is_mariadb else f"ON CONFLICT ({key}) DO UPDATE SET"
    rows = ", ".join(["(%s, 1, %s)"] * len(windows))
    sql = (
        f"INSERT INTO {table} ({key}, {count}, {ends}) VALUES {rows} {conflict} "  # noqa: S608 - quoted names, no input
        f"{count} = CASE WHEN {table}.{ends} > %s THEN {table}.{count} + 1 ELSE 1 END, "
        f"{ends} = CASE WHEN {table}.{ends} > %s THEN {table}.{ends} ELSE {new_ends} END "
        f"RETURNING {key}, {count}"
    )
    adapt = Counter._meta.get_field("expires_at").get_db_prep_value
    now = adapt(at, connection)
    values = [value for window in windows for value in (window.key, adapt(at + window.length, connection))]
    return sql, [*values, now, now]


# Redis


class _Redis:
    """The storage as one call has it: its answers together may take the time of one.

    The time is looked at after each answer, so the last one may pass it by its own time-out. What was counted before
    stays counted: to give it back would be to ask again.
    """

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.ends = time.monotonic() + REDIS_TIMEOUT

    def count(self, window: Window) -> int:
        return self._in_time(self.storage.get(window.key))

    def incr(self, window: Window) -> int:
        return self._in_time(self.storage.incr(window.key, int(window.length.total_seconds())))

    def left(self, window: Window) -> timedelta:
        """Return how long it lasts; Redis rounds to the nearest second, so half a second more is surely enough."""
        ends = self._in_time(self.storage.get_expiry(window.key))
        left = timedelta(seconds=ends - time.time() + 0.5)
        return min(max(left, timedelta(seconds=1)), window.length)

    def _in_time(self, answer: T) -> T:
        if time.monotonic() > self.ends:
            raise TimeoutError
        return answer


def _take_in_redis(redis: _Redis, windows: list[Window], watched: list[Window]) -> tuple[Spent, frozenset[str]]:
    full = frozenset(window.name for window in watched if redis.count(window) >= window.limit)
    spent = [(window.name, redis.left(window)) for window in windows if redis.count(window) >= window.limit]
    if spent:
        return spent, full
    for window in windows:
        if redis.incr(window) > window.limit:
            spent.append((window.name, redis.left(window)))
    return spent, full


_lost_until = 0.0


_making = Lock()


def _storage(url: str) -> Storage:
    """Return the one storage of this process.

    Under a lock, with the client imported first: the library takes a client that another thread is still importing
    for one without a version, and refuses it.
    """
    with _making:
        return _make_storage(url)


@lru_cache(maxsize=4)
def _make_storage(url: str) -> Storage:
    from limits.storage import storage_from_string

    if "redis" in url:
        import_module("redis")
    timeout = REDIS_TIMEOUT / 4  # a new connection alone is four answers, which nobody can look between
    options = {"socket_timeout": timeout, "socket_connect_timeout": timeout} if "redis" in url else {}
    return storage_from_string(url, wrap_exceptions=True, **options)  # type: ignore[return-value]


def _lose_redis(error: Exception) -> None:
    """Let the table count for a while; never let a call through uncounted."""
    global _lost_until
    _lost_until = time.monotonic() + REDIS_PAUSE
    logger.error("the storage of the limits does not answer, counting in the database: %s", type(error).__name__)
