"""Fixtures for every test: a clean outbox and cache, an empty Redis, one more database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
from django.core.cache import cache

from securelogin.services import outages, sending
from securelogin.sms.locmem import outbox
from tests import databases, gateway
from tests.valkey import Valkey

if gateway.IS_ASGI:
    gateway.install()


@pytest.fixture(scope="session", autouse=True)
def _own_threads() -> None:
    """Begin with no pool: a process that was forked, as for a mutant, has the one of its parent without a thread."""
    sending._pool.cache_clear()


@pytest.fixture(autouse=True)
def _clean_process() -> Iterator[None]:
    """Leave nothing of a test in this process to the next one."""
    yield
    outbox.clear()
    outages.forget()
    cache.clear()


@pytest.fixture(scope="session")
def _valkey() -> Iterator[str]:
    """The server that ``REDIS_URL`` names, else one of this session's own."""
    with databases.valkey() as url:
        yield url


@pytest.fixture
def redis_url(_valkey: str) -> str:
    """The URL of an empty Redis database that no other test worker uses."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    url = urlsplit(_valkey)._replace(path=f"/{worker}").geturl()
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A server that the test may kill."""
    server = Valkey(tmp_path)
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def empty_database() -> Iterator[str]:
    """The URL of a new database without a table, on the server that the tests run on."""
    with databases.empty_database(os.environ.get("DATABASE_URL", "sqlite://")) as url:
        yield url
