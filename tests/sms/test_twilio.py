"""Tests of securelogin.sms.twilio, through the unmodified SDK over HTTP."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any

import pytest

from securelogin.exceptions import SMSNotSent
from securelogin.sms import twilio as module
from securelogin.sms.twilio import REFUSALS, SMSBackend

from .fake_twilio import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    FROM_NUMBER,
    MESSAGING_SERVICE_SID,
    Answer,
    FakeTwilio,
    error,
)

PHONE = "+15005550010"
BODY = "482913 is your login code.\n\n@example.com #482913"


def make(twilio: FakeTwilio, **options: Any) -> SMSBackend:
    """Return a backend that reaches the server."""
    return SMSBackend(**{**twilio.options, "from_number": FROM_NUMBER, **options})


def fail(backend: SMSBackend) -> SMSNotSent:
    """Send and return the failure, after proving that it tells no secret, not even in its chain."""
    with pytest.raises(SMSNotSent) as caught:
        backend.send(to=PHONE, body=BODY)
    failure = caught.value
    assert failure.__cause__ is None
    assert failure.__context__ is None
    for secret in (PHONE, PHONE[1:], "482913", AUTH_TOKEN):
        assert secret not in f"{failure!s} {failure!r} {failure.reason}"
    return failure


# What is sent


def test_a_text_is_posted_from_a_number(twilio: FakeTwilio) -> None:
    """To, From and Body go to the account's messages as a form, with basic authentication."""
    make(twilio).send(to=PHONE, body=BODY)
    (received,) = twilio.received
    assert (received.method, received.path) == ("POST", f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json")
    assert received.query == ""
    assert received.form == {"To": PHONE, "From": FROM_NUMBER, "Body": BODY}


def test_a_text_is_posted_from_a_messaging_service(twilio: FakeTwilio) -> None:
    """A messaging service takes the place of the sender."""
    make(twilio, from_number=None, messaging_service_sid=MESSAGING_SERVICE_SID).send(to=PHONE, body=BODY)
    (received,) = twilio.received
    assert received.form == {"To": PHONE, "MessagingServiceSid": MESSAGING_SERVICE_SID, "Body": BODY}


def test_an_api_key_takes_the_place_of_the_auth_token(twilio: FakeTwilio) -> None:
    """A key that can be revoked alone authenticates, and the account stays in the path."""
    twilio.user, twilio.password = "SK1", "secret of the key"
    make(twilio, auth_token=None, api_key_sid="SK1", api_key_secret="secret of the key").send(to=PHONE, body=BODY)
    assert ACCOUNT_SID in twilio.received[0].path


def test_connections_stay_open(twilio: FakeTwilio) -> None:
    """A second text does not pay for another connection."""
    backend = make(twilio)
    backend.send(to=PHONE, body=BODY)
    backend.send(to=PHONE, body=BODY)
    first, second = twilio.received
    assert first.connection == second.connection


def test_threads_share_a_backend(twilio: FakeTwilio) -> None:
    """Texts of threads that send at once arrive each as it was."""
    backend = make(twilio)
    threads = [
        threading.Thread(target=backend.send, kwargs={"to": f"+1500555{n:04}", "body": f"text {n}"}) for n in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((item.form["To"], item.form["Body"]) for item in twilio.received) == [
        (f"+1500555{n:04}", f"text {n}") for n in range(10)
    ]


def test_twilio_itself_is_reached_over_https() -> None:
    """Without api_base the SDK's own addresses count."""
    client = SMSBackend(account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN, from_number=FROM_NUMBER).account._client
    assert client.api.base_url == "https://api.twilio.com"
    assert client.verify.base_url == "https://verify.twilio.com"


# What goes wrong

NUMBERS_FAULTS = {
    *(21211, 21214, 21217, 21265, 21266, 21610, 21612, 21614, 21635),
    *(60200, 60202, 60203, 60205, 60212, 60410),
}


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_a_refusal_is_definite(twilio: FakeTwilio, code: int) -> None:
    """A 4xx was not carried out; the table says whether the number is why, and the reason names the code."""
    twilio.plan(error(400, code, f"The 'To' number {PHONE} is not a valid phone number: {BODY}"))
    failure = fail(make(twilio))
    assert failure.is_definite
    assert failure.is_numbers_fault == (code in NUMBERS_FAULTS)
    assert failure.reason == f"Twilio answered 400, error {code}: {REFUSALS[code].words}"


def test_wrong_credentials_are_nobodys_numbers_fault(twilio: FakeTwilio) -> None:
    """An account that is refused serves no number at all."""
    failure = fail(make(twilio, auth_token="another"))
    assert (failure.is_definite, failure.is_numbers_fault) == (True, False)
    assert failure.reason == "Twilio answered 401, error 20003: the credentials are not accepted"


def test_an_unknown_refusal_is_nobodys_numbers_fault(twilio: FakeTwilio) -> None:
    """A code that Twilio adds tomorrow is an outage to the visitor, and its number is in the log."""
    twilio.plan(error(400, 21999, f"Something new about {PHONE}"))
    failure = fail(make(twilio))
    assert (failure.is_definite, failure.is_numbers_fault) == (True, False)
    assert failure.reason == "Twilio answered 400, error 21999"


PROBLEM = {"type": "https://www.twilio.com/docs/errors/21211", "title": PHONE, "status": 400, "code": 21211}
ANSWERS: list[tuple[str, Answer, bool, str]] = [
    ("problem details", Answer(400, PROBLEM), True, "Twilio answered 400, error 21211: the number is not valid"),
    ("429", error(429, 20429, "Too Many Requests"), True, "Twilio answered 429, error 20429: too many calls at once"),
    ("429 as text", Answer(429, "slow down", "text/plain"), True, "Twilio answered 429"),
    ("404", error(404, 20404, "not found"), True, "Twilio answered 404, error 20404: there is no such"),
    ("408", error(408, 20408, "time-out"), False, "Twilio answered 408, error 20408"),
    ("500", error(500, 20500, f"oops {PHONE}"), False, "Twilio answered 500, error 20500"),
    ("503", error(503, 20503, "unavailable"), False, "Twilio answered 503, error 20503"),
    ("5xx with a number's code", error(503, 21211, "unavailable"), False, "Twilio answered 503, error 21211"),
    ("502 as HTML", Answer(502, "<html>bad gateway</html>", "text/html"), False, "Twilio answered 502"),
    ("403 as HTML", Answer(403, f"<html>{PHONE}</html>", "text/html"), True, "Twilio answered 403"),
    ("a redirect", Answer(307, ""), False, "Twilio answered 307"),
    ("200 as HTML", Answer(200, f"<html>{PHONE}</html>", "text/html"), False, "Twilio's answer cannot be read"),
    ("half JSON", Answer(201, '{"sid": "SM1'), False, "Twilio's answer cannot be read (JSONDecodeError)"),
    ("a JSON list", Answer(201, [PHONE]), False, "Twilio's answer cannot be read"),
    ("JSON null", Answer(201, None), False, "Twilio's answer cannot be read"),
    ("deep JSON", Answer(201, "[" * 100_000), False, "Twilio's answer cannot be read"),
    ("201 {}", Answer(201, {}), False, "Twilio answered without a message's id"),
    ("201 without a body", Answer(201, ""), False, "Twilio answered without a message's id"),
    ("a null sid", Answer(201, {"sid": None}), False, "Twilio answered without a message's id"),
    ("a sid that is a number", Answer(201, {"sid": 15005550010}), False, "Twilio answered without a message's id"),
    ("failed at once", Answer(201, {"sid": "SM1", "status": "failed"}), True, "Twilio took the message and gave it up"),
    ("a code that is a text", Answer(400, {"code": PHONE, "message": PHONE}), True, "Twilio answered 400"),
    ("a code that is a list", Answer(400, {"code": [PHONE]}), True, "Twilio answered 400"),
    ("a code that is a number", Answer(400, {"code": int(PHONE)}), True, "Twilio answered 400"),
    ("an error that is a list", Answer(400, [PHONE]), True, "Twilio answered 400"),
    ("a status that is a text", Answer(400, {**PROBLEM, "status": PHONE}), False, "Twilio refused, error 21211"),
]


@pytest.mark.parametrize(
    ("answer", "is_definite", "reason"), [item[1:] for item in ANSWERS], ids=[a[0] for a in ANSWERS]
)
def test_every_answer_but_a_message_is_a_failure(
    twilio: FakeTwilio, answer: Answer, is_definite: bool, reason: str
) -> None:
    """Whatever comes back, the visitor's request ends in SMSNotSent; only a 4xx surely sent nothing."""
    twilio.plan(answer)
    failure = fail(make(twilio))
    assert failure.is_definite == is_definite
    assert is_definite or not failure.is_numbers_fault
    assert failure.reason.startswith(reason)
    assert len(twilio.received) == 1


def test_a_refused_connection_is_definite(twilio: FakeTwilio, closed_port: int) -> None:
    """Where nobody listens nothing was sent."""
    failure = fail(make(twilio, api_base=f"http://127.0.0.1:{closed_port}"))
    assert (failure.is_definite, failure.is_numbers_fault) == (True, False)
    assert failure.reason == "no connection to Twilio (ConnectionError)"


def test_a_connection_that_breaks_is_not_definite(twilio: FakeTwilio) -> None:
    """An answer that is lost leaves open whether the text was taken, so the pause stays."""
    twilio.plan(Answer(201, {"sid": "SM1"}, is_cut=True))
    failure = fail(make(twilio))
    assert (failure.is_definite, failure.is_numbers_fault) == (False, False)
    assert failure.reason == "the connection to Twilio failed (ConnectionError)"
    assert len(twilio.received) == 1


@pytest.mark.parametrize("answer", [Answer(201, {"sid": "SM1"}, delay=3), Answer(201, {"sid": "SM1"}, drip=0.25)])
def test_a_slow_answer_ends_at_the_timeout(twilio: FakeTwilio, answer: Answer) -> None:
    """A visitor waits no longer than the time-out, for silence as for an answer that drips in; nobody tries again."""
    backend = make(twilio, timeout=0.5)
    backend.send(to=PHONE, body=BODY)
    twilio.plan(answer)
    began = time.monotonic()
    failure = fail(backend)
    assert time.monotonic() - began < 2.9
    assert (failure.is_definite, failure.is_numbers_fault) == (False, False)
    assert len(twilio.received) == 2


def test_a_call_that_nobody_waits_for_ends(twilio: FakeTwilio) -> None:
    """A provider that hangs for long does not pile up threads: the SDK has the time-out too."""
    backend = make(twilio, timeout=0.3)
    with suppress(SMSNotSent):  # the first call makes the client, and may be late on a busy machine
        backend.send(to=PHONE, body=BODY)
    twilio.plan(*[Answer(201, {"sid": "SM1"}, delay=5)] * 3)
    before = set(threading.enumerate())
    for _ in range(3):
        fail(backend)
    deadline = time.monotonic() + 4.5
    while any(thread.name == "securelogin-sms" for thread in set(threading.enumerate()) - before):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_nothing_is_sent_twice(twilio: FakeTwilio) -> None:
    """The first try may have arrived, so a failure is never tried again."""
    twilio.plan(error(503, 20503, "unavailable"), error(429, 20429, "Too Many Requests"))
    backend = make(twilio)
    fail(backend)
    assert len(twilio.received) == 1
    fail(backend)
    assert len(twilio.received) == 2


def test_a_backend_works_again_after_a_failure(twilio: FakeTwilio) -> None:
    """An outage leaves nothing behind."""
    backend = make(twilio)
    twilio.plan(error(500, 20500, "oops"))
    fail(backend)
    backend.send(to=PHONE, body=BODY)


def test_a_missing_sdk_is_a_failure_to_send(monkeypatch: pytest.MonkeyPatch, twilio: FakeTwilio) -> None:
    """An installation without the extra answers as an outage does, and the check names the command."""
    backend = make(twilio)
    for name in ("twilio.rest", "twilio.http.http_client"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    failure = fail(backend)
    assert (failure.is_definite, failure.reason) == (True, "Twilio's SDK cannot be imported")


# What may not leak


def test_no_log_holds_number_code_or_credentials(twilio: FakeTwilio, all_logs: pytest.LogCaptureFixture) -> None:
    """With every logger at DEBUG, nothing of a text, a number or a credential is written, in success as in failure."""
    backend = make(twilio)
    backend.send(to=PHONE, body=BODY)
    twilio.plan(error(400, 21211, f"The 'To' number {PHONE} is not a valid phone number."))
    fail(backend)
    twilio.plan(Answer(200, f"<html>{PHONE} {BODY}</html>"))
    fail(backend)
    fail(make(twilio, auth_token="another"))
    said = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in all_logs.records)
    assert "urllib3" in said, "the loggers were not listened to"
    for secret in (PHONE, PHONE[1:], "482913", "login code", AUTH_TOKEN, "another", "Basic "):
        assert secret not in said


def test_a_repr_holds_no_credential(twilio: FakeTwilio) -> None:
    """A backend in a traceback shows no option."""
    backend = make(twilio)
    assert AUTH_TOKEN not in f"{backend!r} {backend.account!r} {backend.problems!r}"


# What the check says


def problems(**options: Any) -> list[str]:
    """Return the messages of the check for these options."""
    return [problem.message for problem in SMSBackend.check_options(options)]


GOOD = {"account_sid": ACCOUNT_SID, "auth_token": AUTH_TOKEN, "from_number": FROM_NUMBER}


def test_good_options_have_no_problem() -> None:
    """Each way to authenticate and each sender is accepted."""
    assert problems(**GOOD) == []
    assert problems(**GOOD, timeout=2.5) == []
    key = {"account_sid": ACCOUNT_SID, "api_key_sid": "SK1", "api_key_secret": "s"}
    assert problems(**key, messaging_service_sid=MESSAGING_SERVICE_SID) == []


@pytest.mark.parametrize("name", ["account_sid", "auth_token"])
@pytest.mark.parametrize("value", ["", None, 7])
def test_missing_credentials_are_named(name: str, value: object) -> None:
    """An empty variable of the environment is found before the first visitor finds it."""
    assert problems(**{**GOOD, name: value}) == [f"OPTIONS['{name}'] is missing."]


def test_half_an_api_key_is_named() -> None:
    """A key without its secret opens nothing."""
    assert problems(account_sid="AC", from_number="+1", api_key_sid="SK") == ["OPTIONS['api_key_secret'] is missing."]
    assert problems(account_sid="AC", from_number="+1", api_key_secret="s") == ["OPTIONS['api_key_sid'] is missing."]


def test_there_is_one_sender() -> None:
    """No sender, or two, is a problem."""
    message = "OPTIONS needs one sender: 'from_number' or 'messaging_service_sid'."
    assert problems(account_sid="AC", auth_token="t") == [message]
    assert problems(**GOOD, messaging_service_sid=MESSAGING_SERVICE_SID) == [message]


@pytest.mark.parametrize("address", ["http://api.twilio.example", "ftp://127.0.0.1", "api.twilio.com", 7])
def test_credentials_go_over_https_only(address: object) -> None:
    """An api_base in clear is refused, but on loopback."""
    assert problems(**GOOD, api_base=address) == ["OPTIONS['api_base'] is not an https:// address."]


@pytest.mark.parametrize("address", ["https://eu.example", "http://127.0.0.1:8001", "http://[::1]:80", None, ""])
def test_an_api_base_over_https_or_on_loopback_is_accepted(address: object) -> None:
    """A gateway of one's own and a server of a test are reached."""
    assert problems(**GOOD, api_base=address) == []


def test_a_missing_sdk_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check says which extra to install."""
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    (problem,) = SMSBackend.check_options(GOOD)
    assert problem.message == "Twilio's SDK is not installed."
    assert "django-securelogin[twilio]" in problem.hint


def test_a_server_that_was_never_checked_sends_nothing(twilio: FakeTwilio) -> None:
    """Options with a problem are a definite failure and reach nobody."""
    failure = fail(make(twilio, auth_token=""))
    assert (failure.is_definite, failure.reason) == (True, "OPTIONS['auth_token'] is missing.")
    assert twilio.received == []
