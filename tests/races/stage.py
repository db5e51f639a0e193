"""What a scenario plays on: a served host, its outbox, numbers and addresses that nobody used yet."""

from __future__ import annotations

import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from pathlib import Path
from statistics import median
from typing import Any

from securelogin import phones
from securelogin.exceptions import InvalidPhone, PhoneNotAllowed
from securelogin.phones import E164

from . import judges, ledger
from .books import Books
from .bursts import Address, Answer, Call, send

PREFIX = "/api/auth/"
CODE = re.compile(r"(?<!\d)\d{6}(?!\d)")


class Stuck(Exception):
    """A call that only prepares a round was not answered with 200; the message holds the face of the answer."""


@dataclass(frozen=True)
class Ticket:
    """What an ask leaves in the hands of the person who asked."""

    phone: E164
    userid: str
    code: str = field(repr=False)


@dataclass(frozen=True)
class Tokens:
    """What a verified login answers."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    device: str = field(default="", repr=False)


class Outbox:
    """The file that the ``filebased`` backend appends to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0

    def new(self) -> list[Mapping[str, str]]:
        """Return the messages since the last call."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self.offset)
            content = file.read()
        self.offset += len(content)
        return [json.loads(line) for line in content.splitlines()]


@dataclass
class Stage:
    """One server and everything a scenario needs of it; keeps the figures of what was played on it."""

    address: Address
    outbox: Outbox
    events: Path
    numbers: Iterator[E164]
    addresses: Iterator[str]
    clients: int
    is_patient: bool = False
    random: random.Random = field(default_factory=random.Random)

    rounds: int = 0
    won: int = 0
    devices: list[str] = field(default_factory=list)
    home: E164 | None = None

    faces: Counter[str] = field(default_factory=Counter)
    sizes: list[int] = field(default_factory=list)
    workers: list[int] = field(default_factory=list)
    seconds: float = 0.0
    found: list[str] = field(default_factory=list)

    def burst(self, calls: Sequence[Call]) -> list[Answer]:
        """Send the calls at once; each from an address of its own unless it names one."""
        began = time.monotonic()
        answers = send(self.address, [self._addressed(call) for call in calls])
        if len(calls) > 1:
            self.seconds += time.monotonic() - began
            self.sizes.append(len(calls))
            self.faces.update(answer.face for answer in answers)
            self.workers.append(len({answer.worker for answer in answers}))
        self.found += judges.answered(answers, is_patient=self.is_patient)
        return answers

    def call(self, call: Call) -> Answer:
        """Send one call alone."""
        return self.burst([call])[0]

    def ask(self, phone: E164, device: str | None = None) -> Ticket:
        """Ask for a code and read it from the outbox; raises ``Stuck``."""
        self.outbox.new()
        answer = self._must(login(phone, device))
        messages = [message for message in self.outbox.new() if message["to"] == phone]
        if len(messages) != 1:
            raise Stuck(f"a login sent {len(messages)} messages")
        return Ticket(phone, answer.body["userid"], read_code(messages[0]))

    def log_in(self, phone: E164) -> Tokens:
        """Ask and verify, as a stranger; raises ``Stuck``."""
        return tokens(self._must(verify(self.ask(phone))))

    def refresh(self, refresh_token: str) -> Tokens:
        """Refresh alone; raises ``Stuck``."""
        return tokens(self._must(refresh(refresh_token)))

    def books(self, phone: E164) -> Books:
        """Read the tables."""
        return ledger.read(phone, self.events)

    @property
    def workers_per_burst(self) -> float:
        """How many processes answered a burst, as the median."""
        return median(self.workers) if self.workers else 0.0

    def _must(self, call: Call) -> Answer:
        answer = self.call(call)
        if answer.status != 200:
            raise Stuck(f"{call.path} answered {answer.face}")
        return answer

    def _addressed(self, call: Call) -> Call:
        if "X-Forwarded-For" in call.headers:
            return call
        return replace(call, headers={**call.headers, "X-Forwarded-For": next(self.addresses)})


def login(phone: str, device: str | None = None, *, address: str | None = None) -> Call:
    """Ask for a code, from ``address`` where one is given."""
    body = {"auth_type": "PHONE", "phone": phone, **({"device_token": device} if device else {})}
    return Call("POST", f"{PREFIX}login", body, headers={"X-Forwarded-For": address} if address else {})


def verify(ticket: Ticket, code: str | None = None, device: str | None = None, *, spelled: str | None = None) -> Call:
    """Send the ticket's code or another one, the number in another spelling where one is given."""
    body: dict[str, Any] = {
        "userid": ticket.userid,
        "phone": spelled or ticket.phone,
        "token": code or ticket.code,
        **({"device_token": device} if device else {}),
    }
    return Call("POST", f"{PREFIX}verify_sms", body)


def refresh(refresh_token: str, key: str | None = None) -> Call:
    """Refresh, with an ``Idempotency-Key`` where one is given."""
    headers = {"Idempotency-Key": key} if key else {}
    return Call("POST", f"{PREFIX}refresh", {}, bearer=refresh_token, headers=headers)


def protected(access_token: str) -> Call:
    """Call a protected view of the host."""
    return Call("POST", f"{PREFIX}op", {}, bearer=access_token)


def logout_others(access_token: str) -> Call:
    """End the caller's other sessions."""
    return Call("POST", f"{PREFIX}logout_all_other_sessions", {}, bearer=access_token)


def tokens(answer: Answer) -> Tokens:
    """Read the tokens of a 200."""
    return Tokens(answer.body["access_token"], answer.body["refresh_token"], answer.body.get("device_token", ""))


def read_code(message: Mapping[str, str]) -> str:
    """Read the code out of a message; raises ``Stuck``."""
    codes = CODE.findall(message["body"])
    if len(codes) != 1:
        raise Stuck(f"a message holds {len(codes)} codes")
    return str(codes[0])


def fictional_numbers() -> Iterator[E164]:
    """Yield the numbers that North America keeps for fiction, 555-0100 to 555-0199 of each area code: about 42,000."""
    for line in range(100, 200):
        for area in range(201, 990):
            try:
                phone = phones.parse(f"+1{area}5550{line}")
                phones.check_policy(phone, None)
            except (InvalidPhone, PhoneNotAllowed):
                continue
            yield phone


def benchmark_addresses() -> Iterator[str]:
    """Yield the addresses kept for benchmarks, 198.18.0.0/15 (RFC 2544), then begin again."""
    first = int(IPv4Address("198.18.0.0"))
    while True:
        for number in range(1, 2**17):
            yield str(IPv4Address(first + number))
