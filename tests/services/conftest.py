"""Fixtures for the verbs: no limits on addresses, a clock to turn, a list of what was announced."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
import time_machine
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import Signal

from securelogin import signals
from securelogin.conf import DEFAULT_LIMITS

from .visitors import OTHER_PHONE, Visitor

Configure = Callable[..., None]

BROAD = {"security_event", "owner_notice"}
"""Signals that tell again what others tell: ``test_events.py`` and ``test_notices.py`` hear them."""
SIGNALS = {
    **{name: value for name, value in vars(signals).items() if isinstance(value, Signal) and name not in BROAD},
    "user_logged_in": user_logged_in,
    "user_logged_out": user_logged_out,
    "user_login_failed": user_login_failed,
}


@pytest.fixture
def configure(settings: Any) -> Configure:
    """Change keys of ``SECURELOGIN`` for one test."""

    def change(**keys: Any) -> None:
        settings.SECURELOGIN = {**settings.SECURELOGIN, **keys}

    return change


@pytest.fixture(autouse=True)
def _no_limits(configure: Configure) -> None:
    """Leave the limits on addresses, ranges and the site to their own tests."""
    configure(LIMITS=dict.fromkeys(DEFAULT_LIMITS))


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands until the test shifts it."""
    with time_machine.travel(datetime(2031, 5, 6, 7, 8, 9, tzinfo=timezone.utc), tick=False) as traveller:
        yield traveller


@pytest.fixture
def ada() -> Visitor:
    """Somebody with a phone."""
    return Visitor()


@pytest.fixture
def bob() -> Visitor:
    """Somebody with another phone."""
    return Visitor(OTHER_PHONE)


class Announcements(list[tuple[str, dict[str, Any]]]):
    """What was announced, in order: the signal's name and what came with it."""

    def names(self) -> list[str]:
        """Return the signals' names."""
        return [name for name, _arguments in self]

    def named(self, name: str) -> list[dict[str, Any]]:
        """Return what came with each announcement of one name."""
        return [arguments for each, arguments in self if each == name]


@pytest.fixture
def announced() -> Iterator[Announcements]:
    """Listen to every signal of ours but the broad ones, and to Django's three about logins."""
    heard = Announcements()
    ears: list[tuple[Signal, Callable[..., None]]] = []
    for name, signal in SIGNALS.items():

        def ear(*, _name: str = name, **arguments: Any) -> None:
            heard.append((_name, arguments))

        signal.connect(ear)
        ears.append((signal, ear))
    yield heard
    for signal, ear in ears:
        signal.disconnect(ear)
