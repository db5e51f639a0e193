"""A provider that hangs or talks nonsense, over real HTTP on loopback, with ``SEND`` inline and in a thread.

What inline cannot promise: each ask holds its thread of the server for the provider's time-out, so as many hanging asks
as the server has threads make every other call wait for it. Here the server has more threads than asks hang.
With ``SEND="thread"`` no call waits, however few threads there are.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from threading import Thread

from securelogin.phones import E164
from securelogin.services import outages, sending
from securelogin.sms.base import DEFAULT_TIMEOUT
from tests.races.bursts import Answer
from tests.races.calls import login, protected, tokens, verify
from tests.races.judges.answers import exactly
from tests.races.supplies import Lines
from tests.sms import fake_twilio
from tests.sms.fake_twilio import FakeTwilio

from .stage import CrashStage, ticket_of, wait_until

ASKS = 50
HANG = 40.0
"""Seconds that the provider hangs: far more than its time-out, so that waiting for it cannot be mistaken."""

ENOUGH = HANG / 2
ARRIVES = 3.0
"""Seconds in which a code that was sent is here."""

ASK_EVERY = 1.0
MOST_SECONDS = 1.0
PROTECTED_CALLS = 200
"""One that waits for a thread that waits for the provider takes seconds; no busy machine makes it that slow."""

NOT_SENT = "503 SMSSendFailure"
GARBAGE = (
    fake_twilio.Answer(201, {}),
    fake_twilio.Answer(201, "<html>not JSON</html>", content_type="text/html"),
    fake_twilio.Answer(500, "oops"),
    fake_twilio.Answer(201, {}, is_cut=True),
)


class Inbox(Lines):
    """What the provider was given, read like the file of the races."""

    def __init__(self, provider: FakeTwilio) -> None:
        self.provider = provider
        self.offset = 0

    def new(self) -> list[Mapping[str, str]]:
        """Return the messages since the last call."""
        received = self.provider.received[self.offset :]
        self.offset += len(received)
        return [{"to": each.form.get("To", ""), "body": each.form.get("Body", "")} for each in received]


def hanging(stage: CrashStage, provider: FakeTwilio, *, is_inline: bool) -> list[str]:
    """Let fifty asks hang: inline each says within the time-out that nothing was sent, in a thread all answer at once.

    Protected calls go on meanwhile. A worker that waited in vain too often asks no more for a while, and then again:
    who got no code asks until one comes.
    """
    access = tokens(stage.call(verify(stage.ask_again(next(stage.numbers))))).access
    usual = _slow(stage, access)
    phones = [next(stage.numbers) for _ in range(ASKS)]
    before = len(provider.received)
    provider.plan(*[fake_twilio.Answer(201, {}, delay=HANG)] * ASKS)
    answers: list[Answer] = []
    waits: list[float] = []
    began = time.monotonic()
    asking = Thread(target=_ask_all, args=(stage, phones, answers, waits))
    asking.start()
    wait_until(lambda: len(provider.received) >= before + (ASKS if is_inline else sending.WORKERS))
    slow = _slow(stage, access)
    asking.join()
    seconds = waits[0]
    stage.notes.append(f"asks {seconds:.1f} s, slow protected calls {slow:.2f} s, {usual:.2f} s before")
    found = [f"asks took {seconds:.1f} s, with a time-out of {DEFAULT_TIMEOUT:g} s"] if seconds > ENOUGH else []
    if slow > MOST_SECONDS:
        found.append(f"protected calls waited {slow:.2f} s for the provider, {usual:.2f} s before")
    found += exactly({NOT_SENT if is_inline else "200"}, "what a hanging ask answers", {each.face for each in answers})
    if is_inline:
        found += _rests(stage, Counter(answer.worker for answer in answers), began)
    return found + _comes_back(stage, provider, phones[0])


def _rests(stage: CrashStage, failures: Mapping[str, int], began: float) -> list[str]:
    """See that each worker that waited in vain often enough says so at once the next time, without asking."""
    answers = stage.send([login(next(stage.numbers)) for _ in range(stage.clients)])
    if time.monotonic() - began > outages.REST:
        return [f"all asks together took longer than the {outages.REST:g} s that a provider rests: nothing was learned"]
    faces = {answer.face for answer in answers if failures.get(answer.worker, 0) >= outages.FAILURES}
    stage.notes.append(f"{sum(answer.face == NOT_SENT for answer in answers)} of {len(answers)} asks were spared")
    return exactly({NOT_SENT}, "what a worker answers whose provider rests", faces)


def _comes_back(stage: CrashStage, provider: FakeTwilio, phone: E164) -> list[str]:
    """Ask again and again, as somebody does to whom no code came, and log in by the first that does."""
    provider.planned.clear()
    began = time.monotonic()
    messages: list[Mapping[str, str]] = []
    while time.monotonic() < began + 2 * outages.REST:
        stage.messages(phone)
        (asked,) = stage.send([login(phone)])
        if asked.status == 200 and wait_until(partial(stage.has_mail, phone, messages), ARRIVES):
            stage.notes.append(f"a code came after {time.monotonic() - began:.0f} s")
            return exactly(200, "a login by the next code", stage.call(verify(ticket_of(phone, messages[-1]))).status)
        time.sleep(ASK_EVERY)
    return ["no code came when the provider was back"]


def garbage(stage: CrashStage, provider: FakeTwilio, *, is_inline: bool) -> list[str]:
    """Answer an ask with nonsense: inline says that it was not sent, a thread never tells; the next ask goes well."""
    found = []
    for answer in GARBAGE:
        provider.plan(answer)
        phone = next(stage.numbers)
        stage.outbox.new()
        (asked,) = stage.send([login(phone)])
        found += exactly(NOT_SENT if is_inline else "200", f"an ask answered {answer.status}", asked.face)
        wait_until(lambda: not provider.planned)
        found += exactly(200, "a login by the next ask", stage.call(verify(stage.ask_again(phone))).status)
    return found


def _ask_all(stage: CrashStage, phones: Sequence[E164], answers: list[Answer], waits: list[float]) -> None:
    began = time.monotonic()
    answers.extend(stage.send([login(phone) for phone in phones]))
    waits.append(time.monotonic() - began)


def _slow(stage: CrashStage, access: str) -> float:
    """Return how long protected calls take, in seconds: all of them but one of a hundred."""
    seconds = []
    for _ in range(PROTECTED_CALLS):
        began = time.monotonic()
        stage.call(protected(access))
        seconds.append(time.monotonic() - began)
    return sorted(seconds)[-PROTECTED_CALLS // 100]
