"""Fixtures for the verbs: no limits on addresses, a clock to turn, a list of what was announced."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import pre_save
from django.dispatch import Signal
from django.http import HttpRequest
from django.test import RequestFactory

from securelogin import signals
from securelogin.addresses import Client
from securelogin.conf import DEFAULT_LIMITS
from securelogin.events import SecurityEvent
from securelogin.services.notices import Notice

from .visitors import CLIENT, OTHER_PHONE, Visitor

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


@pytest.fixture
def request_of_eve() -> HttpRequest:
    """The call in which somebody guesses."""
    return RequestFactory().get("/", headers={"X-Request-ID": "request-7"})


@pytest.fixture
def eve(request_of_eve: HttpRequest) -> Visitor:
    """Somebody whose calls are known."""
    return Visitor(client=replace(CLIENT, request=request_of_eve))


@pytest.fixture
def trail() -> Iterator[list[SecurityEvent]]:
    """The records of the audit trail."""
    heard: list[SecurityEvent] = []

    def hear(event: SecurityEvent, **_arguments: Any) -> None:
        heard.append(event)

    signals.security_event.connect(hear)
    yield heard
    signals.security_event.disconnect(hear)


@pytest.fixture
def told() -> Iterator[list[tuple[Any, Notice, Client | None]]]:
    """Which owner was told of what, and by whose doing."""
    heard: list[tuple[Any, Notice, Client | None]] = []

    def hear(user: Any, notice: Notice, client: Client | None, **_arguments: Any) -> None:
        heard.append((user, notice, client))

    signals.owner_notice.connect(hear)
    yield heard
    signals.owner_notice.disconnect(hear)


@pytest.fixture
def new_accounts_wait() -> Iterator[None]:
    """A host whose new accounts are not active."""

    def wait(instance: Any, **_arguments: Any) -> None:
        instance.is_active = not instance._state.adding

    pre_save.connect(wait, sender=get_user_model())
    yield
    pre_save.disconnect(wait, sender=get_user_model())


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
