"""Named steps of the verbs at which a worker kills itself, for a call that names one in ``X-Crash-At``.

Nothing in the package knows: functions are wrapped from here, in the served process only. Where one of them moved away
the host does not start.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from pkgutil import resolve_name
from typing import Any

from django.http import HttpRequest, HttpResponse

HEADER = "X-Crash-At"
REACHED = "CRASHES_REACHED"
"""The variable that names the file in which a worker says at which step it dies."""


@dataclass(frozen=True)
class Point:
    """A function, and the steps that stand right before and right after it."""

    owner: str
    name: str
    before: str = ""
    after: str = ""


SERVICES = "securelogin.services"
CODES = "securelogin.models.codes.OneTimeCodeQuerySet"

POINTS = (
    Point("securelogin.limits", "take", after="after-limits"),
    Point(CODES, "touched", after="after-touch"),
    Point(f"{SERVICES}.codes", "_ask", after="before-commit"),
    Point(f"{SERVICES}.sending", "send", before="after-commit"),
    Point(f"{SERVICES}.sending", "_deliver", after="after-provider"),
    Point(CODES, "count_failure", after="after-count"),
    Point(CODES, "consume", after="after-consume"),
    Point(CODES, "forgive", after="after-forgiveness"),
    Point("securelogin.models.live.OUTSTAND", "run", after="after-token"),
    Point("securelogin.models.live.OPEN", "run", after="after-session"),
    Point(f"{SERVICES}.guesses", "_log_in", after="before-commit"),
    Point(f"{SERVICES}.guesses", "_try_log_in", after="after-commit"),
    Point(f"{SERVICES}.guesses", "_announce_rejection", after="after-announcement"),
    Point(f"{SERVICES}.sessions", "announce_login", before="after-commit", after="after-announcement"),
    Point(f"{SERVICES}.accounts", "_leave_name", before="before-name", after="after-name"),
    Point(f"{SERVICES}.accounts", "_insert_and_log_in", before="after-hashing"),
    Point(f"{SERVICES}.passwords", "_compare", after="after-comparison"),
    Point(f"{SERVICES}.passwords", "lock_user", after="after-lock"),
    Point(f"{SERVICES}.passwords", "_log_in", after="before-commit"),
    Point(f"{SERVICES}.passwords", "_write", before="after-hashing", after="before-commit"),
    Point(f"{SERVICES}.passwords", "_replace", after="after-commit"),
    Point(f"{SERVICES}.endings", "end_all_but", before="before-ending"),
    Point(f"{SERVICES}.notices", "notify", after="after-notice"),
    Point("securelogin.limits", "count", after="after-spray"),
    Point("securelogin.models.sessions.SessionQuerySet", "rotate", before="before-rotate", after="after-rotate"),
    Point("securelogin.models.live.BLACKLIST", "run", before="before-blacklist", after="after-blacklist"),
    Point(f"{SERVICES}.endings", "lock_user", after="after-lock"),
    *(
        Point(SERVICES, verb, after="before-answer")
        for verb in (
            "request_code",
            "verify_code",
            "register",
            "register_with_password",
            "log_in_with_password",
            "change_password",
            "refresh_tokens",
            "logout",
            "logout_all",
            "logout_all_other_sessions",
            "end_session",
        )
    ),
)

SAVED = {"securelogin.models.User": "after-user"}
"""Steps right after a row of these is written."""

ENDED = "after-commit"
"""The step at which the end of a session is announced."""

STEPS = frozenset({ENDED, *SAVED.values(), *(step for point in POINTS for step in (point.before, point.after) if step)})

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
    """Kill this process, at once, where the call in hand named this step; the last word goes into a file."""
    if not step or _armed.get() != step:
        return
    file = os.open(os.environ[REACHED], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, (json.dumps({"step": step}) + "\n").encode())
    os.kill(os.getpid(), signal.SIGKILL)


def install() -> None:
    """Put every step into place. Imported by name: the models are there only when the apps are ready."""
    for point in POINTS:
        _wrap(point)
    post_save = resolve_name("django.db.models.signals.post_save")
    for model, step in SAVED.items():
        _connect(post_save, step, sender=resolve_name(model))
    _connect(resolve_name("securelogin.signals.session_ended"), ENDED)


def _wrap(point: Point) -> None:
    owner = resolve_name(point.owner)
    original = getattr(owner, point.name)

    @wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        reach(point.before)
        try:
            return original(*args, **kwargs)
        finally:
            reach(point.after)

    setattr(owner, point.name, wrapped)


def _connect(announcement: Any, step: str, **options: Any) -> None:
    def receive(**_facts: Any) -> None:
        reach(step)

    _receivers.append(receive)
    announcement.connect(receive, **options)
