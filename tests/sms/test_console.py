"""Tests of securelogin.sms.console."""

from __future__ import annotations

import io
import threading

import pytest

from securelogin.exceptions import SMSNotSent
from securelogin.sms.console import SMSBackend

PHONE = "+15005550010"


def test_number_and_text_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """A developer reads the code in the terminal, on standard output."""
    SMSBackend().send(to=PHONE, body="482913 is your login code.")
    printed = capsys.readouterr()
    assert PHONE in printed.out
    assert "482913 is your login code." in printed.out
    assert printed.err == ""


def test_nothing_is_logged(capsys: pytest.CaptureFixture[str], all_logs: pytest.LogCaptureFixture) -> None:
    """What is shown to a developer is not kept by a log."""
    SMSBackend().send(to=PHONE, body="482913")
    assert all_logs.records == []
    assert "482913" in capsys.readouterr().out


def test_texts_of_threads_do_not_mix() -> None:
    """Each text stands in one block however many threads print."""
    stream = io.StringIO()
    backend = SMSBackend(stream=stream)
    threads = [threading.Thread(target=backend.send, kwargs={"to": PHONE, "body": str(n) * 50}) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = stream.getvalue().splitlines()
    assert sorted(lines[1::3]) == [str(n) * 50 for n in range(10)]


def test_a_closed_stream_is_a_failure_to_send() -> None:
    """A console that is gone is SMSNotSent, as every backend's failure is."""
    stream = io.StringIO()
    stream.close()
    with pytest.raises(SMSNotSent) as caught:
        SMSBackend(stream=stream).send(to=PHONE, body="482913")
    assert caught.value.is_definite


def test_a_stream_that_cannot_spell_the_text_does_not_quote_it() -> None:
    """The error of an encoding holds the text, so it is neither in the reason nor in the chain."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with pytest.raises(SMSNotSent) as caught:
        SMSBackend(stream=stream).send(to=PHONE, body="482913 ist Ihr Anmeldecode für heute.")
    assert "482913" not in caught.value.reason
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_it_is_known_as_a_demo() -> None:
    """Codes on a console must not go unnoticed in production."""
    assert SMSBackend.is_demo
