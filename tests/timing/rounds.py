"""One run: every pair a little at a time, so that all of them, and the controls, meet the same machine."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from securelogin import conf

from . import numbers
from .clients import Client, warm_up, without_collector
from .pairs import Arm, Pair

POOL = 20
"""Numbers of an arm, so that no row is special."""

ROUNDS = 10
_indices = count()


@dataclass
class Sample:
    """A pair with the prepared requests of both arms, and the milliseconds that they took."""

    pair: Pair
    requests: tuple[list[bytes], list[bytes]]
    expected: int
    times: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))

    def take(self, client: Client, calls: int) -> None:
        """Measure so many calls of each arm in random order. Raises ``RuntimeError`` for another status."""
        order = [0, 1] * calls
        random.shuffle(order)
        for arm in order:
            status, took = client.take(random.choice(self.requests[arm]))  # noqa: S311 - an order, not a secret
            if status != self.expected:
                raise RuntimeError(f"{self.pair.name}: {status}, not {self.expected}")
            self.times[arm].append(took)


def prepare(pair: Pair, client: Client) -> Sample:
    """Make the numbers of both arms, ask for a code for each, and encode the requests."""
    pool = [numbers.number(next(_indices), is_slow=arm.is_slow) for arm in pair.arms for _ in range(POOL)]
    if not any(arm.is_slow for arm in pair.arms):
        random.shuffle(pool)
    requests = (_requests(pair.arms[0], pool[:POOL], client), _requests(pair.arms[1], pool[POOL:], client))
    return Sample(pair, requests, _expected(pair.arms[0].route))


def _expected(route: str) -> int:
    """Return the status that every measured call to a route has to have."""
    is_closed = conf.current().SIGNUP == "closed"
    return {"login": 200, "register": 403 if is_closed else 200, "verify_sms": 400}[route]


def _requests(arm: Arm, phones: Sequence[str], client: Client) -> list[bytes]:
    arm.prepare(phones)
    warm_up(client, [Arm("login").call(phone).encoded() for phone in phones])
    if arm.is_locked:
        for phone in phones:
            numbers.disable(phone)
    return [arm.call(phone).encoded() for phone in phones]


def measure(samples: Sequence[Sample], client: Client, calls: int) -> None:
    """Measure all samples, round by round; the last round takes what is left."""
    with without_collector():
        for index in range(ROUNDS):
            for sample in samples:
                sample.take(client, calls * (index + 1) // ROUNDS - calls * index // ROUNDS)
