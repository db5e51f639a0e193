"""Send nothing."""

from __future__ import annotations

from .base import BaseSMSBackend


class SMSBackend(BaseSMSBackend):
    """Take every text and drop it."""

    is_demo = True

    def send(self, *, to: str, body: str) -> None:
        """Do nothing."""
