"""Tests of securelogin.sms.twilio_verify, through the unmodified SDK over HTTP."""

from __future__ import annotations

import time
from typing import Any

import pytest

from securelogin.exceptions import SMSNotSent
from securelogin.sms.base import BaseCodeBackend
from securelogin.sms.twilio import REFUSALS
from securelogin.sms.twilio_verify import SMSBackend

from .fake_twilio import ACCOUNT_SID, AUTH_TOKEN, CODE, SERVICE_SID, Answer, FakeTwilio, error

PHONE = "+15005550010"
OTHER = "+15005550011"
WRONG = "000000"
SID = "VE" + "4e" * 16


def make(twilio: FakeTwilio, **options: Any) -> SMSBackend:
    """Return a backend that reaches the server."""
    return SMSBackend(**{**twilio.options, "service_sid": SERVICE_SID, **options})


def approved(**changes: object) -> Answer:
    """Return Twilio's approval of the verification SID of PHONE, with changes."""
    return Answer(201, {"sid": SID, "to": PHONE, "status": "approved", "valid": True, "channel": "sms", **changes})


def fail(backend: SMSBackend) -> SMSNotSent:
    """Start and return the failure, after proving that it tells no secret, not even in its chain."""
    with pytest.raises(SMSNotSent) as caught:
        backend.start(to=PHONE)
    failure = caught.value
    assert failure.__cause__ is None
    assert failure.__context__ is None
    for secret in (PHONE, PHONE[1:], AUTH_TOKEN):
        assert secret not in f"{failure!s} {failure!r} {failure.reason}"
    return failure


def check(backend: SMSBackend, *, to: str = PHONE, provider_id: str = SID, code: str = CODE) -> bool:
    """Check a code, by default the right one."""
    return backend.check(to=to, provider_id=provider_id, code=code)


# A whole visit


def test_it_owns_the_code() -> None:
    """The services ask this backend to start and check instead of sending it a code of ours."""
    assert SMSBackend.owns_code
    assert issubclass(SMSBackend, BaseCodeBackend)


def test_start_and_the_right_code(twilio: FakeTwilio) -> None:
    """The number starts a verification by SMS; its id and the right code end it, once."""
    backend = make(twilio)
    sid = backend.start(to=PHONE)
    assert sid in twilio.verifications
    assert check(backend, provider_id=sid) is True
    assert check(backend, provider_id=sid) is False
    started, checked, _ = twilio.received
    assert (started.method, started.path) == ("POST", f"/v2/Services/{SERVICE_SID}/Verifications")
    assert started.form == {"To": PHONE, "Channel": "sms"}
    assert (checked.method, checked.path) == ("POST", f"/v2/Services/{SERVICE_SID}/VerificationCheck")
    assert checked.form == {"VerificationSid": sid, "Code": CODE}


def test_wrong_codes_are_wrong(twilio: FakeTwilio) -> None:
    """A wrong code leaves the verification pending; after five the right one is refused too."""
    backend = make(twilio)
    sid = backend.start(to=PHONE)
    assert [check(backend, provider_id=sid, code=WRONG) for _ in range(5)] == [False] * 5
    assert check(backend, provider_id=sid) is False


def test_a_code_is_bound_to_its_number(twilio: FakeTwilio) -> None:
    """The right code of one number opens nothing for another."""
    backend = make(twilio)
    sid = backend.start(to=PHONE)
    assert check(backend, to=OTHER, provider_id=sid) is False


def test_another_start_keeps_the_id(twilio: FakeTwilio) -> None:
    """Twilio sends the same code again while it lives, five times; the sixth is refused."""
    backend = make(twilio)
    assert len({backend.start(to=PHONE) for _ in range(5)}) == 1
    failure = fail(backend)
    assert (failure.is_definite, failure.is_numbers_fault) == (True, True)
    assert failure.reason == "Twilio answered 429, error 60203: too many codes for the number"


# Starts that fail

STARTS: list[tuple[str, Answer, bool, bool]] = [
    ("an invalid number", error(400, 60200, f"Invalid parameter: To: {PHONE}"), True, True),
    ("a landline", error(403, 60205, f"SMS is not supported by landline phone number {PHONE}"), True, True),
    ("fraud guard", error(403, 60410, f"{PHONE} is blocked"), True, True),
    ("geo permissions", error(403, 60605, f"{PHONE} is blocked"), True, False),
    ("401", error(401, 20003, "Authenticate"), True, False),
    ("404", error(404, 20404, "not found"), True, False),
    ("429", error(429, 20429, "Too Many Requests"), True, False),
    ("500", error(500, 20500, "oops"), False, False),
    ("503 as HTML", Answer(503, "<html></html>", "text/html"), False, False),
    ("200 as HTML", Answer(200, f"<html>{PHONE}</html>", "text/html"), False, False),
    ("201 {}", Answer(201, {}), False, False),
    ("a null sid", Answer(201, {"sid": None}), False, False),
    ("a sid that is a number", Answer(201, {"sid": 7}), False, False),
    ("an endless sid", Answer(201, {"sid": "V" * 65}), False, False),
    ("half JSON", Answer(201, '{"sid": "VE1'), False, False),
    ("a JSON list", Answer(201, []), False, False),
]


@pytest.mark.parametrize(
    ("answer", "is_definite", "is_numbers_fault"), [item[1:] for item in STARTS], ids=[item[0] for item in STARTS]
)
def test_a_start_that_fails(twilio: FakeTwilio, answer: Answer, is_definite: bool, is_numbers_fault: bool) -> None:
    """Every answer without an id is SMSNotSent, asked for once."""
    twilio.plan(answer)
    failure = fail(make(twilio))
    assert (failure.is_definite, failure.is_numbers_fault) == (is_definite, is_numbers_fault)
    assert len(twilio.received) == 1


def test_a_start_at_a_closed_port_or_without_an_answer(twilio: FakeTwilio, closed_port: int) -> None:
    """A refused connection sent nothing; silence leaves it open."""
    assert fail(make(twilio, api_base=f"http://127.0.0.1:{closed_port}")).is_definite
    backend = make(twilio, timeout=0.5)
    backend.start(to=OTHER)
    twilio.plan(Answer(201, {"sid": SID}, delay=3))
    began = time.monotonic()
    assert not fail(backend).is_definite
    assert time.monotonic() - began < 2.9


# Checks that are wrong codes


def test_an_approval_of_number_and_id_is_right(twilio: FakeTwilio) -> None:
    """Status, number and id together open the door."""
    twilio.plan(approved())
    assert check(make(twilio)) is True


CHECKS: list[tuple[str, Answer, bool]] = [
    ("approved for another number", approved(to=OTHER), True),
    ("approved for no number", approved(to=None), True),
    ("approved for another id", approved(sid="VE" + "5f" * 16), True),
    ("approved for no id", approved(sid=None), True),
    ("pending", approved(status="pending", valid=False), False),
    ("pending but valid", approved(status="pending"), False),
    ("canceled", approved(status="canceled"), False),
    ("expired", approved(status="expired"), False),
    ("max attempts", approved(status="max_attempts_reached"), False),
    ("APPROVED", approved(status="APPROVED"), False),
    ("a status that is true", approved(status=True), False),
    ("a status that is a list", approved(status=["approved"]), False),
    ("no status", Answer(201, {"sid": SID, "to": PHONE, "valid": True}), False),
    ("201 {}", Answer(201, {}), False),
    ("201 without a body", Answer(201, ""), False),
    ("404, used or expired", error(404, 20404, "The requested resource was not found"), True),
    ("429, five checks", error(429, 60202, "Max check attempts reached"), True),
    ("429", error(429, 20429, "Too Many Requests"), True),
    ("400", error(400, 60200, f"Invalid parameter: Code: {CODE} for {PHONE}"), True),
    ("401", error(401, 20003, "Authenticate"), True),
    ("500", error(500, 20500, f"oops {PHONE}"), True),
    ("503 as HTML", Answer(503, f"<html>{PHONE} {CODE}</html>", "text/html"), True),
    ("200 as HTML", Answer(200, f"<html>{PHONE} {CODE}</html>", "text/html"), True),
    ("half JSON", Answer(201, f'{{"sid": "{SID}", "to": "{PHONE}", "status": "appr'), True),
    ("a JSON list", Answer(201, [approved().body]), True),
    ("JSON true", Answer(201, "true"), True),
    ("a redirect", Answer(302, approved().body), True),
    ("approved with an error status", Answer(500, approved().body), True),
    ("a connection that breaks", Answer(201, approved().body, is_cut=True), True),
]


@pytest.mark.parametrize(("answer", "is_told"), [item[1:] for item in CHECKS], ids=[item[0] for item in CHECKS])
def test_everything_else_is_a_wrong_code(
    twilio: FakeTwilio, all_logs: pytest.LogCaptureFixture, answer: Answer, is_told: bool
) -> None:
    """Whatever is not an approval of this number and id is False; what is no plain wrong code is a warning."""
    twilio.plan(answer)
    backend = make(twilio)
    assert check(backend) is False
    assert len(twilio.received) == 1
    said = [record.getMessage() for record in all_logs.records if record.name == "securelogin.sms"]
    assert len(said) == (1 if is_told else 0)
    for secret in (PHONE, PHONE[1:], OTHER[1:], CODE, AUTH_TOKEN, SID):
        assert secret not in "".join(said)


def test_a_check_without_an_answer_is_a_wrong_code(
    twilio: FakeTwilio, closed_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    """An outage fails closed, within the time-out, with its reason in the log."""
    assert check(make(twilio, api_base=f"http://127.0.0.1:{closed_port}")) is False
    backend = make(twilio, timeout=0.5)
    assert check(backend) is False
    twilio.plan(Answer(201, approved().body, delay=3))
    began = time.monotonic()
    assert check(backend) is False
    assert time.monotonic() - began < 2.9
    *told, late = [record.getMessage() for record in caplog.records if record.name == "securelogin.sms"]
    assert told == [
        "default: a code could not be checked: no connection to Twilio (ConnectionError)",
        f"default: a code could not be checked: Twilio answered 404, error 20404: {REFUSALS[20404].words}",
    ]
    # Two clocks run for the same time, ours and the SDK's; either may be first.
    assert late in {
        "default: a code could not be checked: no answer within 0.5 s",
        "default: a code could not be checked: the connection to Twilio failed (ReadTimeout)",
    }


@pytest.mark.parametrize(("provider_id", "code"), [("", CODE), (SID, "")])
def test_an_absent_secret_never_matches(twilio: FakeTwilio, provider_id: str, code: str) -> None:
    """Without an id or a code nobody is asked and nothing is right."""
    twilio.plan(approved())
    assert check(make(twilio), provider_id=provider_id, code=code) is False
    assert twilio.received == []


# What may not leak


def test_no_log_holds_number_code_or_credentials(twilio: FakeTwilio, all_logs: pytest.LogCaptureFixture) -> None:
    """With every logger at DEBUG, nothing of a number, a code or a credential is written in a whole visit."""
    backend = make(twilio)
    sid = backend.start(to=PHONE)
    assert not check(backend, provider_id=sid, code=WRONG)
    assert check(backend, provider_id=sid)
    assert not check(backend, provider_id=sid)
    twilio.plan(error(400, 60200, f"Invalid parameter: To: {PHONE}"))
    fail(backend)
    said = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in all_logs.records)
    assert "urllib3" in said, "the loggers were not listened to"
    for secret in (PHONE, PHONE[1:], CODE, WRONG, AUTH_TOKEN, "Basic "):
        assert secret not in said


# What the check says


def test_a_missing_service_is_named(twilio: FakeTwilio) -> None:
    """Verify without a service is a problem, a failure to start and a wrong code."""
    good = {"account_sid": ACCOUNT_SID, "auth_token": AUTH_TOKEN, "service_sid": SERVICE_SID}
    assert SMSBackend.check_options(good) == []
    for wrong in ({**good, "service_sid": ""}, {**good, "service_sid": None}):
        assert [problem.message for problem in SMSBackend.check_options(wrong)] == [
            "OPTIONS['service_sid'] is missing."
        ]
    backend = make(twilio, service_sid="")
    failure = fail(backend)
    assert (failure.is_definite, failure.reason) == (True, "OPTIONS['service_sid'] is missing.")
    assert check(backend) is False
    assert twilio.received == []


def test_missing_credentials_are_named() -> None:
    """The account is checked as for messages, and a sender is not an option here."""
    messages = [problem.message for problem in SMSBackend.check_options({"service_sid": "VA", "from_number": "+1"})]
    assert messages == [
        "OPTIONS has no key 'from_number'.",
        "OPTIONS['account_sid'] is missing.",
        "OPTIONS['auth_token'] is missing.",
    ]
