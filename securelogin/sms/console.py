"""Print texts, for a developer to read the code from."""

from __future__ import annotations

import sys
from threading import Lock

from ..exceptions import SMSNotSent
from .base import BaseSMSBackend

_lock = Lock()


class SMSBackend(BaseSMSBackend):
    """Print number and text plainly to ``OPTIONS["stream"]``, by default to standard output. Never for production."""

    is_demo = True
    option_names = frozenset({"stream"})

    def send(self, *, to: str, body: str) -> None:
        """Print one block and flush it; raises ``SMSNotSent`` where the stream is closed or cannot spell the text."""
        block = f"{'-' * 20} SMS to {to}\n{body}\n{'-' * 20}\n"
        stream = self.options.get("stream") or sys.stdout
        try:
            with _lock:
                stream.write(block)
                stream.flush()
        except (OSError, ValueError) as error:
            # An encoding error quotes the text.
            raise SMSNotSent(f"the console took nothing ({type(error).__name__})", is_definite=True) from None
