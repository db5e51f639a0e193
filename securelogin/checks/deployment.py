"""What is right in a demo and wrong on the internet: warnings of ``check --deploy``."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, router
from django.utils.module_loading import import_string

from .. import limits, sms
from ..conf import DEFAULT_LIMITS, NAME, Conf
from ..models import Session
from ..services import maintenance
from .bounds import Bound

SHORTEST_PAUSE = timedelta(seconds=30)


@dataclass(frozen=True)
class Policy:
    """A value that a site on the internet should not have."""

    id: str
    key: str
    is_unwise: Callable[[Conf], bool]
    message: str
    hint: str


POLICIES = (
    Policy(
        "securelogin.W102",
        "ALLOWED_REGIONS",
        lambda conf: conf.ALLOWED_REGIONS is None,
        "is None: codes are sent to every country, at your cost.",
        "Name the regions where your users live. SMS pumping goes where texts are dear.",
    ),
    Policy(
        "securelogin.W103",
        "RESEND_PAUSES",
        lambda conf: min(conf.RESEND_PAUSES, default=timedelta(0)) < SHORTEST_PAUSE,
        "lets a number be sent codes in quick succession.",
        "Have each pause 30 seconds or longer: a text may take that long to arrive.",
    ),
    Policy(
        "securelogin.W104",
        "REFRESH_GRACE",
        lambda conf: not conf.REFRESH_GRACE,
        "is 0: a client that loses one answer is logged out as a thief.",
        "Set up to 30 seconds.",
    ),
    Policy(
        "securelogin.W105",
        "SEND",
        lambda conf: conf.SEND == "inline",
        'is "inline": by its time an answer tells which numbers are sent a code.',
        'Set "thread".',
    ),
    Policy(
        "securelogin.W118",
        "ACCESS_CHECK",
        lambda conf: conf.ACCESS_CHECK == "none",
        'is "none": an ended session goes on until its access token expires.',
        'Set "session" or "cache", or ACCESS_TOKEN_LIFETIME to what you can bear.',
    ),
    Policy(
        "securelogin.W106",
        "PREVENT_ENUMERATION",
        lambda conf: not conf.PREVENT_ENUMERATION,
        "is off: everyone can ask which numbers have an account.",
        "Take it out as soon as no client reads the old server's errors any more.",
    ),
)

OF_A_PROCESS = "is a cache of each process, and the others do not hear of an end"
OF_A_CLOCK = "goes by the clock of whoever reads it"
TROUBLES = {
    "LocMemCache": OF_A_PROCESS,
    "DummyCache": OF_A_PROCESS,
    "DatabaseCache": OF_A_CLOCK,
    "FileBasedCache": OF_A_CLOCK,
}
"""Classes of caches that are not for ``ACCESS_CHECK``, those made of them neither."""

WIDE = "More is for a demo."
BUDGETS = (
    Bound("securelogin.W110", "SENDS_PER_HOUR", None, 10, f"{WIDE} Each one is paid for."),
    Bound("securelogin.W111", "SENDS_PER_DAY", None, 20, f"{WIDE} Each one is paid for."),
    Bound("securelogin.W112", "FAILURES_PER_DAY", None, 20, f"{WIDE} Each one is a guess at somebody's account."),
    Bound("securelogin.W113", "FAILURES_PER_MONTH", None, 100, f"{WIDE} Each one is a guess at somebody's account."),
    Bound("securelogin.W114", "REFRESH_GRACE", None, timedelta(seconds=30), "It is for answers lost on the way."),
    Bound("securelogin.W115", "FRESH_WINDOW", None, timedelta(hours=1), "Fresh means that somebody is there."),
)


def check_backends(conf: Conf) -> Iterator[CheckMessage]:
    """Report backends whose codes reach no phone. They read the settings themselves."""
    for alias in conf.SMS:
        if _is_demo(alias):
            yield CheckWarning(
                f"{NAME}['SMS'][{alias!r}] sends codes to no phone.",
                hint="Use the backend of a provider, such as securelogin.sms.twilio.SMSBackend.",
                id="securelogin.W101",
            )


def _is_demo(alias: str) -> bool:
    try:
        return sms.get_backend(alias).is_demo
    except ImproperlyConfigured:  # E056
        return False


def check_policies(conf: Conf) -> Iterator[CheckMessage]:
    """Report choices that are for a demo."""
    for policy in POLICIES:
        if policy.is_unwise(conf):
            yield CheckWarning(f"{NAME}[{policy.key!r}] {policy.message}", hint=policy.hint, id=policy.id)


def check_budgets(conf: Conf) -> Iterator[CheckMessage]:
    """Report budgets and windows that are wide."""
    for bound in BUDGETS:
        if message := bound.message(conf):
            yield CheckWarning(message, hint=bound.hint, id=bound.id)


def check_cache(conf: Conf) -> Iterator[CheckMessage]:
    """Report a cache in which what ended is not seen at once, or goes on for longer."""
    config = settings.CACHES.get(conf.ACCESS_CACHE)
    if conf.ACCESS_CHECK != "cache" or config is None:  # E028
        return
    if trouble := _trouble_of(config):
        yield CheckWarning(
            f"{NAME}['ACCESS_CACHE'] {trouble}: an ended session may go on for seconds.",
            hint="Name one server that all processes share, with django.core.cache.backends.redis.RedisCache.",
            id="securelogin.W117",
        )


def _trouble_of(config: Mapping[str, Any]) -> str | None:
    try:
        backend = import_string(config.get("BACKEND", ""))
    except ImportError:  # every call then asks the database, and the log says so
        return "cannot be imported"
    names = [each.__name__ for each in backend.__mro__]
    servers = config.get("LOCATION", "")
    number = len(re.split("[;,]", servers) if isinstance(servers, str) else servers)
    if "RedisCache" in names and number > 1:
        return "reads from replicas, which hear of an end later"
    return next((TROUBLES[name] for name in names if name in TROUBLES), None)


def check_limits(conf: Conf) -> Iterator[CheckMessage]:
    """Report limits that are off, and those on an address or a range that are more than twice their default.

    How much a whole site needs is for the site to say.
    """
    for name, notation in conf.LIMITS.items():
        default = DEFAULT_LIMITS[name]
        if notation is None:
            yield CheckWarning(
                f"{NAME}['LIMITS'][{name!r}] is off.",
                hint=f"Set one; the default is {default!r}.",
                id="securelogin.W107",
            )
        elif default and not name.endswith("_site") and _rate(notation) > 2 * _rate(default):
            yield CheckWarning(
                f"{NAME}['LIMITS'][{name!r}] is more than twice its default.",
                hint=f"The default is {default!r}. Silence this where many users share one address.",
                id="securelogin.W108",
            )


def _rate(notation: str) -> float:
    """Return what gets through in the long run, in hits a second; 0 for a notation that cannot be read (E030)."""
    try:
        return min(amount / length.total_seconds() for amount, length in limits.parse(notation))
    except ValueError:
        return 0.0


def check_clearing(aliases: Collection[str]) -> Iterator[CheckMessage]:
    """Report rows that the daily job should have deleted, where our database is among ``aliases``. Asks it."""
    if router.db_for_write(Session) not in aliases:
        return
    try:
        is_overdue = maintenance.is_overdue()
    except DatabaseError:  # there are no tables yet, or there is no server
        return
    if is_overdue:
        yield CheckWarning(
            "Rows that were over a week ago are still there: clear_securelogin does not run, and what people leave "
            "behind is kept for good.",
            hint="Run manage.py clear_securelogin once a day, as a cron job.",
            id="securelogin.W116",
        )
