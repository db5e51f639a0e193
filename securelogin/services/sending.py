"""Sending a code: after the commit, with no transaction open, inline or in a small pool of threads."""

from __future__ import annotations

import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.utils import timezone, translation
from django.views.decorators.debug import sensitive_variables

from .. import codes, conf, events, phones, signals, sms
from ..addresses import Client
from ..events import Event
from ..exceptions import SMSNotSent
from ..models import OneTimeCode
from ..phones import E164
from ..sms.base import BaseCodeBackend, BaseSMSBackend
from . import outages
from .tables import code_rows
from .transactions import with_retries

WORKERS = 8
QUEUE = 1000
"""Messages that may wait for a worker; over it a message is dropped, which is told as any failure is."""

HEAD_START = 0.05
"""Seconds by which an answer goes ahead of its message: threads of one interpreter slow each other down, and who is
sent nothing would be answered sooner (0.2 to 0.3 ms). A message that had to wait for a worker waits no longer."""

logger = logging.getLogger("securelogin.sms")


@dataclass(frozen=True)
class Message:
    """What a step after the commit needs to compute the code again and send it."""

    phone: E164 = field(repr=False)
    asker: str
    purpose: codes.Purpose
    row: OneTimeCode
    alias: str
    language: str | None
    client: Client = field(repr=False)


def route(phone: E164) -> tuple[str, str]:
    """Return the alias to send through, and the same where that provider owns the code, else ``""``.

    A router may answer otherwise the next time, so each code is routed once. A configuration that names no backend
    is an outage, which sending tells: asking is the same for every number.
    """
    alias = ""
    try:
        alias = sms.route(phone)
        return alias, alias if sms.get_backend(alias).owns_code else ""
    except ImproperlyConfigured as error:
        logger.error("no backend: %s", error)
        return alias, ""


def send(message: Message | None) -> None:
    """Send a code as ``SEND`` says. ``None`` takes the same way and sends nothing.

    Inline raises ``SMSNotSent`` where the failure is not the number's fault; a thread never tells.
    """
    if conf.current().SEND == "thread":
        _in_thread(message)
    elif message is not None:
        try:
            _deliver(message)
        except SMSNotSent as error:
            if not error.is_numbers_fault:
                raise


def _deliver(message: Message) -> None:
    sender, digest = BaseSMSBackend, phones.digest(message.phone)
    try:
        backend = _backend(message.alias)
        sender = type(backend)
        _hand_over(message, backend)
    except SMSNotSent as error:
        logger.warning("code not sent through %r: %s", message.alias, error.reason, extra={"phone": digest})
        if error.is_definite and conf.current().SEND == "inline":
            _lift_pause(message.row)
        _announce_failure(message, sender, error)
        raise
    signals.code_sent.send_robust(sender, alias=message.alias, phone_digest=digest)
    _announce(Event.CODE_SENT, message)


def _announce_failure(message: Message, sender: type, error: SMSNotSent) -> None:
    digest = phones.digest(message.phone)
    signals.sms_not_sent.send_robust(sender, alias=message.alias, phone_digest=digest, error=error)
    _announce(Event.CODE_NOT_SENT, message, reason=error.reason)


def _hand_over(message: Message, backend: BaseSMSBackend) -> None:
    if message.row.expires_at is not None and message.row.expires_at <= timezone.now():
        raise SMSNotSent("the code was over before its turn came", is_definite=True)
    if isinstance(backend, BaseCodeBackend):
        with outages.watch(message.alias):
            provider_id = backend.start(to=message.phone)
        rows = code_rows().filter(key=message.row.key, nonce=message.row.nonce)
        with_retries(lambda: rows.update(provider_id=provider_id))
        return
    body = _compose(message)
    with outages.watch(message.alias):
        backend.send(to=message.phone, body=body)


def _announce(event: Event, message: Message, **detail: Any) -> None:
    events.announce(event, client=message.client, phone=message.phone, alias=message.alias, **detail)


def _backend(alias: str) -> BaseSMSBackend:
    try:
        return sms.get_backend(alias)
    except ImproperlyConfigured as error:
        raise SMSNotSent("no backend", is_definite=True) from error


def _compose(message: Message) -> str:
    code = message.row.code(
        phone=message.phone,
        asker=message.asker,
        purpose=message.purpose,
    )
    if code is None:
        raise SMSNotSent("the key of the code left the ring", is_definite=True)
    with translation.override(message.language):
        return sms.compose(code)


def _lift_pause(row: OneTimeCode) -> None:
    """Let the number ask again at once: the provider surely sent nothing. The send stays counted.

    Inline only, where the answer tells the failure. A thread tells nothing: who is sent nothing keeps the pause too.
    """
    code_rows().filter(key=row.key, nonce=row.nonce).update(resend_at=None)


_count = Lock()
_places: set[object] = set()


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(WORKERS, thread_name_prefix="securelogin-sms")


def _begin_anew() -> None:
    """Forget the pool in a child: its threads stayed with the parent, which sends what waited."""
    global _count
    _count = Lock()  # a thread of the parent may have held the old one
    _places.clear()
    _pool.cache_clear()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_begin_anew)


def _in_thread(message: Message | None) -> None:
    place = _take_place()
    if place is None:
        _drop(message, f"{QUEUE} messages are waiting")
        return
    try:
        _pool().submit(_run, message, time.monotonic() + HEAD_START, place)
    except RuntimeError:  # the system gives no thread, or the interpreter goes down
        if _leave_place(place):
            _drop(message, "there is no thread")


def _drop(message: Message | None, reason: str) -> None:
    logger.error("code not sent: %s", reason)
    if message is not None:
        _announce_failure(message, BaseSMSBackend, SMSNotSent(reason, is_definite=True))


def _take_place() -> object | None:
    with _count:
        if len(_places) >= QUEUE:
            return None
        place = object()
        _places.add(place)
        return place


def _has_place(place: object) -> bool:
    """Whether the message is not dropped: a pool that could start no thread has queued it all the same."""
    with _count:
        return place in _places


def _leave_place(place: object) -> bool:
    """Leave it; False where it was left before."""
    with _count:
        was_there = place in _places
        _places.discard(place)
        return was_there


@sensitive_variables()  # number, code and text stand in the variables of all that is called from here
def _run(message: Message | None, begin: float, place: object) -> None:
    try:
        time.sleep(max(0.0, begin - time.monotonic()))
        if _has_place(place) and message is not None:
            _deliver(message)
    except SMSNotSent:
        pass  # logged and announced where it was raised
    except Exception:
        logger.exception("code not sent: an error of ours")
    finally:
        connections.close_all()
        _leave_place(place)


def drain(timeout: float = 10.0) -> bool:
    """Wait until all that was handed to the pool is done, for tests and for shutting down; False where it is late.

    ``timeout`` in seconds.
    """
    deadline = time.monotonic() + timeout
    while _places and time.monotonic() < deadline:
        time.sleep(0.01)
    return not _places
