"""Send texts through Twilio's Messages API: our code, from a number or a messaging service.

https://www.twilio.com/docs/messaging/api/message-resource
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from django.views.decorators.debug import sensitive_variables

from ..exceptions import SMSNotSent
from .base import DEFAULT_TIMEOUT, BaseSMSBackend, OptionProblem, check_timeout, wait_at_most

if TYPE_CHECKING:
    from twilio.rest import Client

T = TypeVar("T")

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class SMSBackend(BaseSMSBackend):
    """Send from ``OPTIONS["from_number"]`` or ``OPTIONS["messaging_service_sid"]``, one of them.

    The other options are those of ``Account``.
    """

    option_names = frozenset(
        {
            "account_sid",
            "auth_token",
            "api_key_sid",
            "api_key_secret",
            "from_number",
            "messaging_service_sid",
            "timeout",
            "api_base",
        }
    )

    def __init__(self, alias: str = "default", **options: Any) -> None:
        super().__init__(alias, **options)
        self.account = Account(options)

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> list[OptionProblem]:
        """Name unknown options, missing credentials and a missing or doubled sender."""
        problems = super().check_options(options) + check_account(options)
        if bool(options.get("from_number")) == bool(options.get("messaging_service_sid")):
            problems.append(
                OptionProblem(
                    "OPTIONS needs one sender: 'from_number' or 'messaging_service_sid'.",
                    "Take a number of yours (+…) or a messaging service (MG…) from the Twilio console.",
                )
            )
        return problems

    @sensitive_variables()
    def send(self, *, to: str, body: str) -> None:
        """Have Twilio queue a text; raises ``SMSNotSent`` unless it answers with a message's id."""
        self.require_options()
        if self.options.get("from_number"):
            sender = {"from_": self.options["from_number"]}
        else:
            sender = {"messaging_service_sid": self.options["messaging_service_sid"]}
        message = self.account.ask(lambda client: client.messages.create(to=to, body=body, **sender))
        if message.status in ("failed", "undelivered", "canceled"):
            raise SMSNotSent("Twilio took the message and gave it up", is_definite=True)
        if not (message.sid and isinstance(message.sid, str)):
            raise SMSNotSent("Twilio answered without a message's id")  # the SDK takes 201 {} for a success


class Account:
    """One Twilio account, reached through Twilio's SDK.

    ``account_sid`` with ``auth_token``, or with ``api_key_sid`` and ``api_key_secret``; ``timeout`` in seconds for a
    whole call; ``api_base`` in the place of ``https://api.twilio.com`` and its like. The SDK itself reads proxies from
    the environment, and ``TWILIO_EDGE`` and ``TWILIO_REGION``.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options

    @sensitive_variables()
    def ask(self, call: Callable[[Client], T]) -> T:
        """Make one call of the SDK; raises ``SMSNotSent`` for whatever goes wrong in it, and nothing else."""
        try:
            client = self._client  # imported and made before the clock starts: a busy machine takes its time
            return wait_at_most(self._timeout, lambda: call(client))
        except Exception as error:  # an answer that the SDK cannot read ends in errors of any kind
            failure = read_failure(error)
        # Outside the except block, so without a chain: Twilio's sentences quote the number.
        raise failure

    @property
    def _timeout(self) -> float:
        return float(self._options.get("timeout", DEFAULT_TIMEOUT))

    @cached_property
    def _client(self) -> Client:
        """The SDK's client, which keeps connections open. The SDK takes half a second to import."""
        from twilio.http.http_client import TwilioHttpClient
        from twilio.rest import Client

        # The SDK logs requests and answers, how much of them differs by release. No configuration reaches this logger.
        silent = logging.Logger("twilio")  # noqa: LOG001
        silent.disabled = True
        options = self._options
        client = Client(
            options.get("api_key_sid") or options["account_sid"],
            options.get("api_key_secret") or options["auth_token"],
            options["account_sid"],
            http_client=TwilioHttpClient(timeout=self._timeout, logger=silent),
        )
        if options.get("api_base"):
            client.api.base_url = client.verify.base_url = options["api_base"]
        return client


def check_account(options: Mapping[str, Any]) -> list[OptionProblem]:
    """Name missing credentials, an unsafe ``api_base``, a wrong time-out and a missing SDK."""
    problems = check_timeout(options)
    names = ["account_sid", "auth_token"]
    if options.get("api_key_sid") or options.get("api_key_secret"):
        names = ["account_sid", "api_key_sid", "api_key_secret"]
    problems += [
        OptionProblem(f"OPTIONS[{name!r}] is missing.", "It stands in the Twilio console, under API keys & tokens.")
        for name in names
        if not (options.get(name) and isinstance(options[name], str))
    ]
    if options.get("api_base") and not _is_safe(options["api_base"]):
        problems.append(
            OptionProblem("OPTIONS['api_base'] is not an https:// address.", "Credentials and codes go there.")
        )
    if find_spec("twilio") is None:
        problems.append(
            OptionProblem("Twilio's SDK is not installed.", 'Run pip install "django-securelogin[twilio]".'),
        )
    return problems


def _is_safe(api_base: object) -> bool:
    if not isinstance(api_base, str):
        return False
    address = urlsplit(api_base)
    return address.scheme == "https" or (address.scheme == "http" and address.hostname in LOOPBACK)


class Refusal(NamedTuple):
    """What one of Twilio's error codes says, in our words, and whether another number would have been served."""

    words: str
    is_numbers_fault: bool = False


REFUSALS: Mapping[int, Refusal] = MappingProxyType(
    {
        20003: Refusal("the credentials are not accepted"),
        20404: Refusal("there is no such account, service or verification"),
        20429: Refusal("too many calls at once"),
        21211: Refusal("the number is not valid", is_numbers_fault=True),
        21214: Refusal("the number cannot be reached", is_numbers_fault=True),
        21217: Refusal("the number does not look valid", is_numbers_fault=True),
        # The account's trial, not the number: every number that is not the developer's own is refused.
        21219: Refusal("a trial account sends to verified numbers only"),
        21265: Refusal("the number is a short code", is_numbers_fault=True),
        21266: Refusal("the number is the sender's own", is_numbers_fault=True),
        # A switch in the console, to be turned to what ALLOWED_REGIONS says; silence would hide that from the operator.
        21408: Refusal("messages to this region are not switched on in the account"),
        21606: Refusal("the sender cannot send messages"),
        21608: Refusal("a trial account sends to verified numbers only"),
        21610: Refusal("the number asked for no more messages", is_numbers_fault=True),
        21611: Refusal("the sender's queue is full"),
        # Twilio blames number and sender together; other numbers are served by the same sender.
        21612: Refusal("the number cannot be reached from this sender", is_numbers_fault=True),
        21614: Refusal("the number is not a mobile number", is_numbers_fault=True),
        21635: Refusal("the number is a landline", is_numbers_fault=True),
        21659: Refusal("the sender is not a number of Twilio's"),
        # Twilio Verify: https://www.twilio.com/docs/verify/api/error-codes
        60200: Refusal("a parameter is not valid, as a rule the number", is_numbers_fault=True),
        60202: Refusal("too many guesses at the number's code", is_numbers_fault=True),
        60203: Refusal("too many codes for the number", is_numbers_fault=True),
        60205: Refusal("the number is a landline", is_numbers_fault=True),
        60207: Refusal("a rate limit of the service is reached"),
        60212: Refusal("too many calls at once for the number", is_numbers_fault=True),
        60223: Refusal("the service has SMS switched off"),
        60410: Refusal("the number's range is blocked for fraud", is_numbers_fault=True),
        60605: Refusal("messages to this region are not switched on in the account"),
    }
)
"""Error codes of https://www.twilio.com/docs/api/errors that a call of ours can meet. One that is not here is
nobody's number's fault."""


def read_failure(error: Exception) -> SMSNotSent:
    """Say what an error of the SDK means: whether surely nothing was sent, and whether the number is why."""
    if isinstance(error, SMSNotSent):
        return error
    if isinstance(error, ImportError):
        return SMSNotSent("Twilio's SDK cannot be imported", is_definite=True)
    from requests.exceptions import ConnectTimeout, RequestException
    from twilio.base.exceptions import TwilioException
    from urllib3.exceptions import NewConnectionError

    name = type(error).__name__
    if isinstance(error, TwilioException):
        return _read_refusal(getattr(error, "status", None), getattr(error, "code", None))
    cause = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(error, ConnectTimeout) or isinstance(cause, NewConnectionError):
        return SMSNotSent(f"no connection to Twilio ({name})", is_definite=True)
    if isinstance(error, RequestException):
        return SMSNotSent(f"the connection to Twilio failed ({name})")
    return SMSNotSent(f"Twilio's answer cannot be read ({name})")


def _read_refusal(status: object, code: object) -> SMSNotSent:
    """Read an answer that is no 2xx. A 4xx was not carried out, 429 included; a 5xx or a redirect may have been."""
    is_definite = isinstance(status, int) and 400 <= status < 500 and status != 408
    reason = f"Twilio answered {status}" if isinstance(status, int) else "Twilio refused"
    refusal = None
    # The SDK puts the status in the place of a missing code, and hands on whatever JSON held.
    if isinstance(code, int) and 10_000 <= code < 1_000_000:
        refusal = REFUSALS.get(code)
        reason += f", error {code}" + (f": {refusal.words}" if refusal else "")
    return SMSNotSent(
        reason,
        is_definite=is_definite,
        is_numbers_fault=is_definite and refusal is not None and refusal.is_numbers_fault,
    )
