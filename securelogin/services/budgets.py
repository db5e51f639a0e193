"""What a call spends before its story begins, and the record of every refusal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from .. import events, limits
from ..addresses import Client
from ..events import Event
from ..exceptions import RetryLater
from ..limits import Hit
from ..phones import E164
from .transactions import with_retries


def take(
    hits: Iterable[Hit],
    *,
    at: datetime,
    client: Client | None,
    phone: E164 | None = None,
    watched: Iterable[Hit] = (),
) -> frozenset[str]:
    """Count the hits and return the names of the ``watched`` limits that are full, which are read and not counted.

    Raises ``TooManyAttempts`` or ``TooManyRequests``, which is announced. Call it outside any transaction.
    """
    hits, watched = list(hits), list(watched)
    try:
        return with_retries(lambda: limits.take(hits, at=at, watched=watched))
    except RetryLater as refusal:
        announce(refusal, client=client, phone=phone)
        raise


def announce(refusal: RetryLater, *, client: Client | None, phone: E164 | None = None) -> None:
    """Announce that a call is refused with 429."""
    events.announce(Event.RATE_LIMIT, client=client, phone=phone, limit=refusal.limit, retry_after=refusal.retry_after)
