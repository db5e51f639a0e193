"""A story that hypothesis writes: the rules of honest callers and of guessers."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from securelogin.models import OneTimeCode
from securelogin.phones import E164
from tests.api.visitor import Visitor

from .actors import Device, Thief
from .calls import Calls
from .faces import Answer
from .meanwhile import cross
from .model import ANYONE, REJECTED, DeviceToken, Guess
from .model_codes import DAY, FAILURES, GUESSES, PAUSES
from .stage import PHONES, Stage

DEVICES = st.sampled_from(range(4))
NUMBERS = st.sampled_from(PHONES)
Race = Callable[[Callable[[], Answer]], list[Answer]]
"""Makes one call several times, in one way or another at the same time."""

PATIENCE = 3600
"""Seconds that a person waits for a code before giving up."""

FOREIGN_ID = "00000000-0000-4000-8000-000000000000"


class Story(RuleBasedStateMachine):
    """A site, its callers, and why each session may have ended."""

    stage: Stage
    calls: Calls

    def __init__(self) -> None:
        super().__init__()
        self.devices = [Device(PHONES[0]), Device(PHONES[0]), Device(PHONES[1]), Device(PHONES[2])]
        self.thieves: list[Thief] = []
        self.excuses: dict[UUID, set[str]] = {}
        self.keys = 0

    @initialize(max_sessions=st.sampled_from([None, 2]))
    def open_site(self, max_sessions: int | None) -> None:
        """Begin with an empty site."""
        self.stage = Stage(max_sessions=max_sessions)
        self.calls = Calls(self.stage)

    def teardown(self) -> None:
        """Close the site, which looks for what must not be in any row."""
        if hasattr(self, "stage"):
            self.stage.close()

    @invariant()
    def rows_are_as_the_model_says(self) -> None:
        """Hold every row against the model."""
        if hasattr(self, "stage"):
            self.stage.check()

    # What the rules share

    def excuse(self, session: UUID | None, why: str) -> None:
        """Note that a session may be over for its device."""
        if session is not None:
            self.excuses.setdefault(session, set()).add(why)

    def excuse_all(self, user: UUID | None, why: str, *, kept: UUID | None = None) -> None:
        """Note it for every session of a user, but one."""
        for sid, session in self.stage.site.sessions.items():
            if session.user == user and sid != kept:
                self.excuse(sid, why)

    def new_key(self) -> str:
        """Return an ``Idempotency-Key`` that was never used."""
        self.keys += 1
        return f"a-key-of-a-client-{self.keys:06d}"

    def device(self, number: int, *, is_in: bool = True) -> Device:
        """Return a device, logged in where that is asked for and possible."""
        device = self.devices[number]
        if is_in and device.pair is None:
            self.enter_with_code(device)
        return device

    def enter_with_code(self, device: Device) -> None:
        """Ask, read the phone and answer."""
        code = self.new_code(device)
        if code:
            self.answer(device, code)

    def new_code(self, device: Device) -> str:
        """Ask for a code and read it. A pause is waited for; a longer budget or an inactive account is not."""
        wait = self.calls.ask(device.phone, device.device_token)
        if self.calls.last_reason and wait <= PATIENCE:
            self.stage.wait(timedelta(seconds=wait))
            self.calls.ask(device.phone, device.device_token)
        return self.code_for(device.phone, device.device_token)

    def code_for(self, phone: E164, device_token: DeviceToken | None) -> str:
        """Return the newest code that the caller's row was given, good or not any more; empty where there is none."""
        return self.stage.site.code_of(phone, device_token, self.stage.tick())

    def answer(self, device: Device, code: str, *, userid: str = "") -> None:
        """Try a code on a device, and keep what it opens."""
        opened = self.calls.guess(device.phone, code, device.device_token, userid=userid)
        if opened is not None:
            device.pair, device.device_token = opened
            device.lost = None
            self.note_evictions()

    def note_evictions(self) -> None:
        """Excuse the sessions that MAX_SESSIONS ended."""
        for sid, session in self.stage.site.sessions.items():
            if session.end == "evicted":
                self.excuse(sid, "evicted")


class CodeVisits(Story):
    """Codes: asked for, read, guessed, used, tried again."""

    @rule(number=DEVICES)
    def log_in(self, number: int) -> None:
        """Log in on a device, also where it is in already."""
        self.enter_with_code(self.devices[number])

    @rule(number=DEVICES)
    def log_in_patiently(self, number: int) -> None:
        """Wait as long as the site says, which is always enough."""
        device = self.devices[number]
        self.calls.ask(device.phone, device.device_token)
        self.stage.wait(timedelta(seconds=self.calls.ask(device.phone, device.device_token)))
        self.calls.ask(device.phone, device.device_token)
        assert self.calls.last_reason == "", "who waited as long as the site said is refused"
        self.enter_with_code(device)

    @rule(phone=NUMBERS, name=st.sampled_from(["Ada", "Bob"]))
    def register(self, phone: E164, name: str) -> None:
        """Leave a display name, whoever does so."""
        self.calls.register(phone, name)

    @rule(phone=NUMBERS)
    def ask_as_anyone(self, phone: E164) -> None:
        """Ask and go away."""
        self.calls.ask(phone)

    @rule(phone=NUMBERS, times=st.integers(1, 3))
    def guess_as_anyone(self, phone: E164, times: int) -> None:
        """Try wrong codes, on more than one budget if need be."""
        for _ in range(times):
            assert self.calls.guess(phone, self.calls.wrong_code(phone)) is None

    @rule(phone=NUMBERS)
    def guess_all_day(self, phone: E164) -> None:
        """Spend the budget of a day."""
        self.stage.wait(DAY)
        for times in (GUESSES, FAILURES[DAY] - GUESSES):
            self.calls.ask(phone)
            self.guess_as_anyone(phone, times)
            self.stage.wait(PAUSES[0])

    @rule(number=DEVICES, times=st.integers(1, 2))
    def mistype_on_device(self, number: int, times: int) -> None:
        """Try wrong codes on a known device, which spends its own budgets."""
        device = self.devices[number]
        self.calls.ask(device.phone, device.device_token)
        for _ in range(times):
            code = self.calls.wrong_code(device.phone, device.device_token)
            assert self.calls.guess(device.phone, code, device.device_token) is None

    @rule(number=DEVICES, whose=st.sampled_from(["account", "foreign", "derived"]))
    def answer_as(self, number: int, whose: str) -> None:
        """Try the newest code, fresh or stale, with one of the ids that a client may hold."""
        device = self.devices[number]
        owner = self.stage.site.owner(device.phone)
        userid = {"account": str(owner or ""), "foreign": FOREIGN_ID, "derived": ""}[whose]
        code = self.code_for(device.phone, device.device_token)
        if code:
            self.answer(device, code, userid=userid)

    @rule(number=DEVICES)
    def try_old_codes(self, number: int) -> None:
        """No code works twice, and none after the next one came."""
        device = self.devices[number]
        for code in self.stage.codes[-3:]:
            self.answer(device, code)

    @rule(number=DEVICES, after=st.integers(3, 5))
    def answer_twice_at_once(self, number: int, after: int) -> None:
        """Of two calls with the right code, one between two statements of the other, one opens a session."""
        device = self.devices[number]
        self.new_code(device)
        self.race_for_a_session(device, lambda call: list(cross(call, call, after=after)))

    def race_for_a_session(self, device: Device, run: Race) -> None:
        """Send the right code several times; one of the calls opens a session."""
        site, code = self.stage.site, self.code_for(device.phone, device.device_token)
        at = self.stage.tick()
        if not code or not deepcopy(site).guess(device.phone, code, device.device_token, at).opens:
            return
        foretold = site.guess(device.phone, code, device.device_token, at)
        # A first login makes the account, and with a deleted account's id its device is known again: another row.
        known = None if foretold.asker == ANYONE else device.device_token
        body = self.calls.guess_body(device.phone, code, known)
        answers = run(lambda: self.stage.post("verify_sms", body, visitor=Visitor()))
        winners = [answer for answer in answers if answer.status == 200]
        assert len(winners) == 1, "one code opened more than one session, or none"
        assert {answer.reason for answer in answers} == {"", REJECTED}
        device.pair, device.device_token = self.calls.opened(device.phone, foretold, winners[0], at)
        device.lost = None
        self.note_evictions()
        self._read_guesses(foretold, at_most=len(answers))

    def _read_guesses(self, foretold: Guess, *, at_most: int) -> None:
        """Learn how many of the calls were counted before one used the code up; which is nobody's to foretell."""
        assert foretold.row is not None
        counted = OneTimeCode.objects.get(key=foretold.row.name_at_rest).guesses
        assert foretold.row.guesses <= counted <= min(GUESSES, foretold.row.guesses - 1 + at_most)
        foretold.row.guesses = counted
