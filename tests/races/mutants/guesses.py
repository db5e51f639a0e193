"""Codes and passwords that are guessed or used without the statements that decide and write at once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from securelogin import conf as settings
from securelogin.conf import Conf
from securelogin.models import OneTimeCode
from securelogin.models.codes import OneTimeCodeQuerySet
from securelogin.services import guesses as verbs
from securelogin.services.tables import code_rows

from .mutant import LONG, PAUSE, dawdle, replace


def use_code_read_as_unused() -> None:
    """Look whether the code is unused, then use it up whoever did meanwhile."""

    def consume(self: OneTimeCodeQuerySet, key: str, *, nonce: str, at: datetime) -> bool:
        if not self.filter(key=key, nonce=nonce, consumed_at=None).exists():
            return False
        dawdle()
        self.filter(key=key).update(consumed_at=at, failures_in_day=0, failures_in_month=0, failures_in_a_row=0)
        return True

    replace(OneTimeCodeQuerySet, "consume", consume)


def keep_failure_of_lost_race() -> None:
    """Let the failure stand that a right code counted before another call used it up."""
    replace(OneTimeCodeQuerySet, "forgive", lambda _self, _key, *, is_success: None)


def count_by_reading() -> None:
    """Read the counts, compare them with the budgets, write them back."""

    def count_failure(
        self: OneTimeCodeQuerySet, key: str, *, at: datetime, conf: Conf, nonce: str | None = None
    ) -> bool:
        row = self.filter(key=key).first()
        if row is None or row.lock(at, conf) is not None:
            return False
        if nonce is not None and not _is_open(row, nonce, at, conf):
            return False
        dawdle(2 * PAUSE)
        row.guesses += nonce is not None
        row.failures_in_day += 1
        row.failures_in_month += 1
        row.failures_in_a_row += 1
        row.day_began_at = row.day_began_at or at
        row.month_began_at = row.month_began_at or at
        row.save()
        return True

    replace(OneTimeCodeQuerySet, "count_failure", count_failure)


def compare_before_counting() -> None:
    """Compare as soon as the code is live and has guesses left; count afterwards, and only what was wrong."""
    is_right = verbs._is_right

    def look(key: str, _code: str, *, at: datetime, conf: Conf) -> tuple[OneTimeCode | None, bool]:
        row = code_rows().filter(key=key).first()
        return row, row is not None and _is_open(row, row.nonce, at, conf)

    def compare_and_count(guess: Any) -> bool:
        if is_right(guess):
            return True
        dawdle(LONG)
        row = guess.row
        code_rows().count_failure(guess.key, nonce=row.nonce, at=timezone.now(), conf=settings.current())
        return False

    replace(verbs, "_count_guess", look)
    replace(verbs, "_is_right", compare_and_count)


def _is_open(row: OneTimeCode, nonce: str, at: datetime, conf: Conf) -> bool:
    is_live = row.nonce == nonce and row.consumed_at is None and row.expires_at is not None and row.expires_at > at
    return is_live and row.guesses < conf.CODE_MAX_GUESSES
