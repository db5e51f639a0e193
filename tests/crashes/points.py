"""Named steps of the verbs at which a worker kills itself, for a call that names one in ``X-Crash-At``.

Nothing in the package knows: functions are wrapped from here, in the served process only.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from importlib import import_module
from typing import Any

from django.http import HttpRequest, HttpResponse

HEADER = "X-Crash-At"
VERBS = (
    "request_code",
    "verify_code",
    "refresh_tokens",
    "logout",
    "logout_all_other_sessions",
    "end_session",
)

_armed: ContextVar[str] = ContextVar("armed", default="")
_receivers: list[Callable[..., None]] = []
"""Signals hold their receivers weakly."""


class CrashMiddleware:
    """Remember for one call at which step its worker dies."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        arm(request.headers.get(HEADER, ""))
        return self.get_response(request)


def arm(step: str) -> None:
    """Name the step at which this thread's call is to end; an empty name is none."""
    _armed.set(step)


def reach(step: str) -> None:
    """Kill this process, at once and without a word, where the call in hand named this step."""
    if step and _armed.get() == step:
        os.kill(os.getpid(), signal.SIGKILL)


def install() -> None:
    """Put every step into place. Imported by name: the models are there only when the apps are ready."""
    services = import_module("securelogin.services")
    codes, sending = import_module("securelogin.services.codes"), import_module("securelogin.services.sending")
    code_rows = import_module("securelogin.models.codes").OneTimeCodeQuerySet
    models = import_module("securelogin.models.sessions")
    _wrap(import_module("securelogin.limits"), "take", after="after-limits")
    _wrap(codes, "_ask", after="before-commit")
    _wrap(sending, "send", before="after-commit")
    _wrap(sending, "_deliver", after="after-provider")
    _wrap(code_rows, "count_failure", after="after-count")
    _wrap(code_rows, "consume", after="after-consume")
    _wrap(codes, "_log_in", after="before-commit")
    _wrap(codes, "_try_log_in", after="after-commit")
    _wrap(models.SessionQuerySet, "rotate", before="before-rotate", after="after-rotate")
    _wrap(models, "blacklist", before="before-blacklist", after="after-blacklist")
    _wrap(import_module("securelogin.services.endings"), "lock_user", after="after-lock")
    for verb in VERBS:
        _wrap(services, verb, after="before-answer")
    _listen()


def split_login() -> None:
    """Let each statement of a login commit by itself: the fault that a kill between two of them must bring to light."""
    codes = import_module("securelogin.services.codes")
    vars(codes)["in_transaction"] = codes.with_retries


def _wrap(owner: Any, name: str, *, before: str = "", after: str = "") -> None:
    original = getattr(owner, name)

    @wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        reach(before)
        try:
            return original(*args, **kwargs)
        finally:
            reach(after)

    setattr(owner, name, wrapped)


def _listen() -> None:
    from django.contrib.auth import get_user_model
    from django.db.models.signals import post_save

    signals = import_module("securelogin.signals")
    models = import_module("securelogin.models.sessions")
    steps = {get_user_model(): "after-user", models.OutstandingToken: "after-token", models.Session: "after-session"}
    for model, step in steps.items():
        _connect(post_save, step, sender=model)
    _connect(signals.session_ended, "after-commit")


def _connect(announcement: Any, step: str, **options: Any) -> None:
    def receive(**_facts: Any) -> None:
        reach(step)

    _receivers.append(receive)
    announcement.connect(receive, **options)
