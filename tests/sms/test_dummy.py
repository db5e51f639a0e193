"""Tests of securelogin.sms.dummy."""

from __future__ import annotations

import pytest

from securelogin.sms.dummy import SMSBackend


def test_nothing_happens(capsys: pytest.CaptureFixture[str], all_logs: pytest.LogCaptureFixture) -> None:
    """A text is taken and leaves no trace."""
    SMSBackend().send(to="+15005550010", body="482913")
    assert capsys.readouterr() == ("", "")
    assert all_logs.records == []
