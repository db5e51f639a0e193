"""End sessions at once: of one account, or of all, after something went wrong."""

from __future__ import annotations

from argparse import ArgumentParser
from contextlib import closing
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from securelogin import conf, phones, services
from securelogin.exceptions import InvalidPhone
from securelogin.management.progress import CountingLine
from securelogin.models.sessions import SessionQuerySet
from securelogin.services import accounts, tables


class Command(BaseCommand):
    """Choose sessions by account and by age, and hand them to ``services.revoke_sessions``."""

    help = (
        "Ends sessions: their access and refresh tokens are refused from then on. "
        "What was ended stays ended when the command is interrupted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Ask for one kind of choice, which --before narrows."""
        choice = parser.add_mutually_exclusive_group(required=True)
        choice.add_argument("--phone", help="Sessions of the account with this number, in any spelling.")
        choice.add_argument("--user", help="Sessions of the user with this id.")
        choice.add_argument("--all", action="store_true", help="Sessions of everyone; asks before it does so.")
        parser.add_argument(
            "--before",
            metavar="WHEN",
            help="Only sessions opened before this date or moment (ISO 8601; in TIME_ZONE where it names no zone).",
        )
        parser.add_argument("--dry-run", action="store_true", help="Say how many sessions would be ended.")
        parser.add_argument(
            "--noinput", "--no-input", action="store_false", dest="interactive", help="Do not ask before --all."
        )

    def handle(self, **options: Any) -> None:
        """End the chosen sessions and print how many. Raises ``CommandError`` where there is nobody to choose."""
        chosen = self._choose(**options)
        if options["dry_run"]:
            self.stdout.write(f"Would end {_count(chosen.count())}.")
            return
        if options["all"] and options["interactive"]:
            self._confirm(chosen.count())
        with closing(CountingLine(self.stderr, "sessions ended")) as line:
            ended = services.revoke_sessions(chosen, progress=line.add)
        if options["verbosity"] > 0:
            self.stdout.write(f"Ended {_count(ended)}.")

    def _choose(self, *, phone: str | None, user: str | None, before: str | None, **_options: Any) -> SessionQuerySet:
        chosen = tables.sessions().unended(timezone.now())
        if before is not None:
            chosen = chosen.filter(created_at__lt=_read_moment(before))
        if phone is not None:
            return chosen.filter(user_id=_find_by_phone(phone))
        if user is not None:
            return chosen.filter(user_id=_find_by_id(user))
        return chosen

    def _confirm(self, number: int) -> None:
        try:
            answer = input(f"This ends {_count(number)}. Type 'yes' to go on: ")
        except EOFError:
            answer = ""
        if answer != "yes":
            raise CommandError("Cancelled: no session was ended.")


def _find_by_phone(text: str) -> Any:
    try:
        phone = phones.parse(text, conf.current().DEFAULT_REGION)
    except InvalidPhone as error:
        raise CommandError(
            "--phone is no phone number. Write it with + and country code; where DEFAULT_REGION is set, in national "
            "form too."
        ) from error
    found = accounts.find(phone)
    if found is None:
        raise CommandError("No account has this phone number.")
    return found.pk


def _find_by_id(text: str) -> Any:
    try:
        user_id = get_user_model()._meta.pk.to_python(text)
    except ValidationError as error:
        raise CommandError("--user is no user id.") from error
    if not tables.users().filter(pk=user_id).exists():
        raise CommandError("There is no user with this id.")
    return user_id


def _read_moment(text: str) -> datetime:
    """Read a date or a moment; one without a zone is in ``TIME_ZONE``."""
    try:
        moment = parse_datetime(text)
        if moment is None:
            raise ValueError("neither a date nor a moment")
        if settings.USE_TZ and timezone.is_naive(moment):
            return timezone.make_aware(moment)
        if not settings.USE_TZ and timezone.is_aware(moment):
            return timezone.make_naive(moment)
    except (ValueError, OverflowError) as error:
        raise CommandError(
            "--before is no date or moment in ISO 8601, such as 2030-01-31 or 2030-01-31T18:00+01:00."
        ) from error
    return moment


def _count(number: int) -> str:
    return f"{number} session" if number == 1 else f"{number} sessions"
