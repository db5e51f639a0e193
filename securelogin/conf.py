"""The settings: one dict ``SECURELOGIN`` in the project's settings, one typed view of it.

``current()`` reads ``django.conf.settings`` each time, so ``override_settings`` works. Replace the dict, as
``override_settings`` does; a change inside it is not seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

NAME = "SECURELOGIN"

DEFAULT_LIMITS: Mapping[str, str | None] = MappingProxyType(
    {
        "login_ip": "20/hour",
        "login_range": "10/hour",
        "login_site": "1000/hour",
        "verify_ip": "60/hour",
        "register_ip": "20/hour",
        "register_site": "1000/hour",
        "password_ip": "20/hour",
        "password_site": "1000/hour",
        "spray_site": "1000/day",
        "notice_user": "5/day",
    }
)
DEFAULT_SMS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {"default": {"BACKEND": "securelogin.sms.console.SMSBackend"}}
)


@dataclass(frozen=True, kw_only=True)
class Conf:
    """Every setting with its default. Durations are ``timedelta``."""

    AUTH_TYPES: tuple[str, ...] = ("PHONE",)
    """``"PHONE"``, and ``"PASSWORD"`` where accounts may have one."""

    SIGNUP: str = "login"
    """``"login"``: a first verified login makes the account. ``"register"``: only numbers that registered.
    ``"closed"``: staff makes accounts."""

    PREVENT_ENUMERATION: bool = True
    """Known and unknown numbers get the same answers. ``False`` restores flask-securelogin's explicit errors."""

    DEFAULT_REGION: str | None = None
    """ISO 3166 region in which a number without ``+`` is read; ``None`` asks for E.164."""

    ALLOWED_REGIONS: tuple[str, ...] | None = None
    """ISO 3166 regions that are sent codes; ``None`` allows all."""

    CODE_LENGTH: int = 6
    """Digits of a code, 6 to 10 (NIST SP 800-63B-4 section 3.1.3.2)."""

    CODE_LIFETIME: timedelta = timedelta(minutes=5)
    """How long a code works, at most 10 minutes (NIST SP 800-63B-4 section 3.1.3.2)."""

    CODE_MAX_GUESSES: int = 5
    """Guesses at one code, at most 10."""

    RESEND_PAUSES: tuple[timedelta, ...] = (
        timedelta(seconds=30),
        timedelta(seconds=60),
        timedelta(seconds=90),
        timedelta(seconds=120),
    )
    """The wait after the first, second, … code of an hour; the last one repeats."""

    SENDS_PER_HOUR: int = 5
    """Codes for one number and one asker in an hour."""

    SENDS_PER_DAY: int = 10
    """Codes for one number and one asker in 24 hours."""

    FAILURES_PER_DAY: int = 10
    """Wrong guesses at one number by one asker in 24 hours."""

    FAILURES_PER_MONTH: int = 50
    """Wrong guesses at one number by one asker in 30 days."""

    FAILURES_IN_A_ROW: int = 100
    """Wrong guesses without a right one until codes are disabled, at most 100 (NIST SP 800-63B-4 section 3.2.2)."""

    LIMITS: Mapping[str, str | None] = field(default_factory=lambda: DEFAULT_LIMITS)
    """Merged over the defaults, key by key, in the notation of the ``limits`` library; ``None`` switches one off."""

    LIMITS_STORAGE: str = field(default="database", repr=False)
    """``"database"``, or a storage URL of the ``limits`` library such as ``redis://127.0.0.1:6379/0``."""

    TRUSTED_PROXY_COUNT: int = 0
    """How many proxies of yours append to ``X-Forwarded-For``."""

    ACCESS_TOKEN_LIFETIME: timedelta = timedelta(minutes=10)
    """``exp`` of an access token, shortened by a random 0-5 %; at most an hour."""

    REFRESH_TOKEN_LIFETIME: timedelta = timedelta(days=60)
    """``exp`` of a refresh token: how long a session may lie idle."""

    SESSION_LIFETIME: timedelta = timedelta(days=365)
    """The absolute end of a session, however often it refreshes."""

    REFRESH_GRACE: timedelta = timedelta(seconds=30)
    """How long a rotated refresh token is answered with its successor again."""

    FRESH_WINDOW: timedelta = timedelta(minutes=10)
    """How long after a code or a password a token counts as fresh."""

    ACCESS_CHECK: str = "session"
    """``"session"``: each call asks the database whether the session is live. ``"cache"``: it asks ``ACCESS_CACHE``
    first. ``"none"``: it asks nobody, and a session that ended goes on until its access token expires."""

    ACCESS_CACHE: str = "default"
    """The alias in ``CACHES`` that ``ACCESS_CHECK = "cache"`` asks: a cache that all processes share."""

    MAX_SESSIONS: int | None = None
    """Live sessions of one user; a login over it ends the one longest unused."""

    SMS: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: DEFAULT_SMS, repr=False)
    """Alias to ``{"BACKEND": dotted path, "OPTIONS": {…}}``; ``"default"`` is asked where no router decides."""

    SMS_ROUTER: str | None = None
    """Dotted path of a callable that gets the E.164 number and returns an alias of ``SMS``."""

    SEND: str = "inline"
    """``"inline"``: the answer waits for the provider. ``"thread"``: it never waits and never tells."""

    SMS_ORIGIN: str | None = None
    """Host of the last line ``@host #code`` (WICG origin-bound one-time codes); ``None`` leaves it out."""


@dataclass(frozen=True)
class Problem:
    """A key that cannot be read: what is wrong, and what to do."""

    key: str
    message: str
    hint: str


CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "SIGNUP": ("login", "register", "closed"),
        "SEND": ("inline", "thread"),
        "ACCESS_CHECK": ("session", "cache", "none"),
    }
)
AUTH_TYPES = ("PHONE", "PASSWORD")

_cached: tuple[object, Conf] | None = None


def current() -> Conf:
    """Return the settings as they are now.

    Raises ``ImproperlyConfigured`` where a key is unknown or has the wrong type; ``manage.py check`` names all.
    """
    global _cached
    raw = getattr(settings, NAME, None)
    if _cached is not None and _cached[0] is raw:
        return _cached[1]
    conf, problems = read(raw)
    if problems:
        raise ImproperlyConfigured("; ".join(f"{problem.message} {problem.hint}" for problem in problems))
    _cached = (raw, conf)
    return conf


def read(raw: object) -> tuple[Conf, list[Problem]]:
    """Read the project's dict; a key with a problem keeps its default."""
    if raw is None:
        return Conf(), []
    if not isinstance(raw, Mapping):
        return Conf(), [Problem(NAME, f"{NAME} is not a dict.", "Write SECURELOGIN = {…}.")]
    problems: list[Problem] = []
    known = {item.name: item.type for item in fields(Conf)}
    values: dict[str, Any] = {}
    for key, value in raw.items():
        if key not in known:
            problems.append(Problem(str(key), f"{NAME} has no key {key!r}.", f"Known are: {', '.join(sorted(known))}."))
        elif problem := _problem(key, value, str(known[key])):
            problems.append(problem)
        else:
            values[key] = _merged(key, value)
    return Conf(**values), problems


def _merged(key: str, value: Any) -> Any:
    if key == "LIMITS":
        return MappingProxyType({**DEFAULT_LIMITS, **value})
    return tuple(value) if isinstance(value, list) else value


def _problem(key: str, value: object, annotation: str) -> Problem | None:
    wanted = _TYPES[annotation]
    if not wanted.fits(value):
        return Problem(key, f"{NAME}[{key!r}] has the wrong type.", f"It takes {wanted.words}.")
    if key in CHOICES and value not in CHOICES[key]:
        return Problem(key, f"{NAME}[{key!r}] has an unknown value.", f"It takes one of {', '.join(CHOICES[key])}.")
    if key == "AUTH_TYPES" and not (value and set(value) <= set(AUTH_TYPES)):  # type: ignore[call-overload]
        return Problem(key, f"{NAME}[{key!r}] has an unknown value.", f"It takes some of {', '.join(AUTH_TYPES)}.")
    if key == "LIMITS" and (unknown := set(value) - set(DEFAULT_LIMITS)):  # type: ignore[call-overload]
        return Problem(
            key,
            f"{NAME}['LIMITS'] has no key {', '.join(sorted(map(str, unknown)))}.",
            f"Known are: {', '.join(sorted(DEFAULT_LIMITS))}.",
        )
    if is_negative(value):
        return Problem(key, f"{NAME}[{key!r}] is negative.", "It takes zero or more.")
    return None


def is_negative(value: object) -> bool:
    """Whether a number or duration, or one in a sequence, is below zero."""
    if isinstance(value, (tuple, list)):
        return any(is_negative(item) for item in value)
    if isinstance(value, timedelta):
        return value < timedelta(0)
    return isinstance(value, int) and value < 0


@dataclass(frozen=True)
class _Type:
    words: str
    item: type
    is_sequence: bool = False
    is_optional: bool = False

    def fits(self, value: object) -> bool:
        if value is None:
            return self.is_optional
        if not self.is_sequence:
            return self._fits_one(value)
        return isinstance(value, (tuple, list)) and all(self._fits_one(item) for item in value)

    def _fits_one(self, value: object) -> bool:
        if isinstance(value, bool):  # bool is an int to Python, and never meant as one here
            return self.item is bool
        return isinstance(value, self.item)


@dataclass(frozen=True)
class _MappingType(_Type):
    values: tuple[type, ...] = ()

    def fits(self, value: object) -> bool:
        return isinstance(value, Mapping) and all(
            isinstance(key, str) and isinstance(item, self.values) for key, item in value.items()
        )


_TYPES: Mapping[str, _Type] = MappingProxyType(
    {
        "str": _Type("a string", str),
        "str | None": _Type("a string or None", str, is_optional=True),
        "bool": _Type("True or False", bool),
        "int": _Type("an integer", int),
        "int | None": _Type("an integer or None", int, is_optional=True),
        "timedelta": _Type("a datetime.timedelta", timedelta),
        "tuple[str, ...]": _Type("a tuple of strings", str, is_sequence=True),
        "tuple[str, ...] | None": _Type("a tuple of strings or None", str, is_sequence=True, is_optional=True),
        "tuple[timedelta, ...]": _Type("a tuple of datetime.timedelta", timedelta, is_sequence=True),
        "Mapping[str, str | None]": _MappingType(
            "a dict of strings to strings or None", dict, values=(str, type(None))
        ),
        "Mapping[str, Mapping[str, Any]]": _MappingType("a dict of aliases to dicts", dict, values=(Mapping,)),
    }
)
