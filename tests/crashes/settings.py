"""The example project as the crashes serve it, on top of how the races do; what varies comes by the environment.

- ``CRASHES_VARIANT``: one of ``HOSTS``
- ``CRASHES_POINTS``: ``on`` lets a call name the step at which its worker dies
- ``CRASHES_MUTANT``: one of ``mutants.MUTANTS``, which the host then has in the place of what is right
- ``CRASHES_PROVIDER``: the address of a provider on loopback, in the place of the file
"""

from __future__ import annotations

from datetime import timedelta
from os import environ
from typing import Any

from tests.races.settings import *
from tests.races.settings import DATABASES, INSTALLED_APPS, LIMIT, MIDDLEWARE, NO_LIMITS, REDIS_URL, SECURELOGIN
from tests.sms import fake_twilio

VARIANT = environ.get("CRASHES_VARIANT", "wide")
LOCK_TIMEOUT = 1.0
ROOMY: dict[str, str | None] = {
    **NO_LIMITS,
    "login_ip": "1000/hour",
    "login_site": "9999999/hour",
    "spray_site": "9999999/hour",
    "verify_ip": "1000/hour",
}

HOSTS: dict[str, dict[str, Any]] = {
    "wide": {"LIMITS": ROOMY},
    "strict": {
        "LIMITS": {**ROOMY, "login_ip": f"{LIMIT}/hour"},
        "LIMITS_STORAGE": REDIS_URL,
        "REFRESH_GRACE": timedelta(0),
    },
    "chaos": {"LIMITS": ROOMY, "LIMITS_STORAGE": REDIS_URL},
    "impatient": {"LIMITS": ROOMY},
    "inline": {"LIMITS": NO_LIMITS, "SEND": "inline"},
    "thread": {"LIMITS": NO_LIMITS, "SEND": "thread"},
}

SECURELOGIN = {**SECURELOGIN, "RESEND_PAUSES": (timedelta(seconds=1),), **HOSTS[VARIANT]}
if provider := environ.get("CRASHES_PROVIDER"):
    options = {
        "account_sid": fake_twilio.ACCOUNT_SID,
        "auth_token": fake_twilio.AUTH_TOKEN,
        "from_number": fake_twilio.FROM_NUMBER,
        "api_base": provider,
    }
    SECURELOGIN["SMS"] = {"default": {"BACKEND": "securelogin.sms.twilio.SMSBackend", "OPTIONS": options}}

INSTALLED_APPS = [*INSTALLED_APPS, "tests.crashes"]
MIDDLEWARE = [*MIDDLEWARE, "tests.crashes.points.CrashMiddleware"]
DATABASES = {
    "default": {
        **DATABASES["default"],
        # What must be kept although its request fails has to be kept against ATOMIC_REQUESTS. Where the database goes
        # away it is off: the transaction that Django opens around a host's own view fails before any of us is asked.
        "ATOMIC_REQUESTS": VARIANT in {"wide", "inline", "thread"},
        "CONN_HEALTH_CHECKS": True,
    }
}
if VARIANT == "strict":
    DATABASES["default"]["CONN_MAX_AGE"] = 0  # what a database is told to refuse holds for new connections
if VARIANT == "impatient":
    DATABASES["default"]["OPTIONS"] = {**DATABASES["default"]["OPTIONS"], "timeout": LOCK_TIMEOUT}
