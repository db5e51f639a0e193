"""A Redis that answers late, but in time: each answer is awaited, and a call asks for several."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis

from securelogin import limits
from securelogin.limits import Hit
from securelogin.models import Counter

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
HITS = [Hit("login_ip", "198.51.100.7"), Hit("login_range", "+1202555"), Hit("login_site", "")]
SPRAY = Hit("spray_site", "")


@pytest.fixture(autouse=True)
def _redis_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no Redis lost to the next test."""
    monkeypatch.setattr(limits, "_lost_until", 0.0)


class SlowWay:
    """The way to a server, by which each of its answers comes ``delay`` seconds late."""

    def __init__(self, url: str) -> None:
        self.delay = 0.0
        self.port = urlsplit(url).port
        self.door = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self.door.getsockname()[1]}{urlsplit(url).path}"
        self._start(self._serve)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self.door.accept()
                server = socket.create_connection(("127.0.0.1", self.port))
                self._start(self._carry, client, server, False)
                self._start(self._carry, server, client, True)

    def _carry(self, source: socket.socket, sink: socket.socket, is_late: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                time.sleep(self.delay if is_late else 0)
                sink.sendall(data)
        sink.close()


@pytest.fixture
def way(redis_url: str) -> Iterator[SlowWay]:
    """The way to an empty Redis, quick until a test makes it slow."""
    way = SlowWay(redis_url)
    yield way
    way.door.shutdown(socket.SHUT_RDWR)
    way.door.close()


@pytest.mark.parametrize("delay", [0.24, 0.5, 0.9])
@pytest.mark.parametrize("is_connected", [True, False])
def test_answers_together_have_the_time_of_one(
    way: SlowWay, settings: Any, caplog: pytest.LogCaptureFixture, delay: float, is_connected: bool
) -> None:
    """A call that asks seven times, and connects, waits for less than two; then Redis is left alone for a while."""
    settings.SECURELOGIN = {"LIMITS_STORAGE": way.url}
    if is_connected:
        limits.take([], at=NOON, watched=[SPRAY])
    way.delay = delay
    for longest in (2 * limits.REDIS_TIMEOUT, 0.2):
        begun = time.monotonic()
        assert limits.take(HITS, at=NOON, watched=[SPRAY]) == frozenset()
        assert time.monotonic() - begun < longest
    assert set(Counter.objects.values_list("count", flat=True)) == {2}
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == 1


def test_what_a_slow_redis_counted_stays_counted(
    way: SlowWay, redis_url: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No hit is given back: it is counted in the table too, as by a Redis that is killed."""
    settings.SECURELOGIN = {"LIMITS_STORAGE": way.url}
    limits.take(HITS[:1], at=NOON)
    monkeypatch.setattr(limits, "REDIS_TIMEOUT", 0.2)
    way.delay = 0.12
    limits.take(HITS[:1], at=NOON)
    with redis.Redis.from_url(redis_url) as client:
        assert [client.get(key) for key in client.scan_iter()] == [b"2"]
    assert Counter.objects.get().count == 1


def test_redis_that_is_quick_enough_is_kept(way: SlowWay, settings: Any) -> None:
    """Seven answers within the time are no reason to leave it."""
    settings.SECURELOGIN = {"LIMITS_STORAGE": way.url}
    way.delay = 0.02
    for _call in range(3):
        limits.take(HITS, at=NOON, watched=[SPRAY])
    assert not Counter.objects.exists()
