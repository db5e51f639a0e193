"""Databases that answer nothing, beside the one that does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.db.backends.dummy.base import DatabaseWrapper as NoDatabase

from tests.routers import REPLICA


@pytest.fixture
def replica(settings: Any) -> Iterator[None]:
    """A replica that answers nothing, for every read."""
    connections["replica"] = NoDatabase({}, "replica")
    settings.DATABASE_ROUTERS = [REPLICA]
    yield
    settings.DATABASE_ROUTERS = []
    del connections["replica"]


@pytest.fixture
def elsewhere(settings: Any) -> Iterator[str]:
    """The alias of our database, while the default one, which the router names, answers nothing."""
    ours = connections["default"]
    connections["elsewhere"], connections["default"] = ours, NoDatabase({}, "default")
    settings.DATABASE_ROUTERS = [REPLICA]
    yield "elsewhere"
    settings.DATABASE_ROUTERS = []
    connections["default"] = ours
    del connections["elsewhere"]
