"""One way to run a command and read what it says."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any, NamedTuple

import pytest
from django.core.management import call_command


class Said(NamedTuple):
    """What a command wrote to its two streams."""

    out: str
    err: str


class Terminal(StringIO):
    """A stream that somebody looks at."""

    def isatty(self) -> bool:
        return True


Run = Callable[..., Said]


@pytest.fixture
def run() -> Run:
    """Runs a command with nobody looking."""
    return lambda *arguments, **options: _run(StringIO(), *arguments, **options)


@pytest.fixture
def run_on_terminal() -> Run:
    """Runs a command in front of somebody."""
    return lambda *arguments, **options: _run(Terminal(), *arguments, **options)


def _run(err: StringIO, *arguments: str, **options: Any) -> Said:
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=err, no_color=True, **options)
    return Said(out.getvalue(), err.getvalue())
