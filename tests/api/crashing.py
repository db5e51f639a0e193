"""An SMS backend with a bug."""

from __future__ import annotations

from securelogin.sms.base import BaseSMSBackend


class SMSBackend(BaseSMSBackend):
    """Raises what no backend may raise."""

    def send(self, *, to: str, body: str) -> None:
        """Raise an error that nobody foresaw."""
        raise RuntimeError("a secret of the provider")
