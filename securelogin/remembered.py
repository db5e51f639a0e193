"""Sessions that were live a moment ago, in Django's cache: ``ACCESS_CHECK = "cache"`` (decision 0014).

An entry says when the database was asked about a session of a user, and is believed for ``LIFETIME`` from then. What
ends a session leaves a mark, for ``MARK_LIFETIME``; with a mark there the database is asked, so a mark never shuts
anybody out, and an entry that is written late, by a call that asked before the end, is not believed. Names are all that
is kept, no token and no number.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.db import transaction

from . import conf

LIFETIME = 5
"""Seconds that an entry is believed: how long an ended session may go on where there is no mark of it."""

MARK_LIFETIME = 600
"""Seconds that a mark stays: longer than an entry, and than the slowest call that may still write one."""

PAUSE = 5.0
"""Seconds that a cache which fails is left alone; the database is asked."""

logger = logging.getLogger("securelogin.remembered")

T = TypeVar("T")


def is_live(session_id: Any, user_id: Any, *, using: str) -> bool:
    """Whether the cache says that the session is live in that database; False where it does not know."""
    entry = _entry(session_id, user_id, using)
    keys = [entry, _mark("session", session_id), _mark("user", user_id)]

    def is_said(cache: BaseCache) -> bool:
        found = cache.get_many(keys)
        return list(found) == [entry] and _is_recent(found[entry])

    return _ask(is_said, otherwise=False)


def remember(session_id: Any, user_id: Any, *, using: str, asked_at: float) -> None:
    """Keep what the database said, after the commit: what a transaction has seen may be its own and be undone.

    ``asked_at`` is the moment before it was asked, in seconds since 1970. It is what counts: a cache that stood still
    writes an entry when it goes on, long after its time.
    """
    entry, at = _entry(session_id, user_id, using), int(asked_at * 1000)
    if not _is_committed_by_hand(using):
        keep = partial(_ask, lambda cache: cache.set(entry, at, LIFETIME), otherwise=None)
        transaction.on_commit(keep, using=using)


def forget(*, sessions: Iterable[Any] = (), users: Iterable[Any] = ()) -> None:
    """Have the database asked about these from now on. Call it after the commit."""
    if conf.current().ACCESS_CHECK != "cache":
        return
    marks = [*(_mark("session", each) for each in sessions), *(_mark("user", each) for each in users)]
    if marks:
        _ask(lambda cache: cache.set_many(dict.fromkeys(marks, 1), MARK_LIFETIME), otherwise=None, is_urgent=True)


def on_user(instance: Any, using: str, created: bool = False, **_facts: Any) -> None:
    """Receive ``post_save`` and ``post_delete`` of the user model and of its proxies."""
    if not created and conf.current().ACCESS_CHECK == "cache":
        _after_commit(partial(forget, users=[instance._meta.pk.to_python(instance.pk)]), using)


def on_blacklisted(instance: Any, using: str, **_facts: Any) -> None:
    """Receive ``post_save`` of simplejwt's blacklisted tokens: theirs is the session that their ``jti`` names."""
    if conf.current().ACCESS_CHECK == "cache":
        _after_commit(partial(forget, sessions=[instance.token.jti]), using)


def _after_commit(tell: Callable[[], None], using: str) -> None:
    if _is_committed_by_hand(using):
        tell()  # when that commit comes nobody hears; a mark stays longer than it takes
    else:
        transaction.on_commit(tell, using=using)


def _is_committed_by_hand(using: str) -> bool:
    """Whether the project has switched autocommit off and commits by itself, where Django takes no handlers."""
    connection = transaction.get_connection(using)
    return not connection.in_atomic_block and not connection.get_autocommit()


def _is_recent(asked_at: Any) -> bool:
    return isinstance(asked_at, int) and abs(time.time() * 1000 - asked_at) <= LIFETIME * 1000


def _entry(session_id: Any, user_id: Any, using: str) -> str:
    return f"securelogin:live:{_plain(using)}:{session_id}:{_plain(user_id)}"


def _mark(kind: str, name: Any) -> str:
    return f"securelogin:ended:{kind}:{_plain(name)}"


def _plain(name: Any) -> str:
    """Return a key as every cache takes one, also that of a user model of the project's."""
    return hashlib.sha256(str(name).encode()).hexdigest()[:32]


_lost_until = 0.0


def _ask(question: Callable[[BaseCache], T], *, otherwise: T, is_urgent: bool = False) -> T:
    """Ask the cache, or say ``otherwise`` where it fails or just failed; what is urgent is tried all the same."""
    global _lost_until
    if time.monotonic() < _lost_until and not is_urgent:
        return otherwise
    try:
        return question(caches[conf.current().ACCESS_CACHE])
    except Exception as error:  # each client has errors of its own; whatever it is, the database knows
        _lost_until = time.monotonic() + PAUSE
        logger.error("the cache of live sessions does not answer: %s", type(error).__name__)
        return otherwise
