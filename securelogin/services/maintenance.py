"""Clearing what is over, in batches that hold no lock for long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import models
from django.utils import timezone

from ..models import Counter
from ..models.sessions import dead_tokens
from .tables import code_rows, database
from .transactions import in_transaction


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
    codes = code_rows()
    kinds: list[models.QuerySet[Any]] = [
        codes.clearable(now),
        Counter.objects.using(database()).filter(expires_at__lt=now),
        dead_tokens(now).using(database()),
    ]
    if is_dry_run:
        dead_codes, counters, sessions = (rows.count() for rows in kinds)
        return Cleared(dead_codes, codes.scrubbable(now).count(), counters, sessions)
    dead_codes, counters, sessions = (_delete(rows, batch, progress) for rows in kinds)
    scrubbed = _scrub(now, batch, progress)
    return Cleared(dead_codes, scrubbed, counters, sessions)


def _scrub(at: datetime, batch: int, progress: Callable[[int], None] | None) -> int:
    total = 0
    while keys := list(code_rows().scrubbable(at).order_by("pk").values_list("pk", flat=True)[:batch]):
        in_transaction(partial(code_rows().filter(pk__in=keys).scrub, at))
        total += len(keys)
        if progress is not None:
            progress(len(keys))
    return total


def _delete(rows: models.QuerySet[Any], batch: int, progress: Callable[[int], None] | None) -> int:
    total = 0
    while ids := list(rows.order_by("pk").values_list("pk", flat=True)[:batch]):
        in_transaction(partial(_delete_batch, rows, ids))
        total += len(ids)
        if progress is not None:
            progress(len(ids))
    return total


def _delete_batch(rows: models.QuerySet[Any], ids: list[Any]) -> None:
    rows.filter(pk__in=ids).delete()
