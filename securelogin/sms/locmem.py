"""Keep texts in memory, for tests."""

from __future__ import annotations

from dataclasses import dataclass, field

from .base import BaseSMSBackend


@dataclass(frozen=True)
class SentSMS:
    """A text as it was handed over. Number and text stay out of its repr, which ends in reports."""

    alias: str
    to: str = field(repr=False)
    body: str = field(repr=False)


outbox: list[SentSMS] = []
"""Everything sent by this process, the last one last; a test clears it."""


class SMSBackend(BaseSMSBackend):
    """Append texts to ``securelogin.sms.locmem.outbox``."""

    is_demo = True

    def send(self, *, to: str, body: str) -> None:
        """Keep the text."""
        outbox.append(SentSMS(alias=self.alias, to=to, body=body))
