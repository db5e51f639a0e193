"""The row of one number and one asker: its live code, its budgets, its failures."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, models
from django.db.models import Case, F, Q, Value, When
from django.utils.translation import gettext_lazy as _

from .. import codes
from ..conf import Conf
from ..exceptions import ResendTooSoon, RetryLater, TooManyAttempts, TooManyCodes
from . import counting
from .counting import DAY, HOUR, MONTH, YEAR


class OneTimeCodeQuerySet(models.QuerySet["OneTimeCode"]):
    """What many rows, or one row in one statement, can do."""

    def touch(self, key: str, *, at: datetime, **values: Any) -> None:
        """Make the row or lock the one there is, in one upsert, and write ``values`` into it either way.

        Never looked for first: nine of ten concurrent first asks would deadlock on MariaDB.
        """
        counting.touch(tuple(values)).run(self._alias(), key=key, touched_at=at, **values)

    def touched(self, key: str, *, at: datetime) -> OneTimeCode:
        """Make the row or lock the one there is, in one upsert, and return it as it is then."""
        found: OneTimeCode = counting.TOUCH.row(self._alias(), key=key, touched_at=at)
        return found

    def row(self, key: str) -> OneTimeCode | None:
        """Read the row."""
        found: OneTimeCode | None = counting.ROW.first(self._alias(), key=key)
        return found

    def count_failure(self, key: str, *, at: datetime, conf: Conf, nonce: str | None = None) -> bool:
        """Count a guess as failed before anyone compares it; False, and nothing counted, where no budget has room.

        With a ``nonce`` the guess is at that one code, which must be live: what is compared is what was counted.
        """
        budgets = {name: getattr(conf, name) for name in counting.BUDGETS}
        statement = counting.COUNT if nonce is None else counting.COUNT_AT_CODE
        return statement.run(self._alias(), key=key, nonce=nonce, at=at, **budgets) == 1

    def consume(self, key: str, *, nonce: str, at: datetime) -> bool:
        """Use the code up; False where another call did before, or a newer code took its place."""
        return counting.CONSUME.run(self._alias(), key=key, nonce=nonce, at=at) == 1

    def forgive(self, key: str, *, is_success: bool) -> None:
        """Give back one failure; a success also ends the failures in a row. With one less no row is disabled."""
        statement = counting.FORGIVE_ALL if is_success else counting.FORGIVE
        statement.run(self._alias(), key=key)

    def adopt(self, key: str, old_keys: list[str]) -> None:
        """Give the row that a fallback of SECRET_KEY named its new name, where no row has that yet."""
        for old_key in old_keys:
            if self.filter(key=key).exists():
                return
            try:
                self.filter(key=old_key).update(key=key)
            except IntegrityError:
                return  # another call was first

    def _alias(self) -> str:
        self._for_write = True
        return self.db

    def clearable(self, at: datetime) -> OneTimeCodeQuerySet:
        """Rows that hold nothing any more: no live code, no open window, no name, nothing disabled.

        Failures in a row are kept for a year after the last, or waiting would wash them away.
        """
        idle = Q(touched_at__lt=at - DAY, disabled_at=None)
        no_code = Q(expires_at=None) | Q(expires_at__lt=at - DAY)
        no_name = Q(name_expires_at=None) | Q(name_expires_at__lt=at)
        no_failures = Q(failures_in_a_row=0) & (Q(month_began_at=None) | Q(month_began_at__lt=at - MONTH))
        return self.filter(idle & no_code & no_name & (no_failures | Q(touched_at__lt=at - YEAR)))

    def scrubbable(self, at: datetime) -> OneTimeCodeQuerySet:
        """Rows that stay for their counts, but hold a code or a name that is over."""
        old_code = Q(expires_at__lt=at - DAY) & ~Q(nonce="")
        old_name = Q(name_expires_at__lt=at)
        return self.filter(old_code | old_name)

    def scrub(self, at: datetime) -> int:
        """Take codes dead for a day, and names past their time, out of rows that stay; returns how many rows."""
        return self.scrubbable(at).update(
            nonce=Case(When(expires_at__lt=at - DAY, then=Value("")), default=F("nonce")),
            provider_id=Case(When(expires_at__lt=at - DAY, then=Value("")), default=F("provider_id")),
            display_name=Case(When(name_expires_at__lt=at, then=Value("")), default=F("display_name")),
            name_expires_at=Case(When(name_expires_at__gte=at, then=F("name_expires_at"))),
        )


class OneTimeCode(models.Model):
    """One number and one asker. A new ask replaces the code, starts its guesses at 0 and keeps everything else.

    The code is not in here: it is computed from ``nonce``. The key is an HMAC, so neither is the number.
    """

    key = models.CharField(_("key"), max_length=64, primary_key=True)
    touched_at = models.DateTimeField(_("touched at"), db_index=True)

    purpose = models.CharField(_("purpose"), max_length=16, blank=True)
    nonce = models.CharField(_("nonce"), max_length=32, blank=True)
    key_id = models.CharField(_("key id"), max_length=8, blank=True)
    provider = models.CharField(_("provider"), max_length=64, blank=True)
    provider_id = models.CharField(_("provider's id"), max_length=64, blank=True)
    code_length = models.PositiveSmallIntegerField(_("digits"), default=0)
    expires_at = models.DateTimeField(_("expires at"), null=True)
    guesses = models.PositiveSmallIntegerField(_("guesses"), default=0)
    consumed_at = models.DateTimeField(_("consumed at"), null=True)

    resend_at = models.DateTimeField(_("next code from"), null=True)
    sends_in_hour = models.PositiveIntegerField(_("codes in the hour"), default=0)
    hour_began_at = models.DateTimeField(_("hour began at"), null=True)
    sends_in_day = models.PositiveIntegerField(_("codes in the day"), default=0)
    sending_day_began_at = models.DateTimeField(_("day of codes began at"), null=True)

    failed_at = models.DateTimeField(_("last failure at"), null=True)
    failures_in_day = models.PositiveIntegerField(_("failures in the day"), default=0)
    day_began_at = models.DateTimeField(_("day of failures began at"), null=True)
    failures_in_month = models.PositiveIntegerField(_("failures in 30 days"), default=0)
    month_began_at = models.DateTimeField(_("30 days of failures began at"), null=True)
    failures_in_a_row = models.PositiveIntegerField(_("failures in a row"), default=0)
    disabled_at = models.DateTimeField(_("disabled at"), null=True)

    display_name = models.CharField(_("display name"), max_length=150, blank=True)
    name_expires_at = models.DateTimeField(_("name expires at"), null=True)

    objects = OneTimeCodeQuerySet.as_manager()

    class Meta:
        verbose_name = _("one-time code")
        verbose_name_plural = _("one-time codes")

    def __str__(self) -> str:
        return f"{self.key[:8]}…"

    def __repr__(self) -> str:
        return f"<OneTimeCode: {self.key[:8]}…>"

    def refusal(self, at: datetime, conf: Conf) -> RetryLater | None:
        """Return why no code may be sent now, or None. Of several causes the one that lasts longest."""
        refusals: list[RetryLater | None] = [self.lock(at, conf)]
        if self.resend_at and self.resend_at > at:
            refusals.append(ResendTooSoon(_seconds(self.resend_at - at), "RESEND_PAUSES"))
        for spent, until, limit in (
            (self.sends_in_hour >= conf.SENDS_PER_HOUR, _end(self.hour_began_at, HOUR), "SENDS_PER_HOUR"),
            (self.sends_in_day >= conf.SENDS_PER_DAY, _end(self.sending_day_began_at, DAY), "SENDS_PER_DAY"),
        ):
            if spent and until and until > at:
                refusals.append(TooManyCodes(_seconds(until - at), limit))
        return max(filter(None, refusals), key=lambda refusal: refusal.retry_after, default=None)

    def lock(self, at: datetime, conf: Conf) -> TooManyAttempts | None:
        """Return the failure window without room, or None. The longer of two counts."""
        ends = [
            (until, limit)
            for spent, until, limit in (
                (self.failures_in_day >= conf.FAILURES_PER_DAY, _end(self.day_began_at, DAY), "FAILURES_PER_DAY"),
                (
                    self.failures_in_month >= conf.FAILURES_PER_MONTH,
                    _end(self.month_began_at, MONTH),
                    "FAILURES_PER_MONTH",
                ),
            )
            if spent and until and until > at
        ]
        if not ends:
            return None
        until, limit = max(ends)
        return TooManyAttempts(_seconds(until - at), limit)

    def is_locked(self, at: datetime, conf: Conf) -> bool:
        """Whether no guess is looked at, whatever the code."""
        return self.disabled_at is not None or self.lock(at, conf) is not None

    def spent_by(self, at: datetime, conf: Conf) -> str | None:
        """Name the budget that the failure of that moment spent, the most lasting of several, or None.

        Of simultaneous failures it is the one that was counted last: with the budget spent none came after it.
        """
        is_last = self.failed_at == at
        budgets = (
            ("FAILURES_IN_A_ROW", self.disabled_at == at),
            ("FAILURES_PER_MONTH", is_last and self.failures_in_month == conf.FAILURES_PER_MONTH),
            ("FAILURES_PER_DAY", is_last and self.failures_in_day == conf.FAILURES_PER_DAY),
        )
        return next((name for name, is_spent in budgets if is_spent), None)

    def renew(self, *, at: datetime, conf: Conf, purpose: codes.Purpose, provider: str, code_length: int) -> None:
        """Put a new code in the place of the old and count the send; ``save_ask`` writes it."""
        self.purpose, self.nonce, self.key_id = purpose.value, codes.new_nonce(), codes.key_id()
        self.provider, self.provider_id, self.code_length = provider, "", code_length
        self.expires_at, self.guesses, self.consumed_at = at + conf.CODE_LIFETIME, 0, None
        self.sends_in_hour, self.hour_began_at = _next(self.sends_in_hour, self.hour_began_at, at, HOUR)
        self.sends_in_day, self.sending_day_began_at = _next(self.sends_in_day, self.sending_day_began_at, at, DAY)
        self.resend_at = at + self.pause(conf)
        self.touched_at = at

    def save_ask(self, *, using: str) -> None:
        """Write what ``renew`` changed."""
        changed = {name: getattr(self, name) for name in counting.ASK_FIELDS}
        counting.RENEW.run(using, key=self.key, **changed)

    def pause(self, conf: Conf) -> timedelta:
        """Return the wait after the newest code: the n-th of an hour waits the n-th pause, the last one repeats."""
        pauses = conf.RESEND_PAUSES or (timedelta(0),)
        return pauses[min(max(self.sends_in_hour, 1), len(pauses)) - 1]

    def code(self, *, phone: str, asker: str, purpose: codes.Purpose) -> str | None:
        """Compute the live code from the nonce; None where there is none or its key left the ring."""
        if not self.nonce:
            return None
        return codes.compute(
            nonce=self.nonce, key_id=self.key_id, phone=phone, asker=asker, purpose=purpose, length=self.code_length
        )


def _next(count: int, began: datetime | None, at: datetime, length: timedelta) -> tuple[int, datetime]:
    if began is None or began + length <= at:
        return 1, at
    return count + 1, began


def _end(began: datetime | None, length: timedelta) -> datetime | None:
    return began and began + length


def _seconds(wait: timedelta) -> int:
    """Round up: waiting that long is always enough."""
    return -(-wait // timedelta(seconds=1))
