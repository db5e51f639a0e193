"""Tests of securelogin.sms.base."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from securelogin.exceptions import SMSNotSent
from securelogin.sms.base import BaseCodeBackend, BaseSMSBackend, OptionProblem, check_timeout, wait_at_most
from securelogin.sms.dummy import SMSBackend


class CodeBackend(BaseCodeBackend):
    """A backend that owns its codes."""

    def start(self, *, to: str) -> str:
        return "id"

    def check(self, *, to: str, provider_id: str, code: str) -> bool:
        return False


def test_a_backend_must_say_how_it_sends() -> None:
    """A backend without send, start and check cannot be made."""
    with pytest.raises(TypeError):
        BaseSMSBackend()  # type: ignore[abstract]
    with pytest.raises(TypeError):
        BaseCodeBackend()  # type: ignore[abstract]


def test_a_backend_that_owns_the_code_sends_no_text() -> None:
    """Our text with our code never goes to a provider that compares its own."""
    assert CodeBackend.owns_code
    assert not BaseSMSBackend.owns_code
    with pytest.raises(SMSNotSent) as caught:
        CodeBackend().send(to="+15005550010", body="482913")
    assert caught.value.is_definite


def test_an_unknown_option_is_named() -> None:
    """A misspelled option is a problem with a hint, not silence."""
    assert SMSBackend.check_options({"pth": "x"}) == [OptionProblem("OPTIONS has no key 'pth'.", "Known are: none.")]
    assert SMSBackend.check_options({}) == []


@pytest.mark.parametrize("timeout", [0, -1, 61, "5", None, True, float("nan"), float("inf")])
def test_a_timeout_is_a_number_of_seconds(timeout: object) -> None:
    """A call to a provider always has an end."""
    assert [problem.message for problem in check_timeout({"timeout": timeout})] == [
        "OPTIONS['timeout'] is no time-out."
    ]


def test_a_timeout_may_be_left_out() -> None:
    """Without the option the default counts."""
    assert check_timeout({}) == check_timeout({"timeout": 0.5}) == check_timeout({"timeout": 5}) == []


def test_waiting_hands_on_what_the_call_returns_and_raises() -> None:
    """A call in time is as if it had been made here."""
    assert wait_at_most(5, lambda: 7) == 7
    with pytest.raises(ValueError, match="seven"):
        wait_at_most(5, lambda: int("seven"))


def test_waiting_ends_although_the_call_does_not() -> None:
    """A late call costs the visitor the time-out and no more, and leaves open whether something was sent."""
    release = threading.Event()
    began = time.monotonic()
    with pytest.raises(SMSNotSent) as caught:
        wait_at_most(0.1, release.wait)
    assert time.monotonic() - began < 2
    assert not caught.value.is_definite
    assert caught.value.reason == "no answer within 0.1 s"
    release.set()


def test_every_file_holds_a_class_of_the_same_name() -> None:
    """Whoever knows one dotted path knows all."""
    import securelogin.sms

    folder = Path(securelogin.sms.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "base"}
    assert modules == {"console", "filebased", "locmem", "dummy", "twilio", "twilio_verify"}
    for name in modules:
        module = __import__(f"securelogin.sms.{name}", fromlist=["SMSBackend"])
        assert issubclass(module.SMSBackend, BaseSMSBackend)
