"""The model of a session: one lineage of tokens, repeats within the grace or with a key, an end that is an end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

GRACE = timedelta(seconds=30)
KEY_LIFETIME = timedelta(hours=24)
ACCESS_LIFETIME = timedelta(minutes=10)
REFRESH_LIFETIME = timedelta(days=40)
SESSION_LIFETIME = timedelta(days=100)
KEPT = timedelta(days=30)
FRESH_WINDOW = timedelta(minutes=10)
SHORT_LIVES = {"REFRESH_TOKEN_LIFETIME": REFRESH_LIFETIME, "SESSION_LIFETIME": SESSION_LIFETIME}
"""Settings that let a story see idle sessions and sessions at their absolute end."""

ENDED, INACTIVE, REUSED = "AccountInactiveToken", "AccountInactive", "AccountObsoleteToken"


@dataclass(frozen=True)
class Token:
    """What a client can read in a token, and the secret of the site that it was signed under."""

    text: str = field(repr=False)
    session: UUID
    user: UUID
    expires_at: datetime
    auth_time: datetime
    secret: str = field(repr=False)
    generation: int = -1
    says_fresh: bool = False


@dataclass(frozen=True)
class Pair:
    """Both tokens of one answer."""

    access: Token
    refresh: Token


RetryKey = tuple[str, str]
"""An ``Idempotency-Key``, and the secret of the site when it came."""


@dataclass
class Session:
    """One login on one device."""

    user: UUID
    opened_at: datetime
    rotated_at: datetime
    generation: int = 0
    retry_key: RetryKey | None = None
    end: str = ""
    """Why it ended, as the row says it; empty where it has not."""
    is_blacklisted: bool = False
    """Whether simplejwt's own table ends it too."""

    @property
    def expires_at(self) -> datetime:
        """The absolute end."""
        return self.opened_at + SESSION_LIFETIME

    def is_unended(self, at: datetime) -> bool:
        """Whether nothing in the row itself ends it."""
        return not self.end and at < self.expires_at

    def is_idle(self, at: datetime) -> bool:
        """Whether its last refresh token died so long ago that the row is cleared."""
        return at - self.rotated_at > REFRESH_LIFETIME + KEPT

    def close(self, reason: str) -> None:
        """End it, once and for ever."""
        if not self.end:
            self.end, self.is_blacklisted = reason, True

    def refresh(self, generation: int, key: str | None, at: datetime, ring: list[str]) -> str:
        """Use a refresh token of that generation on a live session; returns why it is refused, or empty.

        A key used for two rotations running counts as none.
        """
        if generation >= self.generation:
            new_key = (key, ring[0]) if key else None
            self.retry_key = None if new_key == self.retry_key else new_key
            self.generation, self.rotated_at = generation + 1, at
            return ""
        age = abs(at - self.rotated_at)
        keys = [(key, secret) for secret in ring] if key else []
        is_same_call = self.retry_key in keys and age <= KEY_LIFETIME
        if generation == self.generation - 1 and (age <= GRACE or is_same_call):
            return ""
        self.close("reuse")
        return REUSED
