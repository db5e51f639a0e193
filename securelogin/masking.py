"""A filter for logs that masks phone numbers in whatever anyone logs, Django's statements among it."""

from __future__ import annotations

import logging
import re

from . import phones

_NUMBER = re.compile(r"(?:\+|%(?:25)*2B)([1-9]\d{6,14})(?!\d)", re.ASCII | re.IGNORECASE)
"""E.164 with its plus sign, which may be percent-encoded, in the admin's links twice. Without one, digits are a number
of any kind."""

_EXTRAS = ("sql", "params")
"""What ``django.db.backends`` adds to a record for formatters that write more than the message."""


class PhoneFilter(logging.Filter):
    """Mask numbers in a record: its message, its traceback and the statement that Django's database log adds.

    Put it on a handler: a logger's own filters do not see what its children log. It lets every record through.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place and return True."""
        try:
            record.msg, record.args = mask_numbers(record.getMessage()), None
        except Exception:  # arguments that do not fit the message: the handler tells of them, and this must not raise
            return True
        for name in _EXTRAS:
            if hasattr(record, name):
                setattr(record, name, mask_numbers(str(getattr(record, name))))
        if record.exc_info and not record.exc_text:  # a database quotes the number that is there already
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = mask_numbers(record.exc_text)
        return True


def mask_numbers(text: str) -> str:
    """Return the text with every number in E.164 masked, as ``+1*****43``."""
    return _NUMBER.sub(lambda found: phones.mask(f"+{found[1]}"), text)
