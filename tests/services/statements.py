"""The SQL that reads and writes: what a call costs, and what an onlooker could tell it by."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext

FRAME = re.compile(r"\s*(BEGIN|START TRANSACTION|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET )", re.IGNORECASE)
"""Statements around those that read and write."""

VALUES = re.compile(r"'[^']*'|\b[0-9a-f]{32,}\b|\b\d+\b")


def statements_of(call: Callable[[], object]) -> list[str]:
    """Return the statements of a call that read or write, with their values."""
    with CaptureQueriesContext(connection) as captured:
        call()
    return [query["sql"] for query in captured if not FRAME.match(query["sql"])]


def without_values(statements: list[str]) -> list[str]:
    """Return the statements with ``?`` for every value."""
    return [VALUES.sub("?", each) for each in statements]
