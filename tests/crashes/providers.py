"""A provider that hangs or talks nonsense, over real HTTP on loopback, with ``SEND`` inline and in a thread.

What inline cannot promise: each ask holds its thread of the server for the provider's time-out, so as many hanging asks
as the server has threads make every other call wait for it. Here the server has more threads than asks hang.
With ``SEND="thread"`` no call waits, however few threads there are.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from threading import Thread

from securelogin.phones import E164
from securelogin.services import sending
from securelogin.sms.base import DEFAULT_TIMEOUT
from tests.races.bursts import Answer
from tests.races.stage import Outbox, login, protected, tokens, verify
from tests.sms import fake_twilio
from tests.sms.fake_twilio import FakeTwilio

from .stage import CrashStage, expect, wait_until

ASKS = 50
HANG = 40.0
"""Seconds that the provider hangs: far more than its time-out, so that waiting for it cannot be mistaken."""

ENOUGH = HANG / 2
PROTECTED_CALLS = 60
"""One that waits for a thread that waits for the provider takes seconds; no busy machine makes it that slow."""

NOT_SENT = "503 SMSSendFailure"
GARBAGE = (
    fake_twilio.Answer(201, {}),
    fake_twilio.Answer(201, "<html>not JSON</html>", content_type="text/html"),
    fake_twilio.Answer(500, "oops"),
    fake_twilio.Answer(201, {}, is_cut=True),
)


class Inbox(Outbox):
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

    Protected calls go on meanwhile, and who asked may ask again.
    """
    access = tokens(stage.call(verify(stage.ask_again(next(stage.numbers))))).access
    usual = _slowest(stage, access)
    phones = [next(stage.numbers) for _ in range(ASKS)]
    before = len(provider.received)
    provider.plan(*[fake_twilio.Answer(201, {}, delay=HANG)] * ASKS)
    answers: list[Answer] = []
    waits: list[float] = []
    asking = Thread(target=_ask_all, args=(stage, phones, answers, waits))
    asking.start()
    wait_until(lambda: len(provider.received) >= before + (ASKS if is_inline else sending.WORKERS))
    slowest = _slowest(stage, access)
    asking.join()
    seconds = waits[0]
    stage.notes.append(f"asks {seconds:.1f} s, protected calls {slowest:.2f} s at most, {usual:.2f} s before")
    found = [f"asks took {seconds:.1f} s, with a time-out of {DEFAULT_TIMEOUT:g} s"] if seconds > ENOUGH else []
    if slowest > DEFAULT_TIMEOUT / 2:
        found.append(f"a protected call waited {slowest:.2f} s for the provider, {usual:.2f} s before")
    found += expect({NOT_SENT if is_inline else "200"}, "what a hanging ask answers", {each.face for each in answers})
    if not wait_until(lambda: len(provider.received) >= before + ASKS):
        found.append("not every ask reached the provider")
    return found + expect(200, "a login by the next ask", stage.call(verify(stage.ask_again(phones[0]))).status)


def garbage(stage: CrashStage, provider: FakeTwilio, *, is_inline: bool) -> list[str]:
    """Answer an ask with nonsense: inline says that it was not sent, a thread never tells; the next ask goes well."""
    found = []
    for answer in GARBAGE:
        provider.plan(answer)
        phone = next(stage.numbers)
        stage.outbox.new()
        (asked,) = stage.send([login(phone)])
        found += expect(NOT_SENT if is_inline else "200", f"an ask answered {answer.status}", asked.face)
        wait_until(lambda: not provider.planned)
        found += expect(200, "a login by the next ask", stage.call(verify(stage.ask_again(phone))).status)
    return found


def _ask_all(stage: CrashStage, phones: Sequence[E164], answers: list[Answer], waits: list[float]) -> None:
    began = time.monotonic()
    answers.extend(stage.send([login(phone) for phone in phones]))
    waits.append(time.monotonic() - began)


def _slowest(stage: CrashStage, access: str) -> float:
    """Return how long the slowest of some protected calls takes."""
    seconds = []
    for _ in range(PROTECTED_CALLS):
        began = time.monotonic()
        stage.call(protected(access))
        seconds.append(time.monotonic() - began)
    return max(seconds)
