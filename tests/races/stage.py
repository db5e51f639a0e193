"""What a scenario plays on: a served host and what it uses up, with the figures of what was played."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from securelogin.phones import E164

from . import judges, ledger
from .books import Books
from .bursts import Address, Answer, Call, send
from .calls import Ticket, Tokens, login, refresh, tokens, verify
from .ledger import Ledger
from .supplies import Lines, Stuck, read_code


@dataclass
class Stage:
    """One server and everything a scenario needs of it; keeps the figures of what was played on it.

    ``clients`` is the size of the bursts in this round; ``won`` counts right guesses, ``chances`` are theirs.
    ``home`` is a number whose ``devices`` are known; ``fresh`` are numbers that only refused calls have named.
    """

    address: Address
    outbox: Lines
    ledger: Ledger
    numbers: Iterator[E164]
    addresses: Iterator[str]
    sizes: Sequence[int]
    is_patient: bool = False
    random: random.Random = field(default_factory=random.Random)

    rounds: int = 0
    clients: int = 0
    won: int = 0
    chances: list[float] = field(default_factory=list)
    home: E164 | None = None
    devices: list[str] = field(default_factory=list)
    fresh: list[E164] = field(default_factory=list)

    faces: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    workers: list[int] = field(default_factory=list)
    seconds: float = 0.0
    found: list[str] = field(default_factory=list)

    def begin(self) -> None:
        """Begin a round, with the next of the sizes."""
        self.clients = self.sizes[self.rounds % len(self.sizes)]
        self.rounds += 1
        self.found = []

    def burst(self, calls: Sequence[Call]) -> list[Answer]:
        """Send the calls at once; each from an address of its own unless it names one."""
        began = time.monotonic()
        answers = send(self.address, [self._addressed(call) for call in calls])
        if len(calls) > 1:
            self.seconds += time.monotonic() - began
            self.requests += len(calls)
            self.faces.update(answer.face for answer in answers)
            self.workers.append(len({answer.worker for answer in answers}))
        self.found += judges.answered(answers, is_patient=self.is_patient)
        return answers

    def call(self, call: Call) -> Answer:
        """Send one call alone."""
        return self.burst([call])[0]

    def must(self, call: Call) -> Answer:
        """Send one call that prepares a round; raises ``Stuck`` where it is not answered with 200."""
        answer = self.call(call)
        if answer.status != 200:
            raise Stuck(f"{call.path} answered {answer.face}")
        return answer

    def ask(self, phone: E164, device: str | None = None) -> Ticket:
        """Ask for a code and read it from the outbox; raises ``Stuck``."""
        self.outbox.new()
        answer = self.must(login(phone, device))
        messages = [message for message in self.outbox.new() if message["to"] == phone]
        if len(messages) != 1:
            raise Stuck(f"a login sent {len(messages)} messages")
        return Ticket(phone, answer.body["userid"], read_code(messages[0]))

    def log_in(self, phone: E164) -> Tokens:
        """Ask and verify, as a stranger; raises ``Stuck``."""
        return tokens(self.must(verify(self.ask(phone))))

    def refresh(self, refresh_token: str) -> Tokens:
        """Refresh alone; raises ``Stuck``."""
        return tokens(self.must(refresh(refresh_token)))

    def verifications(self, devices: Sequence[str]) -> list[Call]:
        """Ask for a code on each of the devices of the number at home, and return the calls that send them.

        All at once; which message is whose cannot be told, so the codes are computed.
        """
        phone = self.at_home(0)
        answers = self.burst([login(phone, device) for device in devices])
        if len(judges.successes(answers)) < len(devices):
            raise Stuck("not every device was sent a code")
        return [
            verify(Ticket(phone, answer.body["userid"], ledger.code(phone, device)), device=device)
            for answer, device in zip(answers, devices, strict=True)
        ]

    def log_in_on(self, verifications: Sequence[Call]) -> list[Tokens]:
        """Send them at once, which prepares a round, and those that a conflict turned away again; raises ``Stuck``."""
        answers = zip(verifications, self.burst(verifications), strict=True)
        return [tokens(answer if answer.status == 200 else self.must(call)) for call, answer in answers]

    def at_home(self, devices: int) -> E164:
        """Return the number at home, which has so many known devices; raises ``Stuck``."""
        self.home = self.home or next(self.numbers)
        while len(self.devices) < devices:
            self.devices.append(self.log_in(self.home).device)
        return self.home

    def books(self, phone: E164) -> Books:
        """Read the tables."""
        return self.ledger.read(phone)

    @property
    def workers_per_burst(self) -> float:
        """How many processes answered a burst, as the median."""
        return median(self.workers) if self.workers else 0.0

    def _addressed(self, call: Call) -> Call:
        if "X-Forwarded-For" in call.headers:
            return call
        return replace(call, headers={**call.headers, "X-Forwarded-For": next(self.addresses)})
