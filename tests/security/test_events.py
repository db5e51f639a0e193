"""The audit trail: one record for every security event, and nothing in it that should not be (H2, H3, H4)."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from logging.handlers import SocketHandler
from pathlib import Path
from typing import Any

import pytest
import time_machine

from securelogin import events, phones, services, signals
from securelogin.events import Event, SecurityEvent
from securelogin.models import OneTimeCode, Session
from securelogin.services.notices import Notice
from securelogin.sms.locmem import outbox
from securelogin.tokens import read_refresh
from tests.api.visitor import PASSWORD, Visitor, derived_id, sent_code, wrong
from tests.factories import SessionFactory, UserFactory, tokens_of
from tests.visits import PHONE

NOON = datetime(2031, 5, 6, 12, tzinfo=timezone.utc)
REQUEST_ID = "request-7"

pytestmark = pytest.mark.django_db(transaction=True)


class Trail(list[SecurityEvent]):
    """The records that were written, in order."""

    def of(self, event: Event) -> SecurityEvent:
        """Return the one record of an event."""
        (record,) = [each for each in self if each.event is event]
        return record


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands until the test shifts it."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def trail(clock: time_machine.Traveller, caplog: pytest.LogCaptureFixture) -> Iterator[Trail]:
    """Listen to the signal; afterwards the log must have told just the same, a line of JSON each."""
    caplog.set_level(logging.INFO, logger="securelogin.audit")
    heard = Trail()

    def hear(event: SecurityEvent, **_arguments: Any) -> None:
        heard.append(event)

    signals.security_event.connect(hear)
    yield heard
    signals.security_event.disconnect(hear)
    lines = [record for record in caplog.get_records("call") if record.name == "securelogin.audit"]
    assert [json.loads(line.getMessage())["event"] for line in lines] == [record.event.value for record in heard]
    assert [vars(line)["security_event"] for line in lines] == heard


@pytest.fixture
def visitor() -> Visitor:
    """A client behind a proxy that names each request."""
    visitor = Visitor()
    visitor.client.defaults["HTTP_X_REQUEST_ID"] = REQUEST_ID
    return visitor


def names(trail: Trail) -> list[str]:
    """Return the names in order."""
    return [record.event.value for record in trail]


def test_first_login(visitor: Visitor, trail: Trail) -> None:
    """The code, the account, the login, its session and the device: one record each, with who, where and when."""
    tokens = visitor.log_in()
    assert names(trail) == [
        "authn_code_sent",
        "user_created",
        "authn_login_success",
        "session_created",
        "authn_token_created",
    ]
    record = trail.of(Event.LOGIN_SUCCESS)
    session = Session.objects.get()
    assert record == SecurityEvent(
        event=Event.LOGIN_SUCCESS,
        outcome="success",
        at="2031-05-06T12:00:00.000+00:00",
        user=tokens["userid"],
        phone="+1*****23",
        phone_digest=phones.digest(phones.parse(PHONE)),
        session=events.session_digest(session.pk),
        ip="127.0.0.1",
        user_agent="Visitor/1.0",
        route="securelogin:verify_sms",
        request_id=REQUEST_ID,
        detail={"amr": ("otp", "sms")},
    )
    assert trail.of(Event.CODE_SENT).detail == {"alias": "default"}
    assert trail.of(Event.CODE_SENT).route == "securelogin:login"


def test_known_device_is_not_created_again(visitor: Visitor, trail: Trail, clock: time_machine.Traveller) -> None:
    """A login with the device's token makes no token and no account."""
    device = visitor.log_in()["device_token"]
    clock.shift(60)
    visitor.ask(device_token=device)
    visitor.guess(sent_code(), userid=derived_id(), device_token=device)
    assert names(trail)[5:] == ["authn_code_sent", "authn_login_success", "session_created"]


def ask_and_fail(visitor: Visitor, times: int = 1) -> None:
    """Ask for a code and answer wrongly."""
    visitor.ask()
    for _ in range(times):
        visitor.guess(wrong(sent_code()), userid=derived_id())


def test_wrong_code(visitor: Visitor, trail: Trail) -> None:
    """A wrong guess is a failure of the number; nobody looks whose it is, so the time does not tell it (C3)."""
    ask_and_fail(visitor)
    record = trail.of(Event.LOGIN_FAIL)
    assert (record.outcome, record.user, record.phone) == ("failure", "", "+1*****23")
    assert record.detail == {"method": "otp"}
    UserFactory(phone="+12025550199")
    visitor.guess("123456", userid=derived_id(), phone="+12025550199")
    assert (trail[-1].event, trail[-1].user) == (Event.LOGIN_FAIL, "")


def test_lock_is_told_once_and_what_follows_is_over_the_maximum(visitor: Visitor, trail: Trail, settings: Any) -> None:
    """The failure that spends the day's budget locks; later guesses are not looked at."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "FAILURES_PER_DAY": 3}
    ask_and_fail(visitor, times=5)
    assert names(trail)[1:] == ["authn_login_fail"] * 3 + ["authn_login_lock"] + ["authn_login_fail_max"] * 2
    assert trail.of(Event.LOGIN_LOCK).detail == {"window": "FAILURES_PER_DAY"}


@pytest.mark.parametrize("window", ["FAILURES_PER_DAY", "FAILURES_PER_MONTH", "FAILURES_IN_A_ROW"])
def test_lock_names_the_budget(visitor: Visitor, trail: Trail, settings: Any, window: str) -> None:
    """Day, month, or in a row until staff allows codes again."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, window: 2}
    ask_and_fail(visitor, times=2)
    assert trail.of(Event.LOGIN_LOCK).detail == {"window": window}


def test_refusals_by_limit_and_by_budget(visitor: Visitor, trail: Trail, settings: Any) -> None:
    """Every 429 has a record that names what is spent."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "LIMITS": {"login_ip": "2/hour"}}
    answers = [visitor.ask(), visitor.ask(), visitor.ask()]
    assert [answer.status_code for answer in answers] == [200, 429, 429]
    records = [record for record in trail if record.event is Event.RATE_LIMIT]
    assert [record.detail["limit"] for record in records] == ["RESEND_PAUSES", "login_ip"]
    assert [record.detail["retry_after"] for record in records] == [30, 3600]


@pytest.mark.parametrize(
    ("window", "values"),
    [
        ("SENDS_PER_HOUR", {"sends_in_hour": 5, "hour_began_at": NOON}),
        ("SENDS_PER_DAY", {"sends_in_day": 10, "sending_day_began_at": NOON}),
        ("FAILURES_PER_DAY", {"failures_in_day": 10, "day_began_at": NOON}),
        ("FAILURES_PER_MONTH", {"failures_in_month": 50, "month_began_at": NOON}),
    ],
)
def test_refusal_of_a_number_names_its_budget(
    visitor: Visitor, trail: Trail, window: str, values: dict[str, Any]
) -> None:
    """Which of the number's budgets is spent is for the log, not for the caller."""
    visitor.ask()
    OneTimeCode.objects.update(resend_at=None, **values)
    assert visitor.ask().status_code == 429
    assert trail.of(Event.RATE_LIMIT).detail["limit"] == window


def test_life_of_a_session(visitor: Visitor, trail: Trail) -> None:
    """Renewed, logged out, and used after its end by both tokens."""
    tokens = tokens_of(SessionFactory())
    renewed = visitor.post("refresh", {}, token=tokens.refresh_token).json()
    visitor.post("logout", {}, token=tokens.access_token)
    visitor.get("sessions", token=renewed["access_token"])
    visitor.post("refresh", {}, token=renewed["refresh_token"])
    assert names(trail) == ["session_renewed", "session_logout", *["session_use_after_expire"] * 2]
    assert {record.session for record in trail} == {events.session_digest(Session.objects.get().pk)}
    assert [record.route for record in trail] == [
        f"securelogin:{name}" for name in ("refresh", "logout", "sessions", "refresh")
    ]
    assert [record.detail.get("token") for record in trail[2:]] == ["access", "refresh"]
    assert all(record.request_id == REQUEST_ID for record in trail)


def test_expired_refresh_token(visitor: Visitor, trail: Trail, clock: time_machine.Traveller) -> None:
    """A session that was idle for too long expires when it is asked for."""
    tokens = tokens_of(SessionFactory())
    clock.shift(timedelta(days=60))
    assert visitor.post("refresh", {}, token=tokens.refresh_token).status_code == 401
    assert names(trail) == ["session_expired"]


def test_reuse(visitor: Visitor, trail: Trail, clock: time_machine.Traveller) -> None:
    """An old refresh token that comes back is told once, as the end of its session."""
    tokens = tokens_of(SessionFactory())
    visitor.post("refresh", {}, token=tokens.refresh_token)
    clock.shift(31)
    for _ in range(2):
        assert visitor.post("refresh", {}, token=tokens.refresh_token).status_code == 401
    assert names(trail) == ["session_renewed", "authn_token_reuse", "session_use_after_expire"]
    assert trail.of(Event.TOKEN_REUSE).route == "securelogin:refresh"


def revoke() -> None:
    """End every session as staff does."""
    services.revoke_sessions(Session.objects.all())


def set_password() -> None:
    """Change the password in code."""
    user = Session.objects.get().user
    user.set_password(PASSWORD)
    user.save()


@pytest.mark.parametrize(("end", "reason"), [(revoke, "revoked"), (set_password, "password")])
def test_session_ended_by_others(trail: Trail, end: Callable[[], None], reason: str) -> None:
    """What is no logout of the owner's revokes, and says whose session and why."""
    session = SessionFactory()
    end()
    assert names(trail) == ["authn_token_revoked"]
    assert (trail[0].user, trail[0].session) == (str(session.user_id), events.session_digest(session.pk))
    assert trail[0].detail == {"reason": reason}


def test_passwords(visitor: Visitor, trail: Trail, settings: Any) -> None:
    """Logins and changes by password have records of their own."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "AUTH_TYPES": ("PHONE", "PASSWORD")}
    user = UserFactory(phone=PHONE, password=PASSWORD)
    body = {"auth_type": "PASSWORD", "phone": PHONE, "password": PASSWORD}
    access = visitor.post("login", body).json()["access_token"]
    visitor.post("login", {**body, "password": "wrong"})
    for old in ("wrong", PASSWORD):
        visitor.post("password", {"oldpassword": old, "newpassword": "another long way"}, token=access)
    assert names(trail) == [
        "authn_login_success",
        "session_created",
        "authn_login_fail",
        "authn_password_change_fail",
        "authn_password_change",
    ]
    assert [record.detail for record in trail[::2]][:2] == [{"amr": ("pwd",)}, {"method": "pwd"}]
    assert {record.user for record in trail} == {str(user.pk)}


def test_locked_password(visitor: Visitor, trail: Trail, settings: Any) -> None:
    """Guesses at a password lock and go over their maximum like those at a code."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "AUTH_TYPES": ("PASSWORD",), "FAILURES_PER_DAY": 1}
    for _ in range(2):
        visitor.post("login", {"auth_type": "PASSWORD", "phone": PHONE, "password": "wrong"})
    assert names(trail) == ["authn_login_fail", "authn_login_lock", "authn_login_fail_max"]


def test_code_that_was_not_sent(visitor: Visitor, trail: Trail, settings: Any) -> None:
    """A provider's refusal is on record with its reason."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "SMS": {"default": {"BACKEND": "nowhere.SMSBackend"}}}
    assert visitor.ask().status_code == 503
    assert trail.of(Event.CODE_NOT_SENT).detail == {"alias": "default", "reason": "no backend"}


def test_every_event_has_a_scenario() -> None:
    """No name in the vocabulary is without a test here or in ``test_spray.py``."""
    text = "".join(Path(__file__).with_name(name).read_text() for name in ("test_events.py", "test_spray.py"))
    assert [event for event in Event if f'"{event.value}"' not in text and f"Event.{event.name}" not in text] == []


def test_page_of_events_is_complete() -> None:
    """The reference has a row for every event and every notice, and no other."""
    page = Path(__file__).parents[2].joinpath("docs/reference/events.md").read_text()
    rows = "".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| `"))
    fields = {*SecurityEvent.__dataclass_fields__}
    assert set(re.findall(r"`(\w+)`", rows)) == fields | {each.value for kind in (Event, Notice) for each in kind}


def test_records_hold_no_secret(visitor: Visitor, trail: Trail, caplog: pytest.LogCaptureFixture) -> None:
    """No code, no token, no session id and no whole number, in the fields or in the line."""
    tokens = visitor.log_in()
    visitor.post("refresh", {}, token=tokens["refresh_token"])
    visitor.post("logout", {}, token=tokens["access_token"])
    sid = str(read_refresh(tokens["refresh_token"], is_expired_ok=True).session_id)
    text = "".join(f"{record!r}{record.as_json()}" for record in trail) + caplog.text
    for secret in (PHONE, PHONE[1:], outbox[-1].body, sent_code(), "eyJ", sid, tokens["device_token"]):
        assert secret not in text


@pytest.mark.parametrize(
    "text", ["a\r\nb", "\x1b[31mred", "a\u2028b\u0085c", "%0a", "x" * 10_000, '"}\n{"event":"forged"}', "\udcff"]
)
def test_nobody_writes_lines_into_the_log(
    visitor: Visitor, trail: Trail, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    """What a caller says of itself is cut, cleaned and quoted: a record stays one line of ASCII."""
    header = text.encode("utf-8", "surrogateescape").decode("latin-1")
    visitor.post(
        "login",
        {"auth_type": "PHONE", "phone": PHONE},
        HTTP_USER_AGENT=header,
        HTTP_X_REQUEST_ID=header,
        HTTP_X_FORWARDED_FOR=header,
    )
    code = sent_code()
    device = text[:64] if text.isprintable() else "a phone"
    answer = visitor.guess(code, userid=derived_id(), device=device, HTTP_USER_AGENT=header)
    assert answer.status_code == 200
    for record in trail:
        line = record.as_json()
        assert line.isascii()
        assert "\n" not in line
        assert len(line) < 3_000
        assert json.loads(line)["request_id"] == record.request_id
        assert len(record.request_id) <= 64
        assert record.request_id.isprintable()


def test_two_events_of_one_number_meet(visitor: Visitor, trail: Trail) -> None:
    """The digest is the same for one number, another for another, and none that its ten digits could be found by."""
    ask_and_fail(visitor)
    visitor.ask("+12025550199")
    first, second, other = (record.phone_digest for record in trail)
    assert first == second != other
    for algorithm in ("md5", "sha1", "sha256"):
        for spelling in (PHONE, PHONE[1:]):
            assert not hashlib.new(algorithm, spelling.encode()).hexdigest().startswith(first)


def test_records_travel(visitor: Visitor, trail: Trail, caplog: pytest.LogCaptureFixture) -> None:
    """A queue, another process or the socket handler of the standard library carries a record as it is."""
    visitor.log_in()
    assert all(asdict(record) == vars(record) for record in trail)
    handler = SocketHandler("127.0.0.1", None)
    lines = [record for record in caplog.records if record.name == "securelogin.audit"]
    assert all(handler.makePickle(line) for line in lines)
    assert lines


def test_receiver_that_fails_harms_nobody(visitor: Visitor) -> None:
    """A log shipper that is down stops no login."""

    def fail(**_arguments: Any) -> None:
        raise RuntimeError

    signals.security_event.connect(fail)
    try:
        assert visitor.log_in()["access_token"]
    finally:
        signals.security_event.disconnect(fail)
