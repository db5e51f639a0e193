"""The way in, the way on and the way out: every field that a client of flask-securelogin knows, and the new ones."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model

from securelogin import codes
from securelogin.models import OneTimeCode, Session
from securelogin.sms.locmem import outbox
from tests.factories import UserFactory
from tests.visits import PHONE

from .conftest import Configure
from .refusals import (
    INVALID,
    PHONE_NOT_ALLOWED,
    WRONG_CODE,
    refusal_of,
)
from .visitor import PASSWORD, TOKENS, Visitor, assert_tokens, claims_of, derived_id, sent_code, wrong

pytestmark = pytest.mark.django_db

# register


def test_register_with_a_number(visitor: Visitor) -> None:
    """``register`` with a number answers message and derived ``userid``, sends nothing and makes no account."""
    answer = visitor.post("register", {"username": "Ada", "auth_type": "PHONE", "phone": PHONE})
    assert answer.status_code == 200
    assert answer.json() == {"message": "registered successfully", "userid": derived_id()}
    assert not outbox
    assert not get_user_model().objects.exists()


def test_registering_a_known_number_looks_the_same(visitor: Visitor) -> None:
    """``register`` answers a number with an account just as one without, and leaves the account alone."""
    body = {"username": "Mallory", "auth_type": "PHONE", "phone": PHONE}
    unknown = visitor.post("register", body)
    user = UserFactory(phone=PHONE, username="Ada")
    known = visitor.post("register", body)
    assert (known.status_code, known.content, known.headers) == (unknown.status_code, unknown.content, unknown.headers)
    visitor.log_in()
    user.refresh_from_db()
    assert user.username == "Ada"


def test_first_login_takes_the_registered_name(visitor: Visitor) -> None:
    """The display name that ``register`` left becomes the new account's; the derived id its primary key."""
    visitor.post("register", {"username": "Ada", "auth_type": "PHONE", "phone": PHONE})
    body = visitor.log_in()
    user = get_user_model().objects.get()
    assert (user.username, user.phone, str(user.pk)) == ("Ada", PHONE, derived_id())
    assert body["userid"] == derived_id()


def test_register_with_a_password(visitor: Visitor, configure: Configure) -> None:
    """``register`` with e-mail and password answers message, primary key and tokens that work."""
    configure(AUTH_TYPES=("PHONE", "PASSWORD"))
    body = {"username": "Ada", "auth_type": "PASSWORD", "email": "Ada@Example.com", "password": PASSWORD}
    answer = visitor.post("register", body)
    assert answer.status_code == 200
    assert set(answer.json()) == {"message", "userid", *TOKENS}
    assert answer.json()["message"] == "registered successfully"
    user = get_user_model().objects.get()
    assert (user.email, user.username, answer.json()["userid"]) == ("ada@example.com", "Ada", str(user.pk))
    assert_tokens(answer.json())
    assert visitor.is_in(answer.json()["access_token"])


# login, login_sms


@pytest.mark.parametrize("route", ["login", "login_sms"])
def test_asking_for_a_code(visitor: Visitor, route: str) -> None:
    """``login`` and ``login_sms`` answer number, derived ``userid``, lifetime, pause and length, and send one code."""
    answer = visitor.ask(route=route)
    assert answer.status_code == 200
    assert answer.json() == {
        "phone": PHONE,
        "userid": derived_id(),
        "expires_in": 300,
        "resend_after": 30,
        "code_length": 6,
    }
    assert [text.to for text in outbox] == [PHONE]
    assert len(sent_code()) == 6


def test_asking_tells_nothing_about_the_account(visitor: Visitor, no_limits: None) -> None:
    """Status, headers and body of ``login`` are the same for unknown, known and closed numbers."""
    unknown = visitor.ask()
    user = UserFactory(phone=PHONE)
    known = visitor.ask()
    user.is_active = False
    user.save()
    sent = len(outbox)
    closed = visitor.ask()
    assert unknown.content == known.content == closed.content
    assert unknown.headers == known.headers == closed.headers
    assert unknown.status_code == known.status_code == closed.status_code == 200
    assert len(outbox) == sent, "an inactive account is sent no code"


@pytest.mark.parametrize("identifier", ["email", "phone"])
def test_login_with_a_password(visitor: Visitor, configure: Configure, identifier: str) -> None:
    """``login`` with a password and either identifier answers primary key and tokens."""
    configure(AUTH_TYPES=("PHONE", "PASSWORD"))
    user = UserFactory(phone=PHONE, email="ada@example.com", password=PASSWORD)
    given = {"email": "ADA@example.com", "phone": "+1 (202) 555-0123"}[identifier]
    answer = visitor.post("login", {"auth_type": "PASSWORD", identifier: given, "password": PASSWORD})
    assert answer.status_code == 200
    assert set(answer.json()) == {"userid", *TOKENS}
    assert answer.json()["userid"] == str(user.pk)
    assert_tokens(answer.json())
    assert visitor.is_in(answer.json()["access_token"])


# The number


@pytest.mark.parametrize(
    "spelled",
    [
        "+12025550123",
        "+1 202 555 0123",
        "+1 (202) 555-0123",
        "+1.202.555.0123",
        "+1-202-555-0123",
        "tel:+1-202-555-0123",
        "  +1\u00a0202\u00a0555\u00a00123 ",
    ],
)
def test_number_in_any_spelling(visitor: Visitor, spelled: str) -> None:
    """A number is read with spaces, NBSP, ``-().`` and ``tel:``, answered in E.164, and is one number throughout."""
    asked = visitor.ask(spelled)
    assert asked.json()["phone"] == PHONE
    assert [text.to for text in outbox] == [PHONE]
    assert visitor.guess(sent_code(), userid=asked.json()["userid"], phone=PHONE).status_code == 200
    assert get_user_model().objects.get().phone == PHONE


@pytest.mark.parametrize("spelled", ["(202) 555-0123", "2025550123", "1 202 555 0123", "+1 202 555 0123"])
def test_national_number_where_a_region_is_set(visitor: Visitor, configure: Configure, spelled: str) -> None:
    """With ``DEFAULT_REGION`` a number is read in national form too."""
    configure(DEFAULT_REGION="US")
    assert visitor.ask(spelled).json()["phone"] == PHONE


@pytest.mark.parametrize(
    "spelled",
    [
        "2025550123",
        "+1-202-FLOWERS",
        "+12025550123;ext=5",
        "+1 202 555 0123 ext. 5",
        "+1 202 555 0123 x5",
        "tel:+12025550123;phone-context=example.com",
        "TEL:+12025550123",
        "+\u0661\u0662\u0660\u0662\u0665\u0665\u0665\u0660\u0661\u0662\u0663",
        "\uff0b\uff11\uff12\uff10\uff12\uff15\uff15\uff15\uff10\uff11\uff12\uff13",
        "\u202d+12025550123\u202c",
        "+1 202 555 0123\n",
        "++12025550123",
        "+120255501234567890",
        "+1202555012",
        "+10000000000",
        "+",
        "911",
        "0012025550123",
    ],
)
def test_what_is_no_number(visitor: Visitor, spelled: str) -> None:
    """Letters, other digits, extensions, parameters and numbers that do not exist are refused by name, unsent."""
    for answer in (
        visitor.ask(spelled),
        visitor.post("register", {"auth_type": "PHONE", "username": "Ada", "phone": spelled}),
        visitor.guess("123456", userid=derived_id(), phone=spelled),
    ):
        assert refusal_of(answer) == INVALID
        assert answer.json()["fields"] == {"phone": ["Enter a valid phone number."]}
    assert not outbox
    assert not OneTimeCode.objects.exists()


@pytest.mark.parametrize(
    "phone",
    [
        pytest.param("+442079460958", id="fixed line"),
        pytest.param("+18005550123", id="toll-free"),
        pytest.param("+19002345678", id="premium rate"),
        pytest.param("+447640123456", id="pager"),
        pytest.param("+445512345678", id="UAN"),
        pytest.param("+447012345678", id="personal number"),
        pytest.param("+870773111632", id="Inmarsat"),
        pytest.param("+881612345678", id="satellite"),
        pytest.param("+8823421234", id="international network"),
        pytest.param("+883510012345", id="international network, too"),
    ],
)
def test_numbers_that_no_policy_serves(visitor: Visitor, phone: str) -> None:
    """Every type but mobile, fixed-or-mobile and VoIP, and the codes of no country, are ``PhoneNotAllowed``."""
    assert refusal_of(visitor.ask(phone)) == PHONE_NOT_ALLOWED
    assert refusal_of(visitor.post("register", {"auth_type": "PHONE", "username": "A", "phone": phone})) == (
        PHONE_NOT_ALLOWED
    )
    assert not outbox


@pytest.mark.parametrize(("phone", "status"), [("+447400123456", 200), ("+447911123456", 400), (PHONE, 400)])
def test_numbers_of_allowed_regions(visitor: Visitor, configure: Configure, phone: str, status: int) -> None:
    """``ALLOWED_REGIONS`` asks for the region of the number, not for its calling code: +44 7911 is Guernsey."""
    configure(ALLOWED_REGIONS=("GB",))
    answer = visitor.ask(phone)
    assert answer.status_code == status
    if status == 400:
        assert refusal_of(answer) == PHONE_NOT_ALLOWED


# verify_sms


def test_right_code(visitor: Visitor) -> None:
    """``verify_sms`` answers the primary key, tokens of a new session and a device token, and no more."""
    asked = visitor.ask()
    answer = visitor.guess(sent_code(), userid=asked.json()["userid"], device="Ada's phone")
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    body = answer.json()
    assert set(body) == {"userid", "device_token", *TOKENS}
    assert_tokens(body)
    claims = claims_of(body["access_token"])
    session = Session.objects.get()
    assert body["userid"] == claims["sub"] == str(session.user_id)
    assert (claims["sid"], claims["fresh"], claims["amr"]) == (str(session.pk), True, ["otp", "sms"])
    assert (session.device, session.user_agent, session.ip_address) == ("Ada's phone", "Visitor/1.0", "127.0.0.1")


@pytest.mark.parametrize("spell", [str, str.upper, lambda text: text.replace("-", "")], ids=["as is", "upper", "hex"])
@pytest.mark.parametrize("which", ["derived", "primary key"])
def test_userid_of_either_kind(visitor: Visitor, which: str, spell: Any) -> None:
    """``verify_sms`` takes the id that ``login`` answered and the account's primary key, in any spelling of a UUID."""
    user = UserFactory(phone=PHONE)
    visitor.ask()
    userid = {"derived": derived_id(), "primary key": str(user.pk)}[which]
    answer = visitor.guess(sent_code(), userid=spell(userid))
    assert answer.status_code == 200
    assert answer.json()["userid"] == str(user.pk)


def test_another_userid_is_a_wrong_code(visitor: Visitor) -> None:
    """The right code with another user's id is refused as a wrong code and counted as one."""
    other = UserFactory()
    visitor.ask()
    code = sent_code()
    for userid in (str(other.pk), derived_id(str(other.phone)), "nobody", str(UUID(int=0))):
        assert refusal_of(visitor.guess(code, userid=userid)) == WRONG_CODE
    assert OneTimeCode.objects.get().guesses == 4
    assert visitor.guess(code, userid=derived_id()).status_code == 200


def test_missing_userid(visitor: Visitor) -> None:
    """``verify_sms`` without a ``userid`` is a ``ValidationError`` and no guess."""
    visitor.ask()
    answer = visitor.post("verify_sms", {"phone": PHONE, "token": sent_code()})
    assert refusal_of(answer) == INVALID
    assert set(answer.json()["fields"]) == {"userid"}
    assert OneTimeCode.objects.get().guesses == 0


def test_code_as_an_integer(visitor: Visitor) -> None:
    """A code sent as a JSON integer is padded with the leading zeros it lost."""
    asked = visitor.ask()
    code = code_with_leading_zero()
    assert visitor.guess(int(code), userid=asked.json()["userid"]).status_code == 200


def code_with_leading_zero() -> str:
    """Give the live code another nonce until it begins with a zero."""
    row = OneTimeCode.objects.get()
    for number in range(1000):
        row.nonce = f"{number:032x}"
        code = row.code(phone=PHONE, asker=codes.ANYONE, purpose=codes.Purpose.LOGIN)
        if code is not None and code.startswith("0"):
            row.save(update_fields=["nonce"])
            return code
    raise AssertionError("one in ten codes begins with a zero")


@pytest.mark.parametrize(
    "token",
    [
        "12345",
        "1234567",
        " 123456",
        "123456 ",
        "123456\n",
        "+12345",
        "-12345",
        "12345a",
        "\uff11\uff12\uff13\uff14\uff15\uff16",
        "\u0661\u0662\u0663\u0664\u0665\u0666",
        "",
        -1,
        10**6,
        123456.0,
        1e5,
        True,
        False,
        None,
        [],
        ["123456"],
        {},
    ],
    ids=repr,
)
def test_what_is_no_code(visitor: Visitor, token: Any) -> None:
    """What is not six ASCII digits, or an integer of as many, is ``SMSVerifyFailure`` and costs no guess."""
    asked = visitor.ask()
    assert refusal_of(visitor.guess(token, userid=asked.json()["userid"])) == WRONG_CODE
    row = OneTimeCode.objects.get()
    assert (row.guesses, row.failures_in_day) == (0, 0)


def test_wrong_used_and_unasked_codes_look_the_same(visitor: Visitor, no_limits: None) -> None:
    """Wrong, used, over-guessed and never sent codes get one answer, byte by byte."""
    visitor.ask()
    answers = [visitor.guess(wrong(sent_code()), userid=derived_id())]
    assert visitor.guess(sent_code(), userid=derived_id()).status_code == 200
    answers.append(visitor.guess(sent_code(), userid=derived_id()))
    visitor.ask()
    answers += [visitor.guess(wrong(sent_code()), userid=derived_id()) for _ in range(5)]
    answers.append(visitor.guess(sent_code(), userid=derived_id()))
    stranger = "+12025550199"
    answers.append(visitor.guess("123456", userid=derived_id(stranger), phone=stranger))
    assert {refusal_of(answer) for answer in answers} == {WRONG_CODE}
    assert len({(answer.content, tuple(sorted(answer.headers.items()))) for answer in answers}) == 1


# op, op2


def test_protected_operations(visitor: Visitor) -> None:
    """``op`` and ``op2`` answer flask-securelogin's messages to a fresh access token."""
    token = visitor.log_in()["access_token"]
    for route, message in (("op", "test op successful"), ("op2", "test op2 successful")):
        answer = visitor.post(route, {}, token=token)
        assert (answer.status_code, answer.json()) == (200, {"message": message})


# What an app written for flask-securelogin does


def test_visit_of_an_old_client(visitor: Visitor) -> None:
    """An app that knows only flask-securelogin's fields, and sends the code as a number, gets all it reads."""
    registered = visitor.post("register", {"username": "Ada", "auth_type": "PHONE", "phone": PHONE}).json()
    assert registered["message"] == "registered successfully"
    asked = visitor.post("login_sms", {"auth_type": "PHONE", "phone": PHONE}).json()
    assert (asked["userid"], asked["phone"]) == (registered["userid"], PHONE)
    guess = {"userid": asked["userid"], "phone": asked["phone"], "token": int(sent_code())}
    tokens = visitor.post("verify_sms", guess).json()
    assert tokens["userid"] == asked["userid"]
    refreshed = visitor.post("refresh", {}, token=tokens["refresh_token"]).json()
    body = {"refresh_token": refreshed["refresh_token"]}
    assert visitor.post("logout", body, token=refreshed["access_token"]).json()["message"] == "logout successful"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"auth_type": "PASSWORD", "username": "Eve", "email": "ada@example.com", "password": PASSWORD},
            "failed to create an account as the email already exists",
        ),
        (
            {"auth_type": "PHONE", "username": "Eve", "phone": PHONE},
            "failed to create an account as the phone already exists",
        ),
    ],
    ids=["email", "phone"],
)
def test_old_sentences_for_a_taken_account(
    visitor: Visitor, configure: Configure, body: dict[str, str], message: str
) -> None:
    """A taken e-mail, and a taken number where that may be told, are refused in flask-securelogin's words."""
    configure(AUTH_TYPES=("PHONE", "PASSWORD"), PREVENT_ENUMERATION=False)
    UserFactory(phone=PHONE, email="ada@example.com")
    refusal = refusal_of(visitor.post("register", body))
    assert (refusal.error, refusal.reason) == ("AccountCreationFailure", "AccountAlreadyExist")
    assert refusal.message == message


def test_answers_are_json_whatever_is_accepted(visitor: Visitor) -> None:
    """``Accept`` and ``?format=`` change nothing: answers are JSON."""
    for accept in ("text/html", "application/xml;q=1", "*/*", "", "nonsense"):
        answer = visitor.post("login?format=api", {"auth_type": "PHONE"}, HTTP_ACCEPT=accept)
        assert refusal_of(answer) == INVALID
        assert json.loads(answer.content)["fields"] == {"phone": ["This field is required."]}
