"""Visitors who log in, refresh, look and end sessions, each with what the last answers left in its hands."""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from securelogin.phones import E164

from .. import calls, ledger
from ..bursts import Address, Answer, Call, send
from ..calls import Ticket, Tokens
from ..judges import Sample


@dataclass
class Caller(ABC):
    """Someone who calls one after the other and keeps the samples. ``phone`` is a user's own number."""

    address: Address
    phone: E164
    random: random.Random = field(default_factory=random.Random)
    samples: list[Sample] = field(default_factory=list)

    def call(self, name: str, call: Call) -> Answer:
        """Send one call and time it."""
        began = time.monotonic()
        answer = send(self.address, [call])[0]
        self.samples.append(Sample(name, answer, time.monotonic() - began))
        return answer

    @abstractmethod
    def act(self) -> None:
        """Do one thing."""


@dataclass
class Visitor(Caller):
    """One device of one of the users."""

    hands: Tokens | None = None

    def act(self) -> None:
        """Do one thing, what it may be."""
        if self.hands is None:
            self._log_in()
            return
        doings: Sequence[tuple[int, Callable[[], None]]] = (
            (8, self._refresh),
            (4, self._look),
            (4, self._log_in),
            (3, self._log_out_others),
            (1, self._log_out),
        )
        self.random.choices([do for _weight, do in doings], [weight for weight, _do in doings])[0]()

    def _log_in(self) -> None:
        """Ask, and compute the code that the SMS holds; someone else on this row may already have asked again."""
        device = self.hands.device if self.hands else None
        asked = self.call("login", calls.login(self.phone, device))
        if asked.status != 200:
            return
        ticket = Ticket(self.phone, asked.body["userid"], ledger.code(self.phone, device))
        answer = self.call("verify", calls.verify(ticket, device=device))
        if answer.status == 200:
            self.hands = calls.tokens(answer)

    def _refresh(self) -> None:
        hands = self._held()
        answer = self.call("refresh", calls.refresh(hands.refresh))
        if answer.status == 200:
            self.hands = Tokens(answer.body["access_token"], answer.body["refresh_token"], hands.device)
        elif answer.status == 401:
            self._log_in()

    def _look(self) -> None:
        self.call("op", calls.protected(self._held().access))

    def _log_out_others(self) -> None:
        self.call("logout-others", calls.logout_others(self._held().access))

    def _log_out(self) -> None:
        self.call("logout", calls.logout(self._held().access))

    def _held(self) -> Tokens:
        assert self.hands is not None
        return self.hands
