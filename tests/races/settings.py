"""The example project as the races serve it; what varies comes by the environment.

- ``RACES_VARIANT``: one of ``VARIANTS``
- ``RACES_ATOMIC``: ``on`` sets ``ATOMIC_REQUESTS``
- ``RACES_ISOLATION``: the level of PostgreSQL and MariaDB, in words
- ``RACES_EVENTS``: the file that announcements of reuse and of ended sessions are written to
- ``RACES_GATEWAY``: ``asgi`` where it is served so
- ``RACES_MUTANT``: one of ``mutants.MUTANTS``, which the host then has in the place of what is right

Every caller is told apart by ``X-Forwarded-For``, so that a round has addresses of its own.
"""

from __future__ import annotations

from datetime import timedelta
from os import environ
from typing import Any

from psycopg import IsolationLevel

from example_project.settings import *
from example_project.settings import DATABASES, INSTALLED_APPS, LOGGING, MIDDLEWARE, REDIS_URL, SECURELOGIN
from securelogin.conf import DEFAULT_LIMITS

LIMIT = 7
MAX_SESSIONS = 5
FAILURES_PER_DAY = 10
PLENTY = 1_000_000
NO_LIMITS: dict[str, str | None] = dict.fromkeys(DEFAULT_LIMITS)
NO_PAUSES: dict[str, Any] = {
    "RESEND_PAUSES": (timedelta(0),),
    "SENDS_PER_HOUR": PLENTY,
    "SENDS_PER_DAY": PLENTY,
}

VARIANTS: dict[str, dict[str, Any]] = {
    "wide": {
        **NO_PAUSES,
        "LIMITS": NO_LIMITS,
        "AUTH_TYPES": ("PHONE", "PASSWORD"),
        "FAILURES_PER_DAY": FAILURES_PER_DAY,
    },
    "strict": {
        **NO_PAUSES,
        "LIMITS": NO_LIMITS,
        "REFRESH_GRACE": timedelta(0),
        "MAX_SESSIONS": MAX_SESSIONS,
        # A login that the database gives up on (503) leaves its guess counted, and devices play every round.
        "FAILURES_PER_DAY": PLENTY,
        "FAILURES_PER_MONTH": PLENTY,
    },
    "tight": {"LIMITS": {**NO_LIMITS, "login_ip": f"{LIMIT}/hour"}},
    "tight-redis": {"LIMITS": {**NO_LIMITS, "login_ip": f"{LIMIT}/hour"}, "LIMITS_STORAGE": REDIS_URL},
    "cached": {**NO_PAUSES, "LIMITS": NO_LIMITS, "ACCESS_CHECK": "cache", "FAILURES_PER_DAY": PLENTY},
    # Sessions and counters are over in seconds, so that clearing meets those who use them.
    "mixed": {
        **NO_PAUSES,
        "LIMITS": {**NO_LIMITS, "login_ip": f"{PLENTY}/second", "verify_ip": f"{PLENTY}/second"},
        "MAX_SESSIONS": MAX_SESSIONS,
        "FAILURES_PER_DAY": PLENTY,
        "FAILURES_PER_MONTH": PLENTY,
        "SESSION_LIFETIME": timedelta(seconds=6),
        "REFRESH_TOKEN_LIFETIME": timedelta(seconds=6),
    },
}

SECURELOGIN = {
    **SECURELOGIN,
    "LIMITS_STORAGE": "database",
    "TRUSTED_PROXY_COUNT": 1,
    **VARIANTS[environ.get("RACES_VARIANT", "wide")],
}

DEBUG = False
LOGGING = {  # no refusals: they are what is played for
    **LOGGING,
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "level": "ERROR"}},
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [*INSTALLED_APPS, "tests.races"]
MIDDLEWARE = ["tests.races.middleware.WorkerMiddleware", *MIDDLEWARE]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a slow one would only spread the calls
DATABASES = {
    "default": {
        **DATABASES["default"],
        "ATOMIC_REQUESTS": environ.get("RACES_ATOMIC") == "on",
        "CONN_MAX_AGE": 0 if environ.get("RACES_GATEWAY") == "asgi" else 600,  # there each call has a thread of its own
    }
}
if environ.get("RACES_GATEWAY") == "asgi" and DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # As docs/how-to/operate.md says: as many calls at once as come, but no more connections than the server takes.
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 4, "timeout": 60}
if level := environ.get("RACES_ISOLATION"):
    levels = {
        "django.db.backends.postgresql": IsolationLevel[level.replace(" ", "_").upper()],
        "django.db.backends.mysql": level,
    }
    DATABASES["default"]["OPTIONS"]["isolation_level"] = levels[DATABASES["default"]["ENGINE"]]
RACES_MUTANT = environ.get("RACES_MUTANT")
