"""Group B: how often a text is sent, to a number, from an address, along a range and by the site, to the second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import pytest

from securelogin.models import OneTimeCode
from securelogin.sms.locmem import outbox
from tests.api.refusals import INVALID, TOO_MANY_CODES, TOO_MANY_REQUESTS, TOO_SOON, Refusal, refusal_of
from tests.factories import UserFactory
from tests.visits import PHONE

from .calls import NO_LIMITS, ask, configure, number

pytestmark = pytest.mark.django_db

NOON = datetime(2031, 5, 6, 12, tzinfo=timezone.utc)
HOUR, DAY = 3600, 86_400

Asking = tuple[str, str]
"""A number, and the address that asks."""


def neighbour(index: int) -> str:
    """Return one of a hundred numbers of one range."""
    return f"+120255501{index:02}"


def address(index: int) -> str:
    """Return one of 250 addresses."""
    return f"198.51.100.{index + 1}"


@dataclass(frozen=True)
class Edge:
    """A budget: how many asks it lets through, for how many seconds the next one waits, and who asks."""

    allowed: int
    wait: int
    refusal: Refusal
    asking: Callable[[int], Asking]
    keys: dict[str, Any] = field(default_factory=dict)


def _number(index: int) -> Asking:
    return PHONE, address(index)


ONE_NUMBER: dict[str, Any] = {"LIMITS": NO_LIMITS, "RESEND_PAUSES": ()}
EDGES = {
    "pause of a number": Edge(1, 30, TOO_SOON, _number),
    "hour of a number": Edge(5, HOUR, TOO_MANY_CODES, _number, ONE_NUMBER),
    "day of a number": Edge(10, DAY, TOO_MANY_CODES, _number, {**ONE_NUMBER, "SENDS_PER_HOUR": 100}),
    "hour of an address": Edge(20, HOUR, TOO_MANY_REQUESTS, lambda index: (number(index), address(0))),
    "hour of a /64": Edge(20, HOUR, TOO_MANY_REQUESTS, lambda index: (number(index), f"2001:db8::{index:x}")),
    "hour of a range": Edge(10, HOUR, TOO_MANY_REQUESTS, lambda index: (neighbour(index), address(index))),
    "hour of the site": Edge(
        15,
        HOUR,
        TOO_MANY_REQUESTS,
        lambda index: (number(index), address(index)),
        {"LIMITS": {"login_site": "15/hour"}},
    ),
}


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize("edge", list(EDGES.values()), ids=list(EDGES))
def test_budget_is_exact_and_ends_when_it_says(settings: Any, time_machine: Any, edge: Edge, is_known: bool) -> None:
    """So many texts and no more; ``Retry-After`` seconds later one more, a second earlier none (B8, B14)."""
    configure(settings, **edge.keys)
    time_machine.move_to(NOON, tick=False)
    asks = [edge.asking(index) for index in range(edge.allowed + 1)]
    if is_known:
        for phone in {phone for phone, _address in asks}:
            UserFactory(phone=phone)
    last, source = asks.pop()
    assert [ask(phone, address=each).status_code for phone, each in asks] == [200] * edge.allowed
    for shift, left in ((0, edge.wait), (edge.wait - 1, 1)):
        time_machine.shift(shift)
        refused = ask(last, address=source)
        assert refusal_of(refused) == edge.refusal
        assert refused.json()["retry_after"] == left
        assert len(outbox) == edge.allowed
    time_machine.shift(1)
    assert ask(last, address=source).status_code == 200
    assert len(outbox) == edge.allowed + 1


def test_pauses_of_an_hour_grow(time_machine: Any) -> None:
    """30, 60, 90 and 120 seconds after the codes of an hour, each to the second (B8)."""
    time_machine.move_to(NOON, tick=False)
    for sent, pause in enumerate((30, 60, 90, 120), start=1):
        assert ask().json()["resend_after"] == pause
        time_machine.shift(pause - 1)
        assert refusal_of(ask()) == TOO_SOON
        assert len(outbox) == sent
        time_machine.shift(1)
    assert ask().status_code == 200


@pytest.mark.parametrize("source", [lambda _index: address(0), address], ids=["one address", "fifty addresses"])
def test_run_along_a_range_stops_after_ten(time_machine: Any, source: Callable[[int], str]) -> None:
    """Of fifty neighbours ten are sent a text in the hour, and ten in the next (B11)."""
    time_machine.move_to(NOON, tick=False)
    for hour in (1, 2):
        statuses = [ask(neighbour(index), address=source(index)).status_code for index in range(50)]
        assert statuses == [200] * 10 + [429] * 40
        assert len(outbox) == 10 * hour
        time_machine.shift(HOUR)


@pytest.mark.parametrize("region", [None, "US", "DE", "GB", "IN"])
@pytest.mark.parametrize("short", ["110", "112", "911", "999", "933", "72345", "116117", "+49110", "+1911"])
def test_emergency_and_short_numbers_are_sent_nothing(settings: Any, region: str | None, short: str) -> None:
    """They are no numbers here, with any region, so nobody is called and nothing is paid (B10)."""
    configure(settings, DEFAULT_REGION=region)
    assert refusal_of(ask(short)) == INVALID
    assert not outbox
    assert not OneTimeCode.objects.exists()
