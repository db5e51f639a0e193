"""Leave codes to Twilio Verify: it makes, sends and compares them.

https://www.twilio.com/docs/verify/api

Its habits: a code lives ten minutes; while it lives, another start sends the same code under the same id; five checks
and five sends a code; the id is gone once it was approved, has expired or was guessed at too often. ``CODE_LENGTH``
has to be the length that the service is set to.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.views.decorators.debug import sensitive_variables

from ..exceptions import SMSNotSent
from .base import BaseCodeBackend, OptionProblem
from .twilio import Account, check_account

logger = logging.getLogger("securelogin.sms")

MAX_ID = 64
"""Characters of an id that are kept; Twilio's has 34."""


class SMSBackend(BaseCodeBackend):
    """Verify with the service ``OPTIONS["service_sid"]``; the other options are those of ``twilio.Account``."""

    option_names = frozenset(
        {"account_sid", "auth_token", "api_key_sid", "api_key_secret", "service_sid", "timeout", "api_base"}
    )

    def __init__(self, alias: str = "default", **options: Any) -> None:
        super().__init__(alias, **options)
        self.account = Account(options)

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> list[OptionProblem]:
        """Name unknown options, missing credentials and a missing service."""
        problems = super().check_options(options) + check_account(options)
        if not (options.get("service_sid") and isinstance(options["service_sid"], str)):
            problems.append(
                OptionProblem(
                    "OPTIONS['service_sid'] is missing.", "Make a Verify service (VA…) in the Twilio console."
                )
            )
        return problems

    @sensitive_variables()
    def start(self, *, to: str) -> str:
        """Have Twilio send a code; returns the verification's id. Raises ``SMSNotSent`` unless it answers with one."""
        self.require_options()
        service = self.options["service_sid"]
        started = self.account.ask(
            lambda client: client.verify.v2.services(service).verifications.create(to=to, channel="sms")
        )
        sid = started.sid
        if not (isinstance(sid, str) and 0 < len(sid) <= MAX_ID):
            raise SMSNotSent("Twilio answered without a verification's id")
        return sid

    @sensitive_variables()
    def check(self, *, to: str, provider_id: str, code: str) -> bool:
        """Ask Twilio to compare; True only where it approves this verification of this number."""
        if not (provider_id and code):
            return False
        service = self.options.get("service_sid")
        try:
            self.require_options()
            # By id and not by number: a later verification of the number is not the one asked about.
            answer = self.account.ask(
                lambda client: client.verify.v2.services(service).verification_checks.create(
                    verification_sid=provider_id, code=code
                )
            )
        except SMSNotSent as error:
            logger.warning("%s: a code could not be checked: %s", self.alias, error.reason)
            return False
        if answer.status != "approved":
            return False
        if answer.sid != provider_id or answer.to != to:
            logger.warning("%s: a check was approved for another verification or number", self.alias)
            return False
        return True
