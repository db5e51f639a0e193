"""Fixtures of the API's tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from securelogin.conf import DEFAULT_LIMITS

from .visitor import Visitor

Configure = Callable[..., None]

NO_LIMITS: dict[str, str | None] = dict.fromkeys(DEFAULT_LIMITS)


@pytest.fixture
def visitor() -> Visitor:
    """Return a client that has never been here."""
    return Visitor()


@pytest.fixture
def configure(settings: Any) -> Configure:
    """Return a function that changes keys of ``SECURELOGIN`` for this test."""

    def change(**keys: Any) -> None:
        settings.SECURELOGIN = {**settings.SECURELOGIN, **keys}

    return change


@pytest.fixture
def no_limits(configure: Configure) -> None:
    """Let everybody ask and guess as often as they like."""
    configure(
        LIMITS=NO_LIMITS,
        RESEND_PAUSES=(timedelta(0),),
        SENDS_PER_HOUR=10_000,
        SENDS_PER_DAY=10_000,
        FAILURES_PER_DAY=10_000,
        FAILURES_PER_MONTH=10_000,
    )
