"""The example project as the fuzzers serve it; what varies comes by the environment.

- ``FUZZ_BUDGETS``: ``wide`` (no limits, every way in is open) or ``default`` (as a host that set nothing)
- ``FUZZ_BREAK``: how the contract is broken; nothing without it
- ``FUZZ_LOG``: the file that the log is written to
"""

from __future__ import annotations

from datetime import timedelta
from os import environ
from typing import Any

from example_project.settings import *
from example_project.settings import DATABASES, LOGGING, MIDDLEWARE, SECURELOGIN
from securelogin.conf import DEFAULT_LIMITS

PLENTY = 1_000_000_000
NO_LIMITS: dict[str, str | None] = dict.fromkeys(DEFAULT_LIMITS)

BUDGETS: dict[str, dict[str, Any]] = {
    "default": {},
    "wide": {
        "AUTH_TYPES": ("PHONE", "PASSWORD"),
        "CODE_LIFETIME": timedelta(minutes=10),
        "RESEND_PAUSES": (timedelta(0),),
        "SENDS_PER_HOUR": PLENTY,
        "SENDS_PER_DAY": PLENTY,
        "FAILURES_PER_DAY": PLENTY,
        "FAILURES_PER_MONTH": PLENTY,
        "FAILURES_IN_A_ROW": PLENTY,
        "LIMITS": NO_LIMITS,
        "MAX_SESSIONS": 20,
        "TRUSTED_PROXY_COUNT": 1,
    },
}

SECURELOGIN = {**SECURELOGIN, "LIMITS_STORAGE": "database", **BUDGETS[environ.get("FUZZ_BUDGETS", "wide")]}

# A number that is locked for good after a hundred failures would be no number to fuzz with.
SILENCED_SYSTEM_CHECKS = ["securelogin.E018"]

DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
DATABASES = {"default": {**DATABASES["default"], "CONN_MAX_AGE": 600}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

if "FUZZ_BREAK" in environ:
    MIDDLEWARE = ["tests.fuzz.broken.BreakingMiddleware", *MIDDLEWARE]

LOGGING = {
    **LOGGING,
    "formatters": {
        "line": {"()": "tests.fuzz.logs.Formatter", "format": "{asctime} {levelname} {name}: {message}", "style": "{"}
    },
    "handlers": {
        "console": {
            "class": "logging.FileHandler",
            "filename": environ.get("FUZZ_LOG", "/dev/null"),
            "formatter": "line",
        }
    },
}
