"""Mistakes in the example project's production settings, and what ``check --deploy`` says of each.

Settings are read once in a process, so the mistakes are made in one that has production's: ``PROGRAM``.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import override_settings

PROGRAM = "import django; django.setup(); from tests.checks import mistakes; mistakes.main()"

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
KEY = "a signing key that is long enough for HS256"
STOCK = "rest_framework_simplejwt.authentication.JWTAuthentication"


@dataclass(frozen=True)
class Mistake:
    """Keys of ``SECURELOGIN`` that are wrong, or other settings, and the id that tells."""

    id: str
    keys: dict[str, Any] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)


def mistake(tells: str, **keys: Any) -> Mistake:
    """Return a mistake in ``SECURELOGIN``."""
    return Mistake(tells, keys=keys)


def elsewhere(tells: str, **others: Any) -> Mistake:
    """Return a mistake in another setting."""
    return Mistake(tells, others=others)


MISTAKES = {
    "a key that is misspelled": mistake("securelogin.E001", CODE_LENTGH=6),
    "a code of four digits": mistake("securelogin.E010", CODE_LENGTH=4),
    "a code that lives an hour": mistake("securelogin.E011", CODE_LIFETIME=HOUR),
    "a hundred guesses at a code": mistake("securelogin.E012", CODE_MAX_GUESSES=100),
    "a pause of a week": mistake("securelogin.E013", RESEND_PAUSES=(7 * DAY,)),
    "no code an hour": mistake("securelogin.E014", SENDS_PER_HOUR=0),
    "no code a day": mistake("securelogin.E015", SENDS_PER_DAY=0),
    "no failure a day": mistake("securelogin.E016", FAILURES_PER_DAY=0),
    "no failure a month": mistake("securelogin.E017", FAILURES_PER_MONTH=0),
    "a thousand failures in a row": mistake("securelogin.E018", FAILURES_IN_A_ROW=1000),
    "an access token for a day": mistake("securelogin.E020", ACCESS_TOKEN_LIFETIME=DAY),
    "a refresh token for no time": mistake("securelogin.E021", REFRESH_TOKEN_LIFETIME=0 * DAY),
    "a session for a century": mistake("securelogin.E022", SESSION_LIFETIME=36500 * DAY),
    "a refresh token beyond its session": mistake("securelogin.E023", REFRESH_TOKEN_LIFETIME=400 * DAY),
    "a grace of an hour": mistake("securelogin.E024", REFRESH_GRACE=HOUR),
    "nothing is ever fresh": mistake("securelogin.E025", FRESH_WINDOW=0 * SECOND),
    "no session at all": mistake("securelogin.E026", MAX_SESSIONS=0),
    "a hundred proxies": mistake("securelogin.E027", TRUSTED_PROXY_COUNT=100),
    "a limit that cannot be read": mistake("securelogin.E030", LIMITS={"login_ip": "often"}),
    "a storage that is none": mistake("securelogin.E031", LIMITS_STORAGE="memcached://127.0.0.1"),
    "limits in each process": mistake("securelogin.E032", LIMITS_STORAGE="memory://"),
    "a Redis without a port": mistake("securelogin.E033", LIMITS_STORAGE="redis://127.0.0.1:port"),
    "a region that is none": mistake("securelogin.E050", DEFAULT_REGION="UK"),
    "an allowed region that is none": mistake("securelogin.E051", ALLOWED_REGIONS=("UK",)),
    "no region at all": mistake("securelogin.E052", ALLOWED_REGIONS=()),
    "a router that is not there": mistake("securelogin.E055", SMS_ROUTER="nowhere.route"),
    "a backend that is not there": mistake("securelogin.E056", SMS={"default": {"BACKEND": "nowhere.SMSBackend"}}),
    "an alias without a name": mistake("securelogin.E057", SMS={**settings.SECURELOGIN["SMS"], "": {}}),
    "an origin with a scheme": mistake("securelogin.E058", SMS_ORIGIN="https://example.com"),
    "tokens that nobody signs": elsewhere("securelogin.E060", SIMPLE_JWT={"ALGORITHM": "none"}),
    "a pair of keys with one missing": elsewhere(
        "securelogin.E062", SIMPLE_JWT={"ALGORITHM": "ES256", "SIGNING_KEY": KEY}
    ),
    "a short signing key": elsewhere("securelogin.E063", SIMPLE_JWT={"SIGNING_KEY": "s", "USER_ID_CLAIM": "sub"}),
    "one key for two purposes": elsewhere(
        "securelogin.E064", SIMPLE_JWT={"SIGNING_KEY": settings.SECRET_KEY, "USER_ID_CLAIM": "sub"}
    ),
    "keys that are no pair": elsewhere(
        "securelogin.E065", SIMPLE_JWT={"ALGORITHM": "ES256", "SIGNING_KEY": KEY, "VERIFYING_KEY": KEY}
    ),
    "another name of the session": elsewhere("securelogin.E066", SIMPLE_JWT={"JTI_CLAIM": "id"}),
    "a lifetime in the wrong place": elsewhere("securelogin.W067", SIMPLE_JWT={"ACCESS_TOKEN_LIFETIME": HOUR}),
    "simplejwt's own authentication": elsewhere(
        "securelogin.E071",
        SIMPLE_JWT={"SIGNING_KEY": KEY, "USER_ID_CLAIM": "sub"},
        REST_FRAMEWORK={**settings.REST_FRAMEWORK, "DEFAULT_AUTHENTICATION_CLASSES": [STOCK]},
    ),
    "another name of the user": elsewhere("securelogin.E072", SIMPLE_JWT={"SIGNING_KEY": KEY}),
    "an app that is missing": elsewhere(
        "securelogin.W041", INSTALLED_APPS=[app for app in settings.INSTALLED_APPS if app != "rest_framework"]
    ),
    "clocks that are put back": elsewhere("securelogin.W085", USE_TZ=False, TIME_ZONE="Europe/Berlin"),
    "codes on the console": mistake(
        "securelogin.W101", SMS={"default": {"BACKEND": "securelogin.sms.console.SMSBackend"}}
    ),
    "every region": mistake("securelogin.W102", ALLOWED_REGIONS=None),
    "no pause": mistake("securelogin.W103", RESEND_PAUSES=()),
    "no grace": mistake("securelogin.W104", REFRESH_GRACE=0 * SECOND),
    "answers that wait for the provider": mistake("securelogin.W105", SEND="inline"),
    "accounts that anyone may ask for": mistake("securelogin.W106", PREVENT_ENUMERATION=False),
    "a limit that is off": mistake("securelogin.W107", LIMITS={"verify_ip": None}),
    "a limit that is wide": mistake("securelogin.W108", LIMITS={"verify_ip": "1000/minute"}),
    "a key of startproject": elsewhere(
        "securelogin.E068", SIMPLE_JWT={"SIGNING_KEY": f"django-insecure-{KEY}", "USER_ID_CLAIM": "sub"}
    ),
    "many codes an hour": mistake("securelogin.W110", SENDS_PER_HOUR=1000),
    "many codes a day": mistake("securelogin.W111", SENDS_PER_DAY=1000),
    "many failures a day": mistake("securelogin.W112", FAILURES_PER_DAY=1000),
    "many failures a month": mistake("securelogin.W113", FAILURES_PER_MONTH=1000),
    "a grace of a minute": mistake("securelogin.W114", REFRESH_GRACE=60 * SECOND),
    "fresh for a day": mistake("securelogin.W115", FRESH_WINDOW=DAY),
    "a cache that is none": mistake("securelogin.E028", ACCESS_CHECK="cache", ACCESS_CACHE="nowhere"),
    "a cache of each process": Mistake(
        "securelogin.W117",
        keys={"ACCESS_CHECK": "cache"},
        others={"CACHES": {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}},
    ),
    "calls that ask nobody": mistake("securelogin.W118", ACCESS_CHECK="none"),
}


def check() -> str:
    """Return what ``check --deploy`` says, errors and warnings."""
    said = StringIO()
    try:
        call_command("check", deploy=True, stdout=StringIO(), stderr=said, no_color=True)
    except CommandError as error:
        said.write(str(error))
    return said.getvalue()


def main() -> None:
    """Print JSON: the name of each mistake to what the command says of it alone, ``""`` to what it says of none."""
    said = {"": check()}
    for name, each in MISTAKES.items():
        with override_settings(**each.others, SECURELOGIN={**settings.SECURELOGIN, **each.keys}):
            said[name] = check()
    json.dump(said, sys.stdout)
