"""People who go on whole visits while workers and servers die, and who repeat what was not answered."""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from threading import Event, Lock, Thread

from securelogin.phones import E164
from tests.races import judges
from tests.races.bursts import NO_ANSWER, Address, Answer, Call, send
from tests.races.calls import Ticket, Tokens, login, logout, logout_others, protected, refresh, tokens, verify
from tests.races.judges.answers import TOO_SOON
from tests.races.supplies import Lines, read_code

from .stage import PATIENCE, end_session, session_of, wrong_codes

INSIST_SECONDS = 90.0
GRACE_SECONDS = 20.0
"""A repeat without a key is promised its answer for 30 s; one that came later than this was not tried."""

MOST_GUESSES = 4
ROUNDS = 20


class Stranded(Exception):
    """A person did not get where the promises lead; the message says where it ended."""


@dataclass(frozen=True)
class Trouble:
    """An answer with a 5xx: when its call began and ended (monotonic), and what it was."""

    began: float
    ended: float
    face: str


@dataclass
class Record:
    """What the people of one number know for sure."""

    codes: int = 0
    refusals: int = 0
    ended: set[str] = field(default_factory=set)
    live: set[str] = field(default_factory=set)


@dataclass
class World:
    """What all visitors share. ``numbers``, ``addresses`` and ``outbox`` are used under the lock."""

    address: Address
    outbox: Lines
    numbers: Iterator[E164]
    addresses: Iterator[str]
    is_over: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)
    mail: dict[str, list[Mapping[str, str]]] = field(default_factory=lambda: defaultdict(list))
    records: dict[E164, Record] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    faces: Counter[str] = field(default_factory=Counter)
    kept: list[Tokens] = field(default_factory=list)
    ended: list[Tokens] = field(default_factory=list)

    def call(self, call: Call) -> Answer:
        """Send one call and write down how it ended."""
        with self.lock:
            headers = {"X-Forwarded-For": next(self.addresses), **call.headers}
        began = time.monotonic()
        try:
            answer = send(self.address, [replace(call, headers=headers)], patience=PATIENCE)[0]
        except OSError:  # struck down while it was being sent
            answer = Answer(NO_ANSWER)
        with self.lock:
            self.faces[answer.face] += 1
            if answer.status >= 500:
                self.troubles.append(Trouble(began, time.monotonic(), f"{call.path} {answer.face}"))
        return answer

    def insist(self, call: Call) -> Answer:
        """Send a call until it is answered with something else than "try again"; raises ``Stranded``."""
        deadline = time.monotonic() + INSIST_SECONDS
        while time.monotonic() < deadline:
            answer = self.call(call)
            if NO_ANSWER < answer.status < 500:
                return answer
            time.sleep(0.2)
        raise Stranded(f"{call.path} was not answered for {INSIST_SECONDS:g} s")

    def newest_message(self, phone: E164) -> Mapping[str, str] | None:
        """Return the last message to a number."""
        with self.lock:
            for message in self.outbox.new():
                self.mail[message["to"]].append(message)
            return self.mail[phone][-1] if self.mail[phone] else None


class Visitor(Thread):
    """One person after the other, each with a number of their own, until the world is over."""

    def __init__(self, world: World, seed: int) -> None:
        super().__init__(name=f"visitor-{seed}", daemon=True)
        self.world = world
        self.random = random.Random(seed)  # noqa: S311 - draws what people do, guards nothing
        self.serial = count()

    def run(self) -> None:
        """Visit; who is stranded is a violation."""
        while not self.world.is_over.is_set():
            with self.world.lock:
                phone = next(self.world.numbers)
                record = self.world.records[phone] = Record()
            try:
                self._visit(phone, record)
            except (Stranded, KeyError, ValueError) as error:
                self.world.violations.append(f"{time.strftime('%H:%M:%S')} {type(error).__name__}: {error}")

    def _visit(self, phone: E164, record: Record) -> None:
        own = self._log_in(phone, record)
        self._expect(200, protected(own.access))
        old = own
        for _ in range(self.random.randrange(1, 4)):
            old, own = own, self._refresh(own)
        endings = (self._leave, self._log_out, self._log_out_others, self._end_other, self._reuse)
        self.random.choice(endings)(phone, record, own, old)

    def _log_in(self, phone: E164, record: Record, device: str | None = None) -> Tokens:
        """Ask, guess wrong now and then, and guess right; where the code went with a lost answer, ask again."""
        for _ in range(ROUNDS):
            ticket = self._ask(phone, device)
            record.codes += 1
            opened = self._guess(ticket, record, device)
            if opened is not None:
                record.live.add(session_of(opened))
                return replace(opened, device=opened.device or device or "")
        raise Stranded("no login")

    def _ask(self, phone: E164, device: str | None) -> Ticket:
        for _ in range(ROUNDS):
            answer = self.world.insist(login(phone, device))
            if answer.status == 200:
                message = self.world.newest_message(phone)
                if message is None:
                    raise Stranded("an ask was answered and nothing was sent")
                return Ticket(phone, str(answer.body["userid"]), read_code(message))
            if answer.face != TOO_SOON:
                raise Stranded(f"an ask was answered {answer.face}")
            time.sleep(float(answer.body["retry_after"]))
        raise Stranded("no code")

    def _guess(self, ticket: Ticket, record: Record, device: str | None) -> Tokens | None:
        if self.random.random() < 0.4:
            answer = self.world.call(verify(ticket, next(wrong_codes(ticket)), device))
            record.refusals += int(device is None and answer.status == 400)
            if answer.status == 200:
                raise Stranded("a wrong code opened a session")
        for _ in range(MOST_GUESSES):
            answer = self.world.call(verify(ticket, None, device))
            if NO_ANSWER < answer.status < 500:
                break
            time.sleep(0.2)
        if answer.status != 200:
            return None
        if self.random.random() < 0.2:
            self._expect(400, verify(ticket, None, device))
        return tokens(answer)

    def _refresh(self, own: Tokens) -> Tokens:
        """Refresh with a key or within the grace: one successor, however often it takes."""
        key = f"chaos-{self.name}-{next(self.serial)}" if self.random.random() < 0.5 else None
        began = time.monotonic()
        answer = self.world.insist(refresh(own.refresh, key))
        if answer.status != 200 and key is None and time.monotonic() - began > GRACE_SECONDS:
            raise Stranded("the servers were away for longer than the grace: nothing was learned")
        if answer.status != 200:
            raise Stranded(f"a refresh was answered {answer.face}")
        newest = tokens(answer)
        before, after = (judges.read_claims(each.refresh)["gen"] for each in (own, newest))
        if after != int(str(before)) + 1:
            raise Stranded(f"a refresh of generation {before} gave {after}")
        return replace(newest, device=own.device)

    def _leave(self, _phone: E164, _record: Record, own: Tokens, _old: Tokens) -> None:
        with self.world.lock:
            self.world.kept.append(own)

    def _log_out(self, _phone: E164, record: Record, own: Tokens, _old: Tokens) -> None:
        self._expect(200, logout(own.access))
        self._is_over(record, own)

    def _log_out_others(self, phone: E164, record: Record, own: Tokens, old: Tokens) -> None:
        """Log in anew, which makes the token fresh, and end the session from before."""
        newest = self._log_in(phone, record, own.device)
        self._expect(200, logout_others(newest.access))
        self._is_over(record, own)
        self._leave(phone, record, newest, old)
        self._forget_lost(record, newest)

    def _end_other(self, phone: E164, record: Record, own: Tokens, old: Tokens) -> None:
        newest = self._log_in(phone, record, own.device)
        self._expect({204, 404}, end_session(newest.access, session_of(own)))
        self._is_over(record, own)
        self._leave(phone, record, newest, old)

    def _reuse(self, _phone: E164, record: Record, own: Tokens, old: Tokens) -> None:
        """Use an old token again after its successor was used: the session ends."""
        newest = self._refresh(own)
        self._expect(401, refresh(old.refresh))
        self._is_over(record, newest)

    def _is_over(self, record: Record, over: Tokens) -> None:
        record.live.discard(session_of(over))
        record.ended.add(session_of(over))
        self._expect(401, protected(over.access))
        self._expect(401, refresh(over.refresh))
        with self.world.lock:
            self.world.ended.append(over)

    @staticmethod
    def _forget_lost(record: Record, newest: Tokens) -> None:
        record.live = {session_of(newest)}

    def _expect(self, statuses: int | set[int], call: Call) -> None:
        wanted = {statuses} if isinstance(statuses, int) else statuses
        answer = self.world.insist(call)
        if answer.status not in wanted:
            raise Stranded(f"{call.method} {call.path} was answered {answer.face}, not {sorted(wanted)}")
