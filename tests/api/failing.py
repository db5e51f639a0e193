"""SMS backends that fail in each way a provider can."""

from __future__ import annotations

from securelogin.exceptions import SMSNotSent
from securelogin.sms.base import BaseSMSBackend


class SMSBackend(BaseSMSBackend):
    """Refuses every text, as ``OPTIONS`` says."""

    option_names = frozenset({"is_definite", "is_numbers_fault"})

    def send(self, *, to: str, body: str) -> None:
        """Raise ``SMSNotSent``."""
        raise SMSNotSent("the provider said no", **self.options)
