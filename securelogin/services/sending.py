"""Sending a code: after the commit, with no transaction open, inline or in a small pool of threads."""

from __future__ import annotations

import atexit
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from threading import BoundedSemaphore

from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.utils import timezone, translation

from .. import codes, conf, phones, signals, sms
from ..exceptions import SMSNotSent
from ..models import OneTimeCode
from ..phones import E164
from .tables import code_rows

WORKERS = 8
QUEUE = 1000
"""Messages that may wait for a worker; over it a message is dropped, which the log says."""

logger = logging.getLogger("securelogin.sms")


@dataclass(frozen=True)
class Message:
    """What a step after the commit needs to compute the code again and send it."""

    phone: E164
    asker: str
    purpose: codes.Purpose
    row: OneTimeCode
    language: str | None


def provider_of(phone: E164) -> str:
    """Return the alias of the provider that owns the codes of a number, ``""`` where codes are ours.

    A configuration that names no backend is an outage, which sending tells: asking is the same for every number.
    """
    try:
        alias = sms.route(phone)
        return alias if sms.get_backend(alias).owns_code else ""
    except ImproperlyConfigured:
        return ""


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
    alias, backend = _backend(message)
    digest = phones.digest(message.phone)
    try:
        if isinstance(backend, sms.BaseCodeBackend):
            provider_id = backend.start(to=message.phone)
            rows = code_rows().filter(key=message.row.key, nonce=message.row.nonce)
            rows.update(provider_id=provider_id)
        else:
            backend.send(to=message.phone, body=_compose(message))
    except SMSNotSent as error:
        logger.warning("code not sent through %s: %s", alias, error.reason, extra={"phone": digest})
        if error.is_definite:
            _lift_pause(message.row)
        signals.sms_not_sent.send_robust(type(backend), alias=alias, phone_digest=digest, error=error)
        raise
    signals.code_sent.send_robust(type(backend), alias=alias, phone_digest=digest)


def _backend(message: Message) -> tuple[str, sms.BaseSMSBackend]:
    try:
        alias = message.row.provider or sms.route(message.phone)
        return alias, sms.get_backend(alias)
    except ImproperlyConfigured as error:
        logger.error("code not sent: %s", error)
        raise SMSNotSent("no backend", is_definite=True) from error


def _compose(message: Message) -> str:
    code = message.row.code(
        phone=message.phone,
        asker=message.asker,
        purpose=message.purpose,
        length=conf.current().CODE_LENGTH,
    )
    if code is None:
        raise SMSNotSent("the key of the code left the ring", is_definite=True)
    with translation.override(message.language):
        return sms.compose(code)


def _lift_pause(row: OneTimeCode) -> None:
    """Let the number ask again at once: the provider surely sent nothing. The send stays counted."""
    code_rows().filter(key=row.key, nonce=row.nonce).update(resend_at=timezone.now())


_waiting = BoundedSemaphore(QUEUE)


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="securelogin-sms")
    atexit.register(pool.shutdown)
    return pool


def _in_thread(message: Message | None) -> None:
    if not _waiting.acquire(blocking=False):
        logger.error("code not sent: %d messages are waiting", QUEUE)
        return
    _pool().submit(_run, message)


def _run(message: Message | None) -> None:
    try:
        if message is not None:
            _deliver(message)
    except SMSNotSent:
        pass  # logged and announced where it was raised
    except Exception:
        logger.exception("code not sent: an error of ours")
    finally:
        connections.close_all()
        _waiting.release()


def drain(timeout: float = 10.0) -> None:
    """Wait until the pool has taken up all that waits; for tests and for shutting down."""
    jobs: list[Callable[[], object]] = [_pool().submit(int).result for _ in range(WORKERS)]
    for job in jobs:
        job(timeout)  # type: ignore[call-arg]
