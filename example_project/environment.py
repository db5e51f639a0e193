"""What the environment says, as Django's settings want it.

These are all the variables that the example project reads:

- ``DJANGO_SECRET_KEY``; may be missing only where ``DJANGO_DEBUG`` is on
- ``DJANGO_DEBUG``: ``1``, ``true``, ``yes`` or ``on``; everything else is off
- ``DJANGO_ALLOWED_HOSTS``: names with commas between them
- ``DATABASE_URL``: ``sqlite:////path``, ``postgres://…`` or ``mysql://…`` (MariaDB); ``?name=value`` sets an option
- ``REDIS_URL``
- ``SECURELOGIN_SMS``: ``console``, ``filebased``, ``locmem``, ``dummy``, ``twilio`` or ``twilio_verify``
- ``SECURELOGIN_SMS_FILE``: where ``filebased`` writes
- ``TWILIO_ACCOUNT_SID``, ``TWILIO_AUTH_TOKEN``, ``TWILIO_VERIFY_SERVICE_SID`` and ``TWILIO_FROM``, which is a number
  or the SID of a messaging service
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dj_database_url
import pymysql
from django.core.exceptions import ImproperlyConfigured

DEBUG_KEY = "django-insecure-only-for-DJANGO_DEBUG-everyone-can-read-this-key"

SQLITE_OPTIONS: dict[str, Any] = {
    # A transaction that begins by reading and then writes is refused at once where another one writes; IMMEDIATE
    # takes its turn at the start instead, and waits for it.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}
MARIADB_OPTIONS: dict[str, Any] = {"charset": "utf8mb4"}


def is_on(text: str | None) -> bool:
    """Whether a variable says yes."""
    return (text or "").strip().lower() in {"1", "true", "yes", "on"}


def words(text: str | None) -> list[str]:
    """Return what stands between commas."""
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def secret_key(environ: Mapping[str, str]) -> str:
    """Return ``DJANGO_SECRET_KEY``; without one a public key, and that only where ``DJANGO_DEBUG`` is on.

    Raises ``ImproperlyConfigured``: codes and tokens are only as secret as this key.
    """
    if key := environ.get("DJANGO_SECRET_KEY"):
        return key
    if is_on(environ.get("DJANGO_DEBUG")):
        return DEBUG_KEY
    raise ImproperlyConfigured(
        "Set DJANGO_SECRET_KEY to 50 or more random characters, or DJANGO_DEBUG=1 to try things out."
    )


def required(environ: Mapping[str, str], name: str) -> str:
    """Return a variable that has no default; raises ``ImproperlyConfigured`` where it is not set."""
    if value := environ.get(name):
        return value
    raise ImproperlyConfigured(f"Set {name}.")


def database(url: str) -> dict[str, Any]:
    """Read a database's URL, and add what each kind needs to hold what we promise."""
    settings: dict[str, Any] = {**dj_database_url.parse(url)}
    defaults: dict[str, Any] = {}
    if settings["ENGINE"] == "django.db.backends.sqlite3":
        defaults = SQLITE_OPTIONS
    elif settings["ENGINE"] == "django.db.backends.mysql":
        pymysql.install_as_MySQLdb()
        defaults = MARIADB_OPTIONS
        settings["TEST"] = {"CHARSET": "utf8mb4"}
    settings["OPTIONS"] = {**defaults, **settings.get("OPTIONS", {})}
    return settings


def caches(redis_url: str | None) -> dict[str, dict[str, Any]]:
    """Put the cache in Redis where there is one, else in each process."""
    if redis_url:
        return {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": redis_url}}
    return {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}


def sms(environ: Mapping[str, str]) -> dict[str, Any]:
    """Choose the way that codes go out; raises ``ImproperlyConfigured`` for an unknown one."""
    name = environ.get("SECURELOGIN_SMS") or "console"
    account = {
        "account_sid": environ.get("TWILIO_ACCOUNT_SID", ""),
        "auth_token": environ.get("TWILIO_AUTH_TOKEN", ""),
    }
    sender = environ.get("TWILIO_FROM", "")
    options: dict[str, dict[str, str]] = {
        "console": {},
        "filebased": {"path": environ.get("SECURELOGIN_SMS_FILE", "")},
        "locmem": {},
        "dummy": {},
        "twilio": {**account, "messaging_service_sid" if sender.startswith("MG") else "from_number": sender},
        "twilio_verify": {**account, "service_sid": environ.get("TWILIO_VERIFY_SERVICE_SID", "")},
    }
    if name not in options:
        raise ImproperlyConfigured(f"SECURELOGIN_SMS takes one of {', '.join(options)}.")
    return {"BACKEND": f"securelogin.sms.{name}.SMSBackend", "OPTIONS": options[name]}
