"""Fixtures for the requirements."""

from __future__ import annotations

import pytest

from tests.api.visitor import Visitor


@pytest.fixture
def visitor() -> Visitor:
    """Return a client that has never been here."""
    return Visitor()
