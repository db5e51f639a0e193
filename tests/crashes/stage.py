"""What a drill plays on: a stage of the races, with a weapon and with servers that can be lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import redis
from django.db import connection

from securelogin import phones
from securelogin.phones import E164
from tests.databases import Server
from tests.races import judges
from tests.races.books import Books
from tests.races.bursts import NO_ANSWER, Address, Answer, Call, send
from tests.races.calls import PREFIX, Ticket, Tokens, login, verify
from tests.races.judges.answers import TOO_SOON, exactly
from tests.races.servers import WORKERS
from tests.races.stage import Stage
from tests.races.supplies import Lines, Stuck, read_code

from .points import HEADER

Weapon = Callable[[Address, Call], Answer]
"""Sends a call whose worker is to die over it."""

EVERYWHERE_TRIES = 30
ASK_TRIES = 10

PATIENCE = 30.0
"""Seconds for what is surely coming, on a busy machine too."""


@dataclass
class CrashStage(Stage):
    """One served host, with its database and its Valkey; remembers which sessions are over and which go on."""

    reached: Lines | None = None
    weapon: Weapon | None = None
    step: str = ""
    database: Server | None = None
    valkey: Server | None = None
    ended: list[Tokens] = field(default_factory=list)
    kept: list[Tokens] = field(default_factory=list)
    may_survive: bool = False
    survived: bool = False
    notes: list[str] = field(default_factory=list)

    def strike(self, call: Call) -> list[str]:
        """Send a call that its worker must not survive; that it did is a violation, unless it may."""
        if self.weapon is None or self.reached is None:
            raise Stuck("no weapon")
        self.reached.new()
        answer = self.weapon(self.address, self.addressed(call))
        self.survived = answer.status != NO_ANSWER
        return [] if self.may_survive else misses(self.step, answer, [line["step"] for line in self.reached.new()])

    def addressed(self, call: Call) -> Call:
        """Return the call with an address of its own, unless it names one."""
        return self._addressed(call)

    def send(self, calls: Sequence[Call]) -> list[Answer]:
        """Send calls at once that may be answered with 5xx, or not at all."""
        return send(self.address, [self.addressed(call) for call in calls])

    def books(self, phone: E164) -> Books:
        """Read the tables over a new connection: the server may have been another one the last time."""
        connection.close()
        return super().books(phone)

    def messages(self, phone: E164) -> list[Mapping[str, str]]:
        """Return the messages to a number since the last look."""
        return [message for message in self.outbox.new() if message["to"] == phone]

    def ask_again(self, phone: E164) -> Ticket:
        """Ask as a person does who waits as long as the answer says; raises ``Stuck``."""
        for _ in range(ASK_TRIES):
            self.messages(phone)
            answer = self.call(login(phone))
            if answer.face != TOO_SOON:
                break
            time.sleep(float(answer.body["retry_after"]))
        messages: list[Mapping[str, str]] = []
        if answer.status == 200:
            wait_until(lambda: self.has_mail(phone, messages))
        if len(messages) != 1:
            raise Stuck(f"an ask was answered {answer.face} and sent {len(messages)} messages")
        return Ticket(phone, answer.body["userid"], read_code(messages[0]))

    def has_mail(self, phone: E164, messages: list[Mapping[str, str]]) -> bool:
        """Add what came for a number to the messages; True where there is any."""
        messages += self.messages(phone)
        return bool(messages)

    def faces_everywhere(self, call: Call) -> set[str]:
        """Send a call until each worker has answered it, and return all their answers; raises ``Stuck``."""
        workers: set[str] = set()
        faces: set[str] = set()
        for _ in range(EVERYWHERE_TRIES):
            answers = self.burst([call] * self.clients)
            workers |= {answer.worker for answer in answers}
            faces |= {answer.face for answer in answers}
            if len(workers) == WORKERS:
                return faces
        raise Stuck(f"{len(workers)} of {WORKERS} workers answered")

    def workers_now(self) -> set[str]:
        """Return the process ids of the workers, as they name themselves in fresh answers; raises ``Stuck``."""
        workers: set[str] = set()
        for _ in range(EVERYWHERE_TRIES):
            answers = self.send([Call("GET", f"{PREFIX}op")] * self.clients)
            workers = {answer.worker for answer in answers if answer.worker}
            if len(workers) == WORKERS:
                return workers
        raise Stuck(f"{len(workers)} of {WORKERS} workers answered")

    def redis(self) -> redis.Redis:
        """Return a client of the Valkey."""
        if self.valkey is None:
            raise Stuck("no Valkey")
        return redis.Redis.from_url(self.valkey.url)


def misses(step: str, answer: Answer, reached: Sequence[str]) -> list[str]:
    """A worker that is to die at a step dies there and then, and answers nothing; no step is a kill from outside."""
    found = [] if answer.status == NO_ANSWER else [f"the worker survived and answered {answer.face}"]
    return found + exactly([step] if step else [], "the steps that were reached", list(reached))


def fail_point(step: str) -> Weapon:
    """Return the weapon that kills a worker at a named step."""

    def strike(address: Address, call: Call) -> Answer:
        return send(address, [replace(call, headers={**call.headers, HEADER: step})])[0]

    return strike


def ticket_of(phone: E164, message: Mapping[str, str]) -> Ticket:
    """Return what somebody has in hand who got the message, but not the answer."""
    return Ticket(phone, str(phones.user_ids(phone)[0]), read_code(message))


def end_session(access_token: str, session_id: str) -> Call:
    """End one of the caller's sessions."""
    return Call("DELETE", f"{PREFIX}sessions/{session_id}", bearer=access_token)


def session_of(tokens: Tokens) -> str:
    """Return the id of the session that tokens belong to."""
    return str(judges.read_claims(tokens.refresh)["sid"])


def wrong_codes(ticket: Ticket) -> Iterator[str]:
    """Yield codes that are not the ticket's."""
    size = len(ticket.code)
    for step in range(1, 10**size):
        yield str((int(ticket.code) + step) % 10**size).zfill(size)


def wrong(ticket: Ticket) -> Call:
    """Guess wrong."""
    return verify(ticket, next(wrong_codes(ticket)))


def wait_until(is_true: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Look five times a second until it is true; False where that takes longer than so many seconds."""
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True
