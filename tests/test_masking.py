"""The filter that masks numbers in logs."""

from __future__ import annotations

import logging
import sys
from typing import Any

import pytest

from securelogin.masking import PhoneFilter, mask_numbers


def record_of(message: str, *args: Any, **more: Any) -> logging.LogRecord:
    """Return a record as a logger makes it, after the filter saw it."""
    record = logging.LogRecord("django.db.backends", logging.DEBUG, "", 0, message, args, more.pop("exc_info", None))
    vars(record).update(more)
    assert PhoneFilter().filter(record) is True
    return record


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("+12025550123", "+1*****23"),
        ("phone = '+4915112345678' LIMIT 21", "phone = '+49*****78' LIMIT 21"),
        ("(+12025550123,+12025550124)", "(+1*****23,+1*****24)"),
        ("/admin/?q=%2B12025550123&p=1", "/admin/?q=+1*****23&p=1"),
        ("%2b12025550123", "+1*****23"),
        ("?_changelist_filters=q%3D%252B12025550123", "?_changelist_filters=q%3D+1*****23"),
        ("%25252b12025550123", "+1*****23"),
        ("+999123456789", "*****"),
        ("2026-01-31T18:00:00+01:00", "2026-01-31T18:00:00+01:00"),
        ("12025550123", "12025550123"),
        ("+1234567890123456", "+1234567890123456"),
        ("+1 of 2", "+1 of 2"),
        ("", ""),
    ],
)
def test_numbers_are_masked_in_place(text: str, masked: str) -> None:
    """What is E.164 with its plus sign is masked, and nothing else is touched."""
    assert mask_numbers(text) == masked


def test_message_is_masked_with_its_arguments() -> None:
    """Whichever part of it the number stands in."""
    record = record_of("%s and %s, %d", "+12025550123", ["+12025550124"], 5)
    assert record.getMessage() == "+1*****23 and ['+1*****24'], 5"
    assert record.args is None


def test_statement_of_a_record_is_masked() -> None:
    """Django's database log adds the statement and its parameters for formatters that write them."""
    record = record_of("%s", "x", sql="= '+12025550123'", params=("+12025550123",))
    assert vars(record)["sql"] == "= '+1*****23'"
    assert "2025550123" not in repr(vars(record))


def test_traceback_is_masked() -> None:
    """A database that refuses a row quotes what stands in it."""
    try:
        raise ValueError("Key (phone)=(+12025550123) already exists.")
    except ValueError:
        record = record_of("refused", exc_info=sys.exc_info())
    text = logging.Formatter().format(record)
    assert "ValueError: Key (phone)=(+1*****23) already exists." in text
    assert "2025550123" not in text


def test_record_that_cannot_be_read_is_the_handlers() -> None:
    """Arguments that do not fit raise nothing here: a log must not stop a call."""
    assert record_of("%d", "x").args == ("x",)
