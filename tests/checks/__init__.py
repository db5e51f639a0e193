"""Tests of the system checks: what each id finds, and what it lets be."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, run_checks
from django.test import override_settings

from securelogin.checks import TAG

TWILIO = {
    "BACKEND": "securelogin.sms.twilio.SMSBackend",
    "OPTIONS": {"account_sid": "AC00", "auth_token": "not a token", "from_number": "+12025550100"},
}
SITE: dict[str, Any] = {"SMS": {"default": TWILIO}, "ALLOWED_REGIONS": ("DE", "US"), "SEND": "thread"}
"""What a site on the internet has to say, and no more."""


def ours(**keys: Any) -> dict[str, Any]:
    """Return the settings of such a site, but for some keys of ``SECURELOGIN``."""
    return {"SECURELOGIN": {**SITE, **keys}}


def run(**settings: Any) -> list[CheckMessage]:
    """Run every check under our tag, those for a deployment too, on a site with some other settings."""
    with override_settings(**{**ours(), **settings}):
        return run_checks(tags=[TAG], include_deployment_checks=True)


def ids(messages: list[CheckMessage]) -> set[str]:
    """Return the ids without their prefix."""
    return {str(message.id).removeprefix("securelogin.") for message in messages}
