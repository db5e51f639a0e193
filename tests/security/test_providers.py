"""A15: a provider that owns the code is believed in one case only, and our own limits count whatever it says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from securelogin.models import OneTimeCode, Session
from tests.api.refusals import NOT_SENT, WRONG_CODE, refusal_of
from tests.api.visitor import derived_id
from tests.sms import fake_twilio
from tests.sms.fake_twilio import CODE, SERVICE_SID, Answer, FakeTwilio, error
from tests.visits import PHONE

from .calls import ask, configure, guess, row_of

pytestmark = pytest.mark.django_db

SID = "VE" + "4e" * 16
OTHER_SID = "VE" + "5f" * 16
OTHER_PHONE = "+12025550124"
TIMEOUT = 0.5


@pytest.fixture
def twilio(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeTwilio]:
    """Play Twilio on loopback for a host whose codes are left to it, with patience for a busy machine."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with fake_twilio.serve() as server:
        options = {**server.options, "service_sid": SERVICE_SID, "timeout": 30}
        configure(
            settings, SMS={"default": {"BACKEND": "securelogin.sms.twilio_verify.SMSBackend", "OPTIONS": options}}
        )
        yield server


def impatient(settings: Any) -> None:
    """Wait half a second for the provider, as a host may."""
    entry = settings.SECURELOGIN["SMS"]["default"]
    configure(settings, SMS={"default": {**entry, "OPTIONS": {**entry["OPTIONS"], "timeout": TIMEOUT}}})


def await_request(twilio: FakeTwilio) -> None:
    """Wait until what was planned is taken: a call that nobody waits for any more may still be on its way."""
    deadline = time.monotonic() + 60
    while twilio.planned:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def checked(**changes: object) -> Answer:
    """Return Twilio's approval of what was started, with changes."""
    return Answer(201, {"sid": SID, "to": PHONE, "status": "approved", "valid": True, "channel": "sms", **changes})


def start(twilio: FakeTwilio) -> None:
    """Ask for a code that the provider sends."""
    twilio.plan(Answer(201, {"sid": SID, "to": PHONE, "status": "pending", "channel": "sms"}))
    assert ask().status_code == 200
    assert row_of().provider_id == SID


def test_only_the_approval_of_this_number_opens(twilio: FakeTwilio) -> None:
    """Status, id and number together log in; nothing stays counted (A15)."""
    start(twilio)
    twilio.plan(checked())
    assert guess(CODE).status_code == 200
    assert Session.objects.count() == 1
    assert row_of().failures_in_day == 0


ANSWERS: dict[str, Answer] = {
    "pending": checked(status="pending", valid=False),
    "pending, but valid": checked(status="pending"),
    "approved for another number": checked(to=OTHER_PHONE),
    "approved for no number": checked(to=None),
    "approved for another id": checked(sid=OTHER_SID),
    "canceled": checked(status="canceled"),
    "a status that is true": checked(status=True),
    "200 {}": Answer(200, {}),
    "200, half a body": Answer(200, '{"status": "appr'),
    "200, a page": Answer(200, "<html>approved</html>", "text/html"),
    "302": Answer(302, checked().body),
    "400": error(400, 60200, "Invalid parameter"),
    "401": error(401, 20003, "Authenticate"),
    "404": error(404, 20404, "The requested resource was not found"),
    "429, checks spent": error(429, 60202, "Max check attempts reached"),
    "429, sends spent": error(429, 60203, "Max send attempts reached"),
    "429": error(429, 20429, "Too Many Requests"),
    "500": error(500, 20500, "Internal Server Error"),
    "503, approved": Answer(503, checked().body),
    "a connection that breaks": Answer(201, checked().body, is_cut=True),
    "approved too late": Answer(201, checked().body, delay=TIMEOUT + 0.5),
}


@pytest.mark.parametrize("answer", list(ANSWERS.values()), ids=list(ANSWERS))
def test_everything_else_is_a_wrong_code_that_counts(settings: Any, twilio: FakeTwilio, answer: Answer) -> None:
    """Whatever the provider says, each check is one guess and one failure of ours, with the face of all (A15)."""
    start(twilio)
    if answer.delay:
        impatient(settings)
    for done in (1, 2):
        twilio.plan(answer)
        assert refusal_of(guess(CODE)) == WRONG_CODE
        row = row_of()
        assert (row.guesses, row.failures_in_day, row.failures_in_a_row) == (done, done, done)
    assert row_of().consumed_at is None
    assert not Session.objects.exists()


def test_provider_is_asked_five_times_a_code(twilio: FakeTwilio) -> None:
    """The sixth guess does not reach it, though it would approve (A15)."""
    start(twilio)
    for _guess in range(5):
        twilio.plan(checked(status="pending"))
        assert refusal_of(guess(CODE)) == WRONG_CODE
    before = len(twilio.received)
    twilio.plan(checked())
    assert refusal_of(guess(CODE)) == WRONG_CODE
    assert len(twilio.received) == before


def test_provider_is_asked_ten_times_a_day(settings: Any, twilio: FakeTwilio) -> None:
    """A number's failures of the day are ours to count, however many codes the provider sends (A15)."""
    configure(settings, RESEND_PAUSES=())
    for _code in range(2):
        start(twilio)
        for _guess in range(5):
            twilio.plan(checked(status="pending"))
            guess(CODE)
    assert ask().status_code == 429
    OneTimeCode.objects.update(guesses=0)
    before = len(twilio.received)
    twilio.plan(checked())
    assert refusal_of(guess(CODE, userid=derived_id())) == WRONG_CODE
    assert len(twilio.received) == before


STARTS: dict[str, Answer] = {
    **{name: ANSWERS[name] for name in ("200 {}", "200, half a body", "200, a page", "302", "401", "404", "500")},
    **{name: ANSWERS[name] for name in ("429, sends spent", "429", "a connection that breaks", "approved too late")},
    "no id": Answer(201, {"sid": None, "to": PHONE, "status": "pending"}),
    "an id that does not fit": Answer(201, {"sid": "VE" * 100, "to": PHONE, "status": "pending"}),
}


@pytest.mark.parametrize("answer", list(STARTS.values()), ids=list(STARTS))
def test_start_that_failed_leaves_nothing_to_be_right(settings: Any, twilio: FakeTwilio, answer: Answer) -> None:
    """It is 503, or 200 where the number is to blame; then nobody is asked, and guess and send are counted (A15)."""
    if answer.delay:
        impatient(settings)
    twilio.plan(answer)
    asked = ask()
    assert asked.status_code == 200 or refusal_of(asked) == NOT_SENT
    await_request(twilio)
    before = len(twilio.received)
    twilio.plan(checked())
    assert refusal_of(guess(CODE)) == WRONG_CODE
    assert len(twilio.received) == before
    row = row_of()
    assert (row.provider_id, row.sends_in_hour, row.failures_in_day) == ("", 1, 1)
