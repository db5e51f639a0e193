"""Send one text by the way that codes take, before a visitor needs it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from securelogin import conf, phones, sms
from securelogin.exceptions import InvalidPhone, PhoneNotAllowed, SMSNotSent
from securelogin.phones import E164


class Command(BaseCommand):
    """Hand a text to the backend of a number. Needs no account and writes no row."""

    help = (
        "Sends a text with a code of zeros, which opens nothing, or has a provider that owns the code start a "
        "verification. Costs what a code costs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the number, and the backend where the router is not to choose."""
        parser.add_argument("phone", help="The number to send to, in any spelling.")
        parser.add_argument("--backend", metavar="ALIAS", help="A key of SECURELOGIN['SMS']; SMS_ROUTER chooses else.")

    def handle(self, **options: Any) -> None:
        """Send it and say who took it. Raises ``CommandError`` with the provider's reason where nobody did."""
        phone = self._read(options["phone"])
        try:
            alias = options["backend"] or sms.route(phone)
            backend = sms.get_backend(alias)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        name = f"{alias!r} ({type(backend).__module__})"
        try:
            _send(backend, phone)
        except SMSNotSent as error:
            raise CommandError(f"{name} did not send to {phones.mask(phone)}: {error.reason}") from error
        self.stdout.write(f"{name} accepted the text to {phones.mask(phone)}.")
        if backend.is_demo:
            self.stderr.write(self.style.WARNING("This backend reaches no phone."))

    def _read(self, text: str) -> E164:
        options = conf.current()
        try:
            phone = phones.parse(text, options.DEFAULT_REGION)
        except InvalidPhone as error:
            raise CommandError(
                "That is no phone number. Write it with + and country code; where DEFAULT_REGION is set, in national "
                "form too."
            ) from error
        try:
            phones.check_policy(phone, options.ALLOWED_REGIONS)
        except PhoneNotAllowed as error:
            self.stderr.write(self.style.WARNING(f"Visitors are sent no codes there: {error}."))
        return phone


def _send(backend: sms.BaseSMSBackend, phone: E164) -> None:
    if isinstance(backend, sms.BaseCodeBackend):
        backend.start(to=phone)
    else:
        backend.send(to=phone, body=sms.compose("0" * conf.current().CODE_LENGTH))
