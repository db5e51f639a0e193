"""A provider that the gate sends through, where a number says so."""

from __future__ import annotations

import time

from securelogin.sms import dummy

SECONDS = 0.05
"""A hundred times what the gate has to see, and short enough that no message waits for another one's."""


class SlowBackend(dummy.SMSBackend):
    """Take its time for a text that it then drops."""

    def send(self, *, to: str, body: str) -> None:
        """Wait."""
        time.sleep(SECONDS)
