"""Eyes beside a burst: threads that look into the tables, or write into them, while the calls are under way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from uuid import UUID

from django.db import connection

from securelogin.models import Session

PAUSE = 0.005


class Watch:
    """Looks again and again, until it is over, whether one of the sessions has not ended.

    ``seen_at`` is when the last look that found one began, on the monotonic clock; 0 where none did.
    """

    def __init__(self, session_ids: set[UUID]) -> None:
        self.seen_at = 0.0
        self.is_over = Event()
        self._open = Session.objects.filter(pk__in=session_ids, ended_at=None)

    def look(self) -> None:
        """Look until none is left or it is over."""
        while not self.is_over.wait(PAUSE):
            at = time.monotonic()
            if not self._open.exists():
                break
            self.seen_at = at


@contextmanager
def watching(session_ids: set[UUID]) -> Iterator[Watch]:
    """Watch sessions while the block runs."""
    watch = Watch(session_ids)
    with beside(watch.look):
        try:
            yield watch
        finally:
            watch.is_over.set()


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    """Run some work in a thread while the block runs; its connection is closed."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join()
