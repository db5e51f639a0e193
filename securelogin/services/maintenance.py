"""Clearing what is over, in batches that hold no lock for long."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import IntegrityError, models
from django.utils import timezone

from .. import conf
from ..models import Counter
from ..models.sessions import dead_tokens
from .tables import code_rows, database, sessions
from .transactions import in_transaction

WEEK = timedelta(days=7)

PAUSE = 0.1
"""Seconds after a full batch. Who waits for SQLite's one lock looks ten times a second, and would find it taken."""


@dataclass(frozen=True)
class Cleared:
    """How many rows went, or would go, of each kind."""

    codes: int
    scrubbed: int
    counters: int
    sessions: int


def clear(*, batch: int = 1000, is_dry_run: bool = False, progress: Callable[[int], None] | None = None) -> Cleared:
    """Delete dead codes, counters and sessions; take what must not stay out of rows that do.

    Sessions go through their outstanding tokens, so all three rows of one go together. ``progress`` is called with
    the number of rows of each batch. Safe to interrupt and to run twice at once.
    """
    now = timezone.now()
    dead_codes = code_rows().clearable(now)
    dead_counters = Counter.objects.using(database()).filter(expires_at__lt=now)
    dead_sessions = dead_tokens(now, idle=conf.current().REFRESH_TOKEN_LIFETIME).using(database())
    if is_dry_run:
        scrubbable = code_rows().scrubbable(now)
        return Cleared(dead_codes.count(), scrubbable.count(), dead_counters.count(), dead_sessions.count())
    report = progress or (lambda _number: None)
    return Cleared(
        codes=_in_batches(dead_codes, partial(_delete, dead_codes), batch, report),
        counters=_in_batches(dead_counters, partial(_delete, dead_counters), batch, report),
        sessions=_in_batches(dead_sessions, partial(_delete_tokens, dead_sessions), batch, report),
        scrubbed=_in_batches(code_rows().scrubbable(now), partial(_scrub, now), batch, report),
    )


def is_overdue() -> bool:
    """Whether rows stand that ``clear`` would have deleted a week ago, had it run. Two reads, by index."""
    week_ago = timezone.now() - WEEK
    dead_counters = Counter.objects.using(database()).filter(expires_at__lt=week_ago)
    return code_rows().clearable(week_ago).exists() or dead_counters.exists()


Keys = list[Any]


def _in_batches(
    rows: models.QuerySet[Any], work: Callable[[Keys], None], batch: int, report: Callable[[int], None]
) -> int:
    """Go through the keys once: from the beginning, each batch would walk over every row that stays once more."""
    total, page = 0, rows.order_by("pk")
    while keys := list(page.values_list("pk", flat=True)[:batch]):
        page = rows.filter(pk__gt=keys[-1]).order_by("pk")
        story = partial(in_transaction, partial(work, keys))
        try:
            story()
        except IntegrityError:  # simplejwt blacklisted a token meanwhile, which PostgreSQL tells at the commit only
            story()
        total += len(keys)
        report(len(keys))
        if len(keys) == batch:
            time.sleep(PAUSE)
    return total


def _delete(rows: models.QuerySet[Any], keys: Keys) -> None:
    rows.filter(pk__in=keys).delete()  # still dead: a row may have come back to life since the look


def _scrub(at: datetime, keys: Keys) -> None:
    code_rows().filter(pk__in=keys).scrub(at)


def _delete_tokens(rows: models.QuerySet[Any], keys: Keys) -> None:
    """Delete outstanding tokens with all that hangs on them.

    Django deletes a session's rows from the end, so the sessions are locked first, as everyone else does.
    """
    list(sessions().filter(token_id__in=keys).select_for_update().order_by("pk").values_list("pk"))
    _delete(rows, keys)
