"""How a text is sent, and whether it is sent at all, is not in the answer (C3)."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from securelogin.services import sending
from securelogin.sms.locmem import SMSBackend as LocmemBackend
from securelogin.sms.locmem import outbox
from tests.services.backends import MODES as FAILURES
from tests.services.backends import sms

from .alike import MODES, SECOND, TODAY, Face, Stranger, change, strangers

pytestmark = pytest.mark.django_db(transaction=True)

released = Event()
PATIENCE = 60.0
"""Seconds after which a provider that nobody lets go gives up, so that no test hangs."""


class HeldBackend(LocmemBackend):
    """A provider that answers no sooner than it is let go."""

    def send(self, *, to: str, body: str) -> None:
        """Wait, then keep the text."""
        released.wait(PATIENCE)
        super().send(to=to, body=body)


@pytest.fixture
def held(settings: Any) -> Iterator[None]:
    """Send through a provider that hangs until ``released`` is set."""
    released.clear()
    change(settings, SEND="thread", SMS={"default": {"BACKEND": f"{__name__}.HeldBackend"}})
    yield
    released.set()
    assert sending.drain()


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("mode", MODES)
def test_answer_does_not_wait_for_the_provider(mode: str, settings: Any, time_machine: Any) -> None:
    """With ``SEND="thread"`` every number is answered while the provider still hangs, and served when it answers."""
    time_machine.move_to(TODAY, tick=False)
    change(settings, SIGNUP=mode)
    for kind, stranger in strangers().items():
        assert stranger.ask().told == "200", kind
    texts = len(outbox)
    released.set()
    assert sending.drain()
    assert texts == 0
    assert outbox


def insist(stranger: Stranger, clock: Any) -> list[Face]:
    """Ask, ask again at once when the provider has answered, and once more after the pause."""
    clock.move_to(TODAY, tick=False)
    for pause in (0 * SECOND, 0 * SECOND, 30 * SECOND):
        clock.shift(pause)
        stranger.ask()
        assert sending.drain()
    return stranger.faces


FAILING = {**{name: sms("FailingBackend", mode=name) for name in FAILURES}, "a bug": sms("BrokenBackend")}


@pytest.mark.parametrize("mode", ["login", "closed"])
@pytest.mark.parametrize("failure", FAILING)
def test_failure_of_the_provider_is_not_told(failure: str, mode: str, settings: Any, time_machine: Any) -> None:
    """With ``SEND="thread"`` numbers whose text failed, and numbers that were sent none, are answered alike, always."""
    time_machine.move_to(TODAY, tick=False)
    change(settings, SIGNUP=mode, SEND="thread")
    everyone = strangers()
    change(settings, SMS=FAILING[failure])
    faces = {kind: insist(stranger, time_machine) for kind, stranger in everyone.items()}
    assert [face.told for face in faces["unknown"]] == ["200", "429 ResendTooSoon", "200"]
    for kind, seen in faces.items():
        assert seen == faces["unknown"], kind


def test_inline_sending_tells_in_an_outage_who_is_sent_codes(settings: Any, time_machine: Any) -> None:
    """What ``SEND="inline"`` cannot hide: an answer that waits for the provider also says that it failed."""
    time_machine.move_to(TODAY, tick=False)
    change(settings, SIGNUP="closed", SEND="inline", SMS=FAILING["time-out"])
    told = {kind: stranger.ask().told for kind, stranger in strangers().items()}
    assert told["known"] == "503 SMSSendFailure"
    assert told["unknown"] == told["inactive"] == "200"
