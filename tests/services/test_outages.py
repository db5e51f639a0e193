"""A provider that is down is left alone (J3)."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from securelogin import services
from securelogin.exceptions import SMSNotSent
from securelogin.services import outages
from tests.races.supplies import fictional_numbers

from .backends import HERE, sms
from .conftest import Configure
from .visitors import CLIENT

pytestmark = pytest.mark.django_db

NUMBERS = fictional_numbers()


@pytest.fixture(autouse=True)
def _slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take any failure for a slow one."""
    monkeypatch.setattr(outages, "SLOW", 0.0)


def reason() -> str:
    """Ask for a code of a number that nobody used, and return why it was not sent, or ``""``."""
    try:
        services.request_code(next(NUMBERS), client=CLIENT)
    except SMSNotSent as error:
        return error.reason
    return ""


def test_provider_rests_after_failures_in_a_row(configure: Configure) -> None:
    """After five time-outs the sixth call is refused without asking it, and surely sent nothing."""
    configure(SMS=sms("FailingBackend", mode="time-out"))
    assert [reason() for _ in range(outages.FAILURES)] == ["time-out"] * outages.FAILURES
    with pytest.raises(SMSNotSent, match="left alone") as caught:
        services.request_code(next(NUMBERS), client=CLIENT)
    assert caught.value.is_definite
    assert not caught.value.is_numbers_fault


def test_after_its_rest_one_message_tries_it(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next failure is another rest, the next success an end of it."""
    configure(SMS=sms("FailingBackend", mode="time-out"))
    for _ in range(outages.FAILURES):
        reason()
    skip(monkeypatch, outages.REST)
    assert reason() == "time-out"
    assert "left alone" in reason()
    skip(monkeypatch, 2 * outages.REST)
    configure(SMS={"default": {"BACKEND": "securelogin.sms.locmem.SMSBackend"}})
    assert reason() == ""
    configure(SMS=sms("FailingBackend", mode="time-out"))
    assert [reason() for _ in range(outages.FAILURES)] == ["time-out"] * outages.FAILURES


def skip(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let the monotonic clock be that far ahead."""
    ahead = time.monotonic() + seconds
    monkeypatch.setattr("securelogin.services.outages.time", SimpleNamespace(monotonic=lambda: ahead))


@pytest.mark.parametrize("mode", ["no such number", "blocked number"])
def test_numbers_that_cannot_be_reached_say_nothing_of_the_provider(configure: Configure, mode: str) -> None:
    """However many of them come, the provider is asked."""
    configure(SMS=sms("FailingBackend", mode=mode))
    assert [reason() for _ in range(3 * outages.FAILURES)] == [""] * 3 * outages.FAILURES
    configure(SMS=sms("FailingBackend", mode="time-out"))
    assert reason() == "time-out"


@pytest.mark.parametrize("mode", ["refused", "time-out"])
def test_quick_failures_are_no_reason_to_rest(configure: Configure, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    """Nobody silences a provider for all with calls that it refuses at once."""
    monkeypatch.undo()
    configure(SMS=sms("FailingBackend", mode=mode))
    assert [reason() for _ in range(3 * outages.FAILURES)] == [mode] * 3 * outages.FAILURES


def test_success_begins_the_count_anew(configure: Configure) -> None:
    """Failures count in a row only."""
    for _ in range(3):
        configure(SMS=sms("FailingBackend", mode="time-out"))
        assert [reason() for _ in range(outages.FAILURES - 1)] == ["time-out"] * (outages.FAILURES - 1)
        configure(SMS={"default": {"BACKEND": "securelogin.sms.locmem.SMSBackend"}})
        assert reason() == ""


def test_providers_rest_apart(configure: Configure) -> None:
    """One alias that is down stops no other."""
    down, up = sms("FailingBackend", mode="time-out")["default"], {"BACKEND": "securelogin.sms.locmem.SMSBackend"}
    configure(SMS={"default": down, "verify": up})
    for _ in range(outages.FAILURES + 1):
        reason()
    configure(SMS={"default": down, "verify": up}, SMS_ROUTER=f"{HERE}.to_verify")
    assert reason() == ""


def test_owners_of_codes_rest_apart(configure: Configure) -> None:
    """One that is down stops no other."""
    down, up = sms("DeafBackend")["default"], sms("VerifyingBackend")["default"]
    configure(SMS={"default": down, "verify": up})
    for _ in range(outages.FAILURES + 1):
        reason()
    configure(SMS={"default": down, "verify": up}, SMS_ROUTER=f"{HERE}.to_verify")
    assert reason() == ""


def test_rest_is_half_a_minute_from_the_last_failure(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second before its end the provider is left alone, at its end it is asked."""
    now = [1000.0]
    monkeypatch.setattr(outages, "time", SimpleNamespace(monotonic=lambda: now[0]))
    configure(SMS=sms("FailingBackend", mode="time-out"))
    for _ in range(outages.FAILURES):
        reason()
    now[0] += 29
    assert "left alone" in reason()
    now[0] += 1
    assert reason() == "time-out"
    now[0] += 29
    assert "left alone" in reason()


def test_owner_of_the_code_rests_too(configure: Configure) -> None:
    """A provider that makes the codes is left alone like one that sends ours."""
    configure(SMS=sms("DeafBackend"))
    assert [reason() for _ in range(outages.FAILURES)] == ["time-out"] * outages.FAILURES
    assert "left alone" in reason()
