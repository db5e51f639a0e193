"""Every row of the table of refusals: its status, its words, and what the cause adds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from securelogin.codes import Purpose
from securelogin.models import OneTimeCode
from securelogin.sms.locmem import outbox
from tests.factories import SessionFactory, UserFactory, tokens_of
from tests.visits import PHONE

from .conftest import Configure
from .refusals import (
    ACCESS_EXPIRED,
    INACTIVE,
    INVALID,
    LOGIN_AUTH_TYPE,
    NO_ACCOUNT,
    NOT_FRESH,
    REFRESH_EXPIRED,
    REGISTER_AUTH_TYPE,
    SESSION_INACTIVE,
    SIGNUP_CLOSED,
    TOO_MANY_ATTEMPTS,
    TOO_MANY_CODES,
    TOO_MANY_REQUESTS,
    TOO_SOON,
    WEAK_PASSWORD,
    WRONG_CODE,
    WRONG_OLD_PASSWORD,
    WRONG_PASSWORD,
    refusal_of,
)
from .visitor import PASSWORD, Visitor, derived_id, sent_code, wrong

pytestmark = pytest.mark.django_db

BOTH = ("PHONE", "PASSWORD")
HOUR = timedelta(hours=1)


def register_body(**body: Any) -> dict[str, Any]:
    """Return a good body of ``register`` with a password, changed."""
    return {"auth_type": "PASSWORD", "username": "Ada", "email": "ada@example.com", "password": PASSWORD, **body}


# What is asked for


@pytest.mark.parametrize(
    ("route", "body", "fields"),
    [
        ("register", {}, {"auth_type"}),
        ("register", {"auth_type": "PHONE"}, {"username", "phone"}),
        ("register", {"auth_type": "PASSWORD"}, {"username", "email", "password"}),
        ("login", {}, {"auth_type"}),
        ("login_sms", {"auth_type": "PHONE"}, {"phone"}),
        ("login", {"auth_type": "PASSWORD"}, {"password"}),
        ("login", {"auth_type": "PASSWORD", "password": "x"}, {"email"}),
        ("login", {"auth_type": "PASSWORD", "password": "x", "email": "a@b.c", "phone": PHONE}, {"email"}),
        ("verify_sms", {}, {"userid", "phone", "token"}),
        ("refresh", {"refresh_token": 5}, {"refresh_token"}),
        ("logout", {"refresh_token": []}, {"refresh_token"}),
        ("logout_all_other_sessions", {"refresh_token": {}}, {"refresh_token"}),
        ("password", {}, {"oldpassword", "newpassword"}),
        ("login", [], {"non_field_errors"}),
        ("login", None, {"auth_type"}),
    ],
    ids=lambda value: str(sorted(value)) if isinstance(value, set) else str(value),
)
def test_missing_and_mistyped(visitor: Visitor, configure: Configure, route: str, body: Any, fields: set[str]) -> None:
    """What is missing or of the wrong type is named in ``fields``, all at once."""
    configure(AUTH_TYPES=BOTH)
    protected = {"logout", "logout_all_other_sessions", "password"}
    token = tokens_of(SessionFactory()).access_token if route in protected else ""
    answer = visitor.post(route, body, token=token)
    assert refusal_of(answer) == INVALID
    assert set(answer.json()["fields"]) == fields


@pytest.mark.parametrize("auth_type", ["APPLE_ID", "GOOGLE_ID", "phone", "PHONE;", "PASSWORD"])
def test_unsupported_auth_type(visitor: Visitor, auth_type: str) -> None:
    """An ``auth_type`` that is unknown or not offered has its own reason, under the category of the route."""
    body = {"auth_type": auth_type, "phone": PHONE, "username": "Ada", "email": "a@example.com", "password": PASSWORD}
    assert refusal_of(visitor.post("register", body)) == REGISTER_AUTH_TYPE
    assert refusal_of(visitor.post("login", body)) == LOGIN_AUTH_TYPE
    assert refusal_of(visitor.post("login_sms", body)) == LOGIN_AUTH_TYPE


def test_codes_that_are_not_offered(visitor: Visitor, configure: Configure) -> None:
    """Where only passwords are offered, no code is sent, and none is right."""
    visitor.ask()
    configure(AUTH_TYPES=("PASSWORD",))
    assert refusal_of(visitor.ask()) == LOGIN_AUTH_TYPE
    assert refusal_of(visitor.guess(sent_code(), userid=derived_id())) == LOGIN_AUTH_TYPE
    phone = {"auth_type": "PHONE", "username": "Ada", "phone": PHONE}
    assert refusal_of(visitor.post("register", phone)) == REGISTER_AUTH_TYPE
    assert len(outbox) == 1


@pytest.mark.parametrize("is_hidden", [True, False])
def test_taken_email(visitor: Visitor, configure: Configure, is_hidden: bool) -> None:
    """A taken e-mail address, in any case, is told in every mode: the answer would hold tokens."""
    configure(AUTH_TYPES=BOTH, PREVENT_ENUMERATION=is_hidden)
    UserFactory(email="ada@example.com")
    refusal = refusal_of(visitor.post("register", register_body(email="ADA@Example.com")))
    assert (refusal.status, refusal.error, refusal.reason) == (400, "AccountCreationFailure", "AccountAlreadyExist")
    assert get_user_model().objects.count() == 1


def test_taken_number_where_it_may_be_told(visitor: Visitor, configure: Configure) -> None:
    """A taken number is told only where ``PREVENT_ENUMERATION`` is off."""
    UserFactory(phone=PHONE)
    body = {"auth_type": "PHONE", "username": "Ada", "phone": PHONE}
    assert visitor.post("register", body).status_code == 200
    configure(PREVENT_ENUMERATION=False)
    refusal = refusal_of(visitor.post("register", body))
    assert (refusal.status, refusal.error, refusal.reason) == (400, "AccountCreationFailure", "AccountAlreadyExist")


# Who may sign up


@pytest.mark.parametrize("body", [register_body(), {"auth_type": "PHONE", "username": "Ada", "phone": PHONE}], ids=str)
@pytest.mark.parametrize("is_known", [True, False])
def test_closed_signup(visitor: Visitor, configure: Configure, is_known: bool, body: dict[str, Any]) -> None:
    """With ``SIGNUP="closed"`` every registration is 403, of known and unknown accounts alike."""
    configure(AUTH_TYPES=BOTH, SIGNUP="closed")
    if is_known:
        UserFactory(phone=PHONE, email="ada@example.com")
    assert refusal_of(visitor.post("register", body)) == SIGNUP_CLOSED


@pytest.mark.parametrize(
    ("signup", "is_registered", "is_known", "is_served"),
    [
        ("login", False, False, True),
        ("register", False, False, False),
        ("register", True, False, True),
        ("register", False, True, True),
        ("closed", False, False, False),
        ("closed", False, True, True),
    ],
)
def test_who_is_sent_a_code(
    visitor: Visitor, configure: Configure, signup: str, is_registered: bool, is_known: bool, is_served: bool
) -> None:
    """Numbers that may not sign up get the same answer and no code, and their guesses are refused."""
    configure(SIGNUP=signup)
    if is_registered:
        visitor.post("register", {"auth_type": "PHONE", "username": "Ada", "phone": PHONE})
    if is_known:
        UserFactory(phone=PHONE)
    asked = visitor.ask()
    assert asked.status_code == 200
    assert set(asked.json()) == {"phone", "userid", "expires_in", "resend_after", "code_length"}
    assert len(outbox) == is_served
    assert refusal_of(visitor.ask()) == TOO_SOON
    if is_served:
        assert visitor.guess(sent_code(), userid=derived_id()).status_code == 200
    else:
        right = OneTimeCode.objects.get().code(phone=PHONE, asker="anyone", purpose=Purpose.LOGIN)
        assert refusal_of(visitor.guess(right, userid=derived_id())) == WRONG_CODE
        assert not get_user_model().objects.exists()


@pytest.mark.parametrize("signup", ["register", "closed"])
def test_unknown_number_where_it_may_be_told(visitor: Visitor, configure: Configure, signup: str) -> None:
    """With ``PREVENT_ENUMERATION`` off a number that may not sign up is told so; in ``"login"`` mode there is none."""
    configure(SIGNUP=signup, PREVENT_ENUMERATION=False)
    assert refusal_of(visitor.ask()) == NO_ACCOUNT
    assert not outbox
    configure(SIGNUP="login", RESEND_PAUSES=())
    assert visitor.ask("+12025550199").status_code == 200


def test_inactive_account_where_it_may_be_told(visitor: Visitor, configure: Configure) -> None:
    """With ``PREVENT_ENUMERATION`` off an inactive account is told so, when it asks and when it guesses right."""
    user = UserFactory(phone=PHONE)
    visitor.ask()
    user.is_active = False
    user.save()
    configure(PREVENT_ENUMERATION=False, RESEND_PAUSES=(timedelta(0),))
    assert refusal_of(visitor.guess(wrong(sent_code()), userid=derived_id())) == WRONG_CODE
    assert refusal_of(visitor.guess(sent_code(), userid=derived_id())) == INACTIVE
    OneTimeCode.objects.all().delete()
    assert refusal_of(visitor.ask()) == INACTIVE
    assert len(outbox) == 1


def test_inactive_account_where_it_may_not_be_told(visitor: Visitor) -> None:
    """A right code for an account that became inactive is a wrong code, and stays used."""
    user = UserFactory(phone=PHONE)
    visitor.ask()
    user.is_active = False
    user.save()
    assert refusal_of(visitor.guess(sent_code(), userid=derived_id())) == WRONG_CODE
    user.is_active = True
    user.save()
    assert refusal_of(visitor.guess(sent_code(), userid=derived_id())) == WRONG_CODE


# Passwords


@pytest.mark.parametrize(
    ("identifier", "password"),
    [
        ({"email": "ada@example.com"}, "wrong"),
        ({"phone": PHONE}, "wrong"),
        ({"email": "nobody@example.com"}, PASSWORD),
        ({"phone": "+12025550199"}, PASSWORD),
        ({"email": "closed@example.com"}, PASSWORD),
        ({"email": "codes@example.com"}, "!"),
    ],
    ids=str,
)
def test_wrong_password(visitor: Visitor, configure: Configure, identifier: dict[str, str], password: str) -> None:
    """Wrong, unknown, inactive and password-less are one answer."""
    configure(AUTH_TYPES=BOTH)
    UserFactory(phone=PHONE, email="ada@example.com", password=PASSWORD)
    UserFactory(email="closed@example.com", password=PASSWORD, is_active=False)
    UserFactory(email="codes@example.com")
    body = {"auth_type": "PASSWORD", "password": password, **identifier}
    assert refusal_of(visitor.post("login", body)) == WRONG_PASSWORD


def test_password_login_where_accounts_may_be_told(visitor: Visitor, configure: Configure) -> None:
    """With ``PREVENT_ENUMERATION`` off a password login names the unknown and the inactive account."""
    configure(AUTH_TYPES=BOTH, PREVENT_ENUMERATION=False)
    UserFactory(email="closed@example.com", password=PASSWORD, is_active=False)
    body = {"auth_type": "PASSWORD", "password": PASSWORD}
    assert refusal_of(visitor.post("login", {**body, "email": "nobody@example.com"})) == NO_ACCOUNT
    assert refusal_of(visitor.post("login", {**body, "email": "closed@example.com"})) == INACTIVE
    UserFactory(email="ada@example.com", password=PASSWORD)
    wrong_one = {**body, "email": "ada@example.com", "password": "wrong"}
    assert refusal_of(visitor.post("login", wrong_one)) == WRONG_PASSWORD


@pytest.mark.parametrize("weak", ["short", "12345678901", "password"])
def test_weak_password(visitor: Visitor, configure: Configure, weak: str) -> None:
    """Django's validators speak in ``fields``, under the client's name for the password."""
    configure(AUTH_TYPES=BOTH)
    answer = visitor.post("register", register_body(password=weak))
    assert refusal_of(answer) == WEAK_PASSWORD
    assert set(answer.json()["fields"]) == {"password"}
    token = tokens_of(SessionFactory(user=UserFactory(password=PASSWORD))).access_token
    answer = visitor.post("password", {"oldpassword": PASSWORD, "newpassword": weak}, token=token)
    assert refusal_of(answer) == WEAK_PASSWORD
    assert set(answer.json()["fields"]) == {"newpassword"}


def test_wrong_old_password(visitor: Visitor) -> None:
    """A wrong old password is ``ChangePasswordFailed`` and changes nothing, also when its guesses are spent."""
    user = UserFactory(password=PASSWORD)
    token = tokens_of(SessionFactory(user=user)).access_token
    body = {"oldpassword": "wrong", "newpassword": "green grows the rushes oh"}
    for _ in range(10):
        assert refusal_of(visitor.post("password", body, token=token)) == WRONG_OLD_PASSWORD
    spent = visitor.post("password", {**body, "oldpassword": PASSWORD}, token=token)
    assert refusal_of(spent) == WRONG_OLD_PASSWORD
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


# Tokens (the whole matrix is in test_authentication)


def test_expired_tokens(visitor: Visitor, time_machine: Any) -> None:
    """Good but expired tokens have their own words, an access token's and a refresh token's."""
    time_machine.move_to("2026-01-01 12:00", tick=False)
    tokens = tokens_of(SessionFactory())
    time_machine.shift(timedelta(minutes=10))
    assert refusal_of(visitor.get("sessions", token=tokens.access_token)) == ACCESS_EXPIRED
    time_machine.shift(timedelta(days=60))
    assert refusal_of(visitor.post("refresh", {}, token=tokens.refresh_token)) == REFRESH_EXPIRED


@pytest.mark.parametrize("route", ["logout_all_other_sessions", "logout_all", "password", "op2"])
def test_stale_token(visitor: Visitor, route: str) -> None:
    """What takes a fresh token refuses one from a refresh before it looks at the body."""
    token = tokens_of(SessionFactory(), is_fresh=False).access_token
    assert visitor.is_in(token)
    assert refusal_of(visitor.call("POST", route, b"{", token=token)) == NOT_FRESH


def test_inactive_user_of_a_live_session(visitor: Visitor) -> None:
    """A live session whose user became inactive is refused with that reason, by access and refresh token."""
    session = SessionFactory()
    tokens = tokens_of(session)
    session.user.is_active = False
    session.user.save()
    assert refusal_of(visitor.get("sessions", token=tokens.access_token)) == SESSION_INACTIVE
    assert refusal_of(visitor.post("refresh", {}, token=tokens.refresh_token)) == SESSION_INACTIVE


# Too much


def test_asking_too_soon(visitor: Visitor, configure: Configure, time_machine: Any) -> None:
    """The pause after a code is told in seconds; waiting that long is enough, a second less is not."""
    time_machine.move_to("2026-01-01 12:00", tick=False)
    configure(LIMITS={"login_range": None})
    for pause in (30, 60, 90, 120):
        assert visitor.ask().json()["resend_after"] == pause
        answer = visitor.ask()
        assert refusal_of(answer) == TOO_SOON
        assert answer.json()["retry_after"] == pause
        time_machine.shift(pause - 1)
        assert refusal_of(visitor.ask()) == TOO_SOON
        time_machine.shift(1)
    assert visitor.ask().status_code == 200
    assert len(outbox) == 5


def test_too_many_codes(visitor: Visitor, configure: Configure, time_machine: Any) -> None:
    """A number's sends are told as ``TooManyCodes`` with the rest of its hour, and of its day."""
    time_machine.move_to("2026-01-01 12:00", tick=False)
    configure(RESEND_PAUSES=(), SENDS_PER_DAY=7)
    for _ in range(5):
        assert visitor.ask().status_code == 200
    answer = visitor.ask()
    assert (refusal_of(answer), answer.json()["retry_after"]) == (TOO_MANY_CODES, 3600)
    time_machine.shift(HOUR)
    assert [visitor.ask().status_code for _ in range(2)] == [200, 200]
    answer = visitor.ask()
    assert (refusal_of(answer), answer.json()["retry_after"]) == (TOO_MANY_CODES, 23 * 3600)
    time_machine.shift(23 * HOUR)
    assert visitor.ask().status_code == 200


@pytest.mark.parametrize("is_known", [True, False])
def test_too_many_wrong_codes(visitor: Visitor, no_limits: None, configure: Configure, is_known: bool) -> None:
    """A number's spent failures are told when it asks, never when it guesses, and alike for all numbers."""
    configure(FAILURES_PER_DAY=7)
    if is_known:
        UserFactory(phone=PHONE)
    for _ in range(2):
        visitor.ask()
        for _ in range(5):
            assert refusal_of(visitor.guess(wrong(sent_code()), userid=derived_id())) == WRONG_CODE
    assert refusal_of(visitor.guess(sent_code(), userid=derived_id())) == WRONG_CODE
    answer = visitor.ask()
    assert refusal_of(answer) == TOO_MANY_ATTEMPTS
    assert 86_000 < answer.json()["retry_after"] <= 86_400


@pytest.mark.parametrize(
    ("limit", "refusal"),
    [
        ("login_ip", TOO_MANY_REQUESTS),
        ("login_range", TOO_MANY_REQUESTS),
        ("login_site", TOO_MANY_REQUESTS),
        ("verify_ip", TOO_MANY_ATTEMPTS),
        ("register_ip", TOO_MANY_REQUESTS),
        ("register_site", TOO_MANY_REQUESTS),
        ("password_ip", TOO_MANY_ATTEMPTS),
        ("password_site", TOO_MANY_REQUESTS),
    ],
)
def test_limits(visitor: Visitor, configure: Configure, time_machine: Any, limit: str, refusal: Any) -> None:
    """Each limit lets its number through and answers the next with the rest of its window, for unknown numbers too."""
    time_machine.move_to("2026-01-01 12:00", tick=False)
    configure(AUTH_TYPES=BOTH, LIMITS={limit: "2/hour"})

    def call(number: int) -> Any:
        phone = f"+1202555{1000 + number}"
        if limit.startswith("login"):
            return visitor.ask(phone)
        if limit == "verify_ip":
            return visitor.guess("123456", userid=derived_id(phone), phone=phone)
        if limit == "register_ip":
            return visitor.post("register", {"auth_type": "PHONE", "username": "Ada", "phone": phone})
        if limit == "register_site":
            return visitor.post("register", register_body(email=f"{number}@example.com"))
        return visitor.post("login", {"auth_type": "PASSWORD", "phone": phone, "password": "x"})

    assert all(call(number).status_code != 429 for number in range(2))
    time_machine.shift(600)
    answer = call(2)
    assert (refusal_of(answer), answer.json()["retry_after"]) == (refusal, 3000)
    time_machine.shift(3000)
    assert call(3).status_code != 429
