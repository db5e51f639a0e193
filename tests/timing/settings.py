"""The example project as the gate serves it: nothing refused, nothing waited for, ``SIGNUP`` by the environment.

Its budgets are wider than the checks allow, so it is served and migrated without them.
"""

from __future__ import annotations

from datetime import timedelta
from os import devnull, environ

from example_project.settings import *
from example_project.settings import DATABASES, INSTALLED_APPS, LOGGING, MIDDLEWARE, SECURELOGIN
from tests.races.settings import NO_LIMITS, NO_PAUSES, PLENTY

SECURELOGIN = {
    **SECURELOGIN,
    **NO_PAUSES,
    "LIMITS": NO_LIMITS,
    "LIMITS_STORAGE": "database",
    "CODE_LIFETIME": timedelta(days=1),
    "CODE_MAX_GUESSES": PLENTY,
    "FAILURES_PER_DAY": PLENTY,
    "FAILURES_PER_MONTH": PLENTY,
    "FAILURES_IN_A_ROW": PLENTY,
    "SIGNUP": environ.get("TIMING_SIGNUP", "login"),
    "SEND": "thread",
    "SMS": {
        "default": {"BACKEND": "securelogin.sms.dummy.SMSBackend"},
        "slow": {"BACKEND": "tests.timing.backends.SlowBackend"},
    },
    "SMS_ROUTER": "tests.timing.numbers.route",
}

DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [*INSTALLED_APPS, "tests.timing"]
MIDDLEWARE = ["tests.timing.middleware.DelayMiddleware", *MIDDLEWARE]
DATABASES = {"default": {**DATABASES["default"], "CONN_MAX_AGE": None}}
_LINES = {"formatter": "line", "filters": ["numbers"]}
LOGGING = {  # every line is written, as at a host, but where nobody reads it
    **LOGGING,
    "handlers": {
        "nowhere": {**_LINES, "class": "logging.FileHandler", "filename": devnull},
        "console": {**_LINES, "class": "logging.StreamHandler", "level": "ERROR"},
    },
    "root": {"handlers": ["nowhere", "console"], "level": "INFO"},
}
