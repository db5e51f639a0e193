"""Who calls: honest devices, and thieves with copies of what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from securelogin.phones import E164

from .model import DeviceToken
from .model_sessions import GRACE, KEY_LIFETIME, Pair, Token


@dataclass(frozen=True)
class LostCall:
    """A refresh that was served and whose answer never arrived."""

    key: str | None
    first_at: datetime

    def is_in_time(self, at: datetime) -> bool:
        """Whether a repeat is within the promise."""
        age = abs(at - self.first_at)
        return age <= GRACE or (self.key is not None and age <= KEY_LIFETIME)


@dataclass
class Device:
    """An honest client: it keeps its newest answer, and repeats a lost call before it makes another."""

    phone: E164
    pair: Pair | None = None
    device_token: DeviceToken | None = None
    lost: LostCall | None = None

    @property
    def session(self) -> UUID | None:
        """The session it is in, as far as it knows."""
        return self.pair.refresh.session if self.pair else None

    def leave(self) -> None:
        """Throw the tokens away."""
        self.pair, self.lost = None, None


@dataclass
class Thief:
    """Somebody with a copy of a device's tokens, who goes on alone."""

    phone: E164
    access: Token
    refresh: Token
    device_token: DeviceToken | None
