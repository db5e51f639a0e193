"""The example project as the races serve it; what varies comes by the environment.

- ``RACES_VARIANT``: one of ``VARIANTS``
- ``RACES_ATOMIC``: ``on`` sets ``ATOMIC_REQUESTS``
- ``RACES_EVENTS``: the file that announcements of reuse and of ended sessions are written to

Every caller is told apart by ``X-Forwarded-For``, so that a round has addresses of its own.
"""

from __future__ import annotations

from datetime import timedelta
from os import environ
from typing import Any

from example_project.settings import *
from example_project.settings import DATABASES, INSTALLED_APPS, MIDDLEWARE, REDIS_URL, SECURELOGIN
from securelogin.conf import DEFAULT_LIMITS

LIMIT = 7
MAX_SESSIONS = 5
PLENTY = 1_000_000
NO_LIMITS: dict[str, str | None] = dict.fromkeys(DEFAULT_LIMITS)
NO_PAUSES: dict[str, Any] = {
    "RESEND_PAUSES": (timedelta(0),),
    "SENDS_PER_HOUR": PLENTY,
    "SENDS_PER_DAY": PLENTY,
}

VARIANTS: dict[str, dict[str, Any]] = {
    "wide": {**NO_PAUSES, "LIMITS": NO_LIMITS},
    "strict": {
        **NO_PAUSES,
        "LIMITS": NO_LIMITS,
        "REFRESH_GRACE": timedelta(0),
        "MAX_SESSIONS": MAX_SESSIONS,
    },
    "tight": {"LIMITS": {**NO_LIMITS, "login_ip": f"{LIMIT}/hour"}},
    "tight-redis": {"LIMITS": {**NO_LIMITS, "login_ip": f"{LIMIT}/hour"}, "LIMITS_STORAGE": REDIS_URL},
}

SECURELOGIN = {
    **SECURELOGIN,
    "LIMITS_STORAGE": "database",
    "TRUSTED_PROXY_COUNT": 1,
    **VARIANTS[environ.get("RACES_VARIANT", "wide")],
}

DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [*INSTALLED_APPS, "tests.races"]
MIDDLEWARE = ["tests.races.middleware.WorkerMiddleware", *MIDDLEWARE]
DATABASES = {
    "default": {**DATABASES["default"], "ATOMIC_REQUESTS": environ.get("RACES_ATOMIC") == "on", "CONN_MAX_AGE": 600}
}
