"""The model of a number's row: one live code, the budgets that outlive it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MONTH = timedelta(days=30)
YEAR = timedelta(days=365)

LIFETIME = timedelta(minutes=5)
GUESSES = 3
PAUSES = (30 * SECOND, 60 * SECOND, 90 * SECOND, 120 * SECOND)
SENDS = {HOUR: 5, DAY: 10}
FAILURES = {DAY: 5, MONTH: 8}
IN_A_ROW = 7
SMALL_BUDGETS = {
    "CODE_MAX_GUESSES": GUESSES,
    "FAILURES_PER_DAY": FAILURES[DAY],
    "FAILURES_PER_MONTH": FAILURES[MONTH],
    "FAILURES_IN_A_ROW": IN_A_ROW,
}
"""Settings that make every budget end within one story; what is not here has its documented default."""


@dataclass
class Window:
    """A count in a fixed window that begins with the first event in it."""

    length: timedelta
    count: int = 0
    began: datetime | None = None

    def is_open(self, at: datetime) -> bool:
        """Whether the window that began is not over."""
        return self.began is not None and at < self.began + self.length

    def has_room(self, at: datetime, most: int) -> bool:
        """Whether one more event fits."""
        return not self.is_open(at) or self.count < most

    def hit(self, at: datetime) -> None:
        """Count an event; the first one after the end begins the next window."""
        if self.is_open(at):
            self.count += 1
        else:
            self.count, self.began = 1, at

    def left(self, at: datetime, most: int) -> timedelta | None:
        """Return how long there is no room, None where there is."""
        if self.has_room(at, most):
            return None
        assert self.began is not None
        return self.began + self.length - at


def windows(limits: dict[timedelta, int]) -> list[Window]:
    """Return an untouched window for each limit."""
    return [Window(length) for length in limits]


@dataclass
class Row:
    """What is kept for one number and one asker."""

    name_at_rest: str
    code: str | None = None
    code_secret: str = ""
    expires_at: datetime | None = None
    guesses: int = 0
    is_used: bool = False
    resend_at: datetime | None = None
    sends: list[Window] = field(default_factory=lambda: windows(SENDS))
    failures: list[Window] = field(default_factory=lambda: windows(FAILURES))
    in_a_row: int = 0
    is_disabled: bool = False
    display_name: str = ""
    name_expires_at: datetime | None = None
    last_failure_at: datetime | None = None

    def refusal(self, at: datetime) -> tuple[str, int]:
        """Return why no code is sent now and for how many seconds; of several causes the one that lasts longest."""
        waits: list[tuple[timedelta, str]] = []
        if self.resend_at is not None and self.resend_at > at:
            waits.append((self.resend_at - at, "ResendTooSoon"))
        for reason, budget, limits in (
            ("TooManyCodes", self.sends, SENDS),
            ("TooManyAttempts", self.failures, FAILURES),
        ):
            for window in budget:
                left = window.left(at, limits[window.length])
                if left is not None:
                    waits.append((left, reason))
        if not waits:
            return "", 0
        wait, reason = max(waits)
        return reason, -(-wait // SECOND)

    def renew(self, at: datetime, secret: str) -> None:
        """Put a new code in the place of the old; everything else is kept."""
        self.code, self.code_secret = None, secret
        self.expires_at, self.guesses, self.is_used = at + LIFETIME, 0, False
        for window in self.sends:
            window.hit(at)
        self.resend_at = at + PAUSES[min(self.sends[0].count, len(PAUSES)) - 1]

    def may_be_guessed(self, at: datetime) -> bool:
        """Whether there is a live code and room in every budget."""
        is_live = self.expires_at is not None and at < self.expires_at and not self.is_used
        has_room = all(window.has_room(at, FAILURES[window.length]) for window in self.failures)
        return is_live and self.guesses < GUESSES and has_room and not self.is_disabled

    def count_guess(self, at: datetime) -> None:
        """Count a guess before anyone compares it."""
        self.guesses += 1
        self.in_a_row += 1
        self.is_disabled = self.in_a_row >= IN_A_ROW
        self.last_failure_at = at
        for window in self.failures:
            window.hit(at)

    def use_up(self) -> None:
        """A right code gives its failure back and ends the failures in a row; it never works again."""
        self.is_used, self.in_a_row, self.is_disabled = True, 0, False
        self.display_name, self.name_expires_at = "", None
        for window in self.failures:
            window.count -= 1

    def bounds(self) -> list[datetime]:
        """Return every moment at which something of the row ends."""
        ends = [window.began + window.length for window in [*self.sends, *self.failures] if window.began is not None]
        return [*filter(None, [self.expires_at, self.resend_at, self.name_expires_at]), *ends]

    def holds_nothing(self, at: datetime) -> bool:
        """Whether forgetting the row forgets nothing that counts."""
        live_code = self.expires_at is not None and at < self.expires_at
        live_name = self.name_expires_at is not None and at < self.name_expires_at
        counts = any(window.count and window.is_open(at) for window in [*self.sends, *self.failures])
        pause = self.resend_at is not None and self.resend_at > at
        last = self.last_failure_at
        in_a_row = self.in_a_row > 0 and last is not None and at - last < YEAR
        return not (live_code or live_name or counts or pause or in_a_row or self.is_disabled)
