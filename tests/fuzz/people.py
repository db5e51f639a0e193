"""Whoever the fuzzers act as: people with numbers, live tokens and passwords, made over the API when needed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

from tests.fuzz.hosting import Host, call
from tests.visits import read_code

NUMBERS = [f"+12025550{line}" for line in range(100, 200)]
"""Kept for fiction."""

STRONG = "a long way to Tipperary"


class NotLetIn(RuntimeError):
    """A login that had to succeed did not; the message has status and reason."""


@dataclass
class People:
    """Takes numbers in turn and keeps the newest tokens; what a case has ended is made anew."""

    served: Host
    codes: dict[str, str] = field(default_factory=dict, repr=False)
    """The code that was sent last, by number."""
    person: dict[str, Any] = field(default_factory=dict, repr=False)
    """The newest answer with tokens."""
    member: dict[str, Any] = field(default_factory=dict, repr=False)
    """The same of an account with a password, and the password."""
    count: int = 0
    offset: int = 0

    def __post_init__(self) -> None:
        self.numbers = cycle(NUMBERS)

    def next_number(self) -> str:
        """Return a number that can be sent codes."""
        return next(self.numbers)

    def code_of(self, phone: object) -> str | None:
        """Return the code that a number was sent last."""
        if self.served.outbox.exists():
            with self.served.outbox.open("rb") as file:
                file.seek(self.offset)
                content = file.read()
            self.offset += len(content)
            messages = [json.loads(line) for line in content.splitlines()]
            self.codes |= {message["to"]: read_code(message["body"]) for message in messages}
        return self.codes.get(phone) if isinstance(phone, str) else None

    def ask(self) -> dict[str, Any]:
        """Ask for a code; return the body of the right guess."""
        phone = self.next_number()
        asked = self._must("login", {"auth_type": "PHONE", "phone": phone})
        return {"userid": asked["userid"], "phone": phone, "token": self.code_of(phone)}

    def somebody(self) -> dict[str, Any]:
        """Return live tokens."""
        if not self.person:
            self.person = self.take()
        return self.person

    def take(self) -> dict[str, Any]:
        """Return live tokens of a login of its own."""
        return self._must("verify_sms", self.ask())

    def somebody_with_a_password(self) -> dict[str, Any]:
        """Return live tokens of an account with a password."""
        if not self.member:
            self.count += 1
            email = f"member{self.count}@example.com"
            body = {"auth_type": "PASSWORD", "username": "Ada", "email": email, "password": STRONG}
            self.member = {**self._must("register", body), "password": STRONG}
        return self.member

    def forget(self) -> None:
        """Take nobody's tokens for live."""
        self.person, self.member = {}, {}

    def _must(self, route: str, body: dict[str, Any]) -> dict[str, Any]:
        status, answer = call(self.served, "POST", route, body)
        if status != 200:
            raise NotLetIn(f"{route} answered {status} {answer.get('failure_reason')}")
        return dict(answer)
