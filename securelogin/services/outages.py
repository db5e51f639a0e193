"""Leaving a provider alone while it is down, so that no call waits for what the last ones waited for in vain.

Each process learns it for itself: what it knows is a guess about the next seconds, no count that guards anything.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from ..exceptions import SMSNotSent

FAILURES = 5
"""Slow failures in a row, none of them a number's fault, after which a provider rests."""

SLOW = 1.0
"""Seconds from which a failure is slow. A refusal is quick, and holds nobody up."""

REST = 30.0
"""Seconds of rest; then the next message tries it, and one more failure is another rest."""


@dataclass
class _State:
    failures: int = 0
    rests_until: float = 0.0


_states: dict[str, _State] = {}
_lock = Lock()


@contextmanager
def watch(alias: str) -> Iterator[None]:
    """Speak to the provider of an alias within this; raises ``SMSNotSent`` at once where the provider rests."""
    _check(alias)
    began = time.monotonic()
    try:
        yield
    except SMSNotSent as error:
        # Whoever finds a number that a provider refuses must not be able to silence it for everyone.
        if not error.is_numbers_fault and time.monotonic() - began >= SLOW:
            _count(alias)
        raise
    with _lock:
        _states.pop(alias, None)


def _check(alias: str) -> None:
    with _lock:
        state = _states.get(alias)
        if state is not None and time.monotonic() < state.rests_until:
            raise SMSNotSent("the provider failed too often and is left alone for a while", is_definite=True)


def _count(alias: str) -> None:
    with _lock:
        state = _states.setdefault(alias, _State())
        state.failures += 1
        if state.failures >= FAILURES:
            state.rests_until = time.monotonic() + REST


def forget() -> None:
    """Begin anew, for tests."""
    with _lock:
        _states.clear()
