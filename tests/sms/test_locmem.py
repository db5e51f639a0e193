"""Tests of securelogin.sms.locmem."""

from __future__ import annotations

from securelogin.sms.locmem import SentSMS, SMSBackend


def test_texts_are_kept_in_order(outbox: list[SentSMS]) -> None:
    """A test finds what was sent, to whom and through which alias, the last one last."""
    SMSBackend().send(to="+15005550010", body="first")
    SMSBackend("other").send(to="+15005550011", body="second")
    assert outbox == [SentSMS("default", "+15005550010", "first"), SentSMS("other", "+15005550011", "second")]


def test_a_repr_shows_neither_number_nor_text(outbox: list[SentSMS]) -> None:
    """An outbox that is printed with a failed test tells nothing."""
    SMSBackend().send(to="+15005550010", body="482913")
    assert "5005550010" not in repr(outbox)
    assert "482913" not in repr(outbox)
