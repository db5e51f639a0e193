"""The owner of a number, and a stranger who works against it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from securelogin.sms.locmem import outbox
from tests.api.visitor import Visitor, derived_id
from tests.visits import read_code

from .alike import SECOND, Stranger

PHONE = "+12122300143"


@dataclass
class Owner:
    """Somebody who holds the phone, and one device that may have logged in before."""

    phone: str = PHONE
    address: str = "192.0.2.1"
    device_token: str | None = field(default=None, repr=False)
    tokens: dict[str, Any] = field(default_factory=dict, repr=False)
    visitor: Visitor = field(default_factory=Visitor)

    def log_in(self) -> bool:
        """Ask, read the text, enter; whether that worked."""
        texts = texts_to(self.phone)
        asked = self.visitor.ask(self.phone, device_token=self.device_token, REMOTE_ADDR=self.address)
        if asked.status_code != 200 or texts_to(self.phone) == texts:
            return False
        code = read_code([text.body for text in outbox if text.to == self.phone][-1])
        answer = self._post("verify_sms", userid=derived_id(self.phone), phone=self.phone, token=code)
        self._keep(answer)
        return bool(answer.status_code == 200)

    def refresh(self) -> bool:
        """Refresh the session that is open; whether that worked."""
        answer = self._post("refresh", refresh_token=self.tokens["refresh_token"])
        self._keep(answer)
        return bool(answer.status_code == 200)

    def is_in(self) -> bool:
        """Whether the session opens a protected call."""
        return self.visitor.is_in(self.tokens["access_token"])

    def _post(self, route: str, **body: Any) -> Any:
        return self.visitor.post(route, {**body, "device_token": self.device_token}, REMOTE_ADDR=self.address)

    def _keep(self, answer: Any) -> None:
        if answer.status_code == 200:
            self.tokens = answer.json()
            self.device_token = self.tokens.get("device_token", self.device_token)


def texts_to(phone: str) -> int:
    """Count the texts that reached a phone."""
    return sum(text.to == phone for text in outbox)


def spend_guesses(stranger: Stranger, clock: Any) -> None:
    """Guess until the day has no failure left."""
    for pause in (0, 30):
        clock.shift(pause * SECOND)
        stranger.ask()
        stranger.fail(5)
