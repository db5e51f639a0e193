"""What can be read at all, and the bounds of numbers and durations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core.checks import CheckMessage, Error

from ..conf import NAME, Conf, Problem

SECOND = timedelta(seconds=1)

UNITS = (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1)), ("second", SECOND))


@dataclass(frozen=True)
class Bound:
    """How low and how high one setting, or each of a sequence, may be; both ends are allowed, None is no end.

    ``reason`` is a sentence that follows the numbers in the hint.
    """

    id: str
    key: str
    low: int | timedelta | None
    high: int | timedelta | None
    reason: str

    def message(self, conf: Conf) -> str | None:
        """Say which end the setting is beyond, or None."""
        for value in _items(getattr(conf, self.key)):
            if self.low is not None and _amount(value) < _amount(self.low):
                return f"{NAME}[{self.key!r}] is below {in_words(self.low)}."
            if self.high is not None and _amount(value) > _amount(self.high):
                return f"{NAME}[{self.key!r}] is above {in_words(self.high)}."
        return None

    @property
    def hint(self) -> str:
        """Say what to set."""
        ends = (("at least", self.low), ("at most", self.high))
        words = " and ".join(f"{word} {in_words(end)}" for word, end in ends if end is not None)
        return f"Set {words}. {self.reason}"


NIST = "NIST SP 800-63B-4 section"

BOUNDS = (
    Bound("securelogin.E010", "CODE_LENGTH", 6, 10, f"Fewer digits are guessed too soon ({NIST} 3.1.3.2)."),
    Bound(
        "securelogin.E011",
        "CODE_LIFETIME",
        SECOND,
        timedelta(minutes=10),
        f"A code is invalid unless it is used within ten minutes ({NIST} 3.1.3.2).",
    ),
    Bound("securelogin.E012", "CODE_MAX_GUESSES", 1, 10, "Each guess at a code of six digits is one in a million."),
    Bound("securelogin.E013", "RESEND_PAUSES", None, timedelta(days=1), "Who lost a text needs another one."),
    Bound("securelogin.E014", "SENDS_PER_HOUR", 1, None, "With 0 nobody is sent a code."),
    Bound("securelogin.E015", "SENDS_PER_DAY", 1, None, "With 0 nobody is sent a code."),
    Bound("securelogin.E016", "FAILURES_PER_DAY", 1, None, "With 0 no code is ever right."),
    Bound("securelogin.E017", "FAILURES_PER_MONTH", 1, None, "With 0 no code is ever right."),
    Bound(
        "securelogin.E018",
        "FAILURES_IN_A_ROW",
        1,
        100,
        f"A number is locked until staff opens it after a hundred failures ({NIST} 3.2.2).",
    ),
    Bound(
        "securelogin.E020",
        "ACCESS_TOKEN_LIFETIME",
        SECOND,
        timedelta(hours=1),
        "Whoever steals an access token has it that long (RFC 9700 section 4.14).",
    ),
    Bound("securelogin.E021", "REFRESH_TOKEN_LIFETIME", SECOND, None, "With 0 no session is ever refreshed."),
    Bound("securelogin.E022", "SESSION_LIFETIME", SECOND, timedelta(days=3650), "A session has an end."),
    Bound(
        "securelogin.E024",
        "REFRESH_GRACE",
        None,
        timedelta(minutes=5),
        "That long a stolen refresh token is answered beside the honest one.",
    ),
    Bound("securelogin.E025", "FRESH_WINDOW", SECOND, None, "With 0 no call that asks for a fresh token is allowed."),
    Bound("securelogin.E026", "MAX_SESSIONS", 1, None, "None allows any number; with 0 every login would end itself."),
    Bound(
        "securelogin.E027",
        "TRUSTED_PROXY_COUNT",
        None,
        10,
        "It is the number of your own proxies in a row; one too many lets clients choose their address.",
    ),
)


def check_readable(problems: Iterable[Problem]) -> Iterator[CheckMessage]:
    """Report keys that are unknown, of the wrong type, negative, or of an unknown choice."""
    for problem in problems:
        yield Error(problem.message, hint=problem.hint, id="securelogin.E001")


def check_bounds(conf: Conf) -> Iterator[CheckMessage]:
    """Report what is beyond the bounds that hold at any site."""
    for bound in BOUNDS:
        if message := bound.message(conf):
            yield Error(message, hint=bound.hint, id=bound.id)


def check_cache(conf: Conf) -> Iterator[CheckMessage]:
    """Report an alias that no cache has."""
    if conf.ACCESS_CHECK == "cache" and conf.ACCESS_CACHE not in settings.CACHES:
        yield Error(
            f"{NAME}['ACCESS_CACHE'] names no cache: CACHES has no {conf.ACCESS_CACHE!r}.",
            hint="Name an alias of CACHES whose cache all processes share, such as Redis.",
            id="securelogin.E028",
        )


def check_lifetimes(conf: Conf) -> Iterator[CheckMessage]:
    """Report a refresh token that promises more than its session holds."""
    if conf.REFRESH_TOKEN_LIFETIME > conf.SESSION_LIFETIME:
        yield Error(
            f"{NAME}['REFRESH_TOKEN_LIFETIME'] is above {NAME}['SESSION_LIFETIME'].",
            hint="Set both: a session ends at SESSION_LIFETIME, and at REFRESH_TOKEN_LIFETIME without a refresh.",
            id="securelogin.E023",
        )


def in_words(value: int | timedelta) -> str:
    """Return ``10`` or ``10 minutes``."""
    if not isinstance(value, timedelta):
        return str(value)
    name, size = next(((name, size) for name, size in UNITS if value % size == timedelta(0)), UNITS[-1])
    count = value // size
    return f"{count} {name}" if count == 1 else f"{count} {name}s"


def _items(value: int | timedelta | tuple[timedelta, ...] | None) -> tuple[int | timedelta, ...]:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def _amount(value: int | timedelta) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else value
