"""The pool of threads that send: full, without threads, late, after a fork and at the end."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from securelogin.exceptions import SMSNotSent
from securelogin.services import sending
from securelogin.sms.base import BaseSMSBackend
from securelogin.sms.locmem import outbox

from .backends import sms
from .conftest import Announcements, Configure
from .visitors import OTHER_PHONE, PHONE, Visitor

pytestmark = pytest.mark.django_db(transaction=True)

STARTS = """
import os, sys
import django
django.setup()
from django.core.management import call_command
from django.db import connections
call_command("migrate", verbosity=0)
from securelogin import phones, services
from securelogin.addresses import Client
from securelogin.services import sending

def ask(number):
    services.request_code(phones.parse(number), client=Client())
"""

FORKS = """
ask("+12025550123")
assert sending.drain()
connections.close_all()
if (child := os.fork()) == 0:
    ask("+12025550124")
    os._exit(0 if sending.drain(5) else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""

FORKS_WITH_WORK = """
sending.HEAD_START = 1
ask("+12025550123")
connections.close_all()
if (child := os.fork()) == 0:
    os._exit(0 if sending.drain(0) else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""

ENDS = """
sending.WORKERS = 1
sending.HEAD_START = 0.3
for last in range(4):
    ask(f"+120255501{20 + last}")
"""


@pytest.fixture
def texts(tmp_path: Path, empty_database: str) -> Any:
    """Return what runs a program that sends in threads, and gives the numbers it sent to."""
    path = tmp_path / "texts"
    backend = {"BACKEND": "securelogin.sms.filebased.SMSBackend", "OPTIONS": {"path": str(path)}}
    options = {"SEND": "thread", "SMS": {"default": backend}}
    (tmp_path / "threaded.py").write_text(f"from tests.settings import *\nSECURELOGIN = {options!r}\n")
    env = {"DJANGO_SETTINGS_MODULE": "threaded", "DATABASE_URL": empty_database, "PYTHONPATH": f"{tmp_path}:."}

    def run(program: str) -> list[str]:
        command = [sys.executable, "-W", "ignore", "-c", STARTS + program]
        done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return [json.loads(line)["to"] for line in path.read_text().splitlines()]

    return run


def test_message_asked_for_after_a_fork_is_sent(texts: Any) -> None:
    """A server that forks its workers after a first text sends the others too."""
    assert texts(FORKS) == [PHONE, OTHER_PHONE]


def test_message_of_the_parent_takes_no_place_of_a_child(texts: Any) -> None:
    """What waited at the fork is sent by the parent, once."""
    assert texts(FORKS_WITH_WORK) == [PHONE]


def test_messages_that_wait_at_the_end_are_sent(texts: Any) -> None:
    """The interpreter waits for the pool before it goes."""
    assert len(texts(ENDS)) == 4


def test_child_begins_with_an_empty_queue_and_a_free_lock() -> None:
    """A thread of the parent may have held the lock at the fork, and lets go of the parent's only."""
    assert sending._take_place()
    with sending._count:
        sending._begin_anew()
        assert sending.drain(0)
        assert not sending._count.locked()


class NoThreads(threading.Thread):
    """A thread that the system does not give."""

    def start(self) -> None:
        """Fail as the interpreter does."""
        raise RuntimeError("can't start new thread")


@pytest.mark.parametrize("is_shut", [True, False])
def test_message_that_finds_no_thread_keeps_no_place(
    ada: Visitor,
    configure: Configure,
    announced: Announcements,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    is_shut: bool,
) -> None:
    """Where the system gives none, or the interpreter goes down, the answer is the same, and it is told."""
    configure(SEND="thread")
    pool = ThreadPoolExecutor(1)
    if is_shut:
        pool.shutdown()
    monkeypatch.setattr(sending, "_pool", lambda: pool)
    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR, "securelogin.sms"):
        patch.setattr(threading, "Thread", NoThreads)
        assert ada.ask().code_length == 6
    assert sending.drain(0)
    assert announced.names() == ["sms_not_sent"]
    assert caplog.messages == ["code not sent: there is no thread"]
    pool.shutdown() if is_shut else pool.submit(int).result(5)
    assert not outbox
    assert sending.drain(0)


def test_message_that_finds_the_queue_full_is_told(
    ada: Visitor, bob: Visitor, configure: Configure, announced: Announcements, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As any other failure is, by the signal; the answer does not tell."""
    monkeypatch.setattr(sending, "QUEUE", 1)
    configure(SEND="thread", SMS=sms("SlowBackend"))
    ada.ask()
    bob.ask()
    (failure,) = announced.named("sms_not_sent")
    assert (failure["sender"], failure["alias"]) == (BaseSMSBackend, "default")
    assert isinstance(failure["error"], SMSNotSent)
    assert (failure["error"].reason, failure["error"].is_definite) == ("1 messages are waiting", True)
    assert sending.drain()


def test_code_that_is_over_is_not_sent(
    ada: Visitor, configure: Configure, announced: Announcements, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that waited longer than its code lives would cost money and open nothing."""
    monkeypatch.setattr(sending, "HEAD_START", 0.4)
    configure(SEND="thread", CODE_LIFETIME=timedelta(seconds=0.1))
    ada.ask()
    assert sending.drain()
    assert announced.names() == ["sms_not_sent"]
    assert not outbox
