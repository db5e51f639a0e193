"""Fixtures of the SMS tests."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator

import pytest

from securelogin.sms import locmem

from . import fake_twilio
from .fake_twilio import FakeTwilio


@pytest.fixture
def twilio(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeTwilio]:
    """Serve as Twilio on loopback, whatever proxy or edge the environment names."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "TWILIO_EDGE", "TWILIO_REGION"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with fake_twilio.serve() as server:
        yield server


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Hold a port of loopback on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def outbox() -> Iterator[list[locmem.SentSMS]]:
    """Return the outbox of the locmem backend, empty."""
    locmem.outbox.clear()
    yield locmem.outbox
    locmem.outbox.clear()


@pytest.fixture
def all_logs(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Capture what any logger says at any level, also below those that have a level of their own."""
    names = ("", "securelogin", "securelogin.sms", "twilio", "twilio.http_client", "urllib3", "requests")
    loggers = [logging.getLogger(name) for name in names]
    before = [(logger.level, logger.propagate, logger.disabled) for logger in loggers]
    for logger in loggers:
        logger.disabled, logger.propagate = False, True
        logger.setLevel(logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    yield caplog
    for logger, (level, propagate, disabled) in zip(loggers, before, strict=True):
        logger.propagate, logger.disabled = propagate, disabled
        logger.setLevel(level)
