"""What a refusal says to who reads a log: its cause in plain small words, and nothing of the caller's."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError
from django.utils import timezone

from securelogin import codes, exceptions, phones, services
from securelogin.models import Session
from securelogin.services import accounts, outages, sending, sessions
from securelogin.tokens import AccessToken, RefreshToken, read_access, read_refresh
from tests.factories import SessionFactory, UserFactory, tokens_of

from .backends import sms
from .conftest import Configure
from .visitors import CLIENT, OTHER_PHONE, PHONE, Visitor

pytestmark = pytest.mark.django_db

EMAIL = "ada@example.com"
PASSWORD = "a long way to Tipperary"
PLAIN = re.compile(r"[a-z][a-z ,:-]+")

Call = Callable[[], object]


@pytest.fixture(autouse=True)
def _explicit(configure: Configure) -> None:
    """Offer every way in, and let every cause be told."""
    configure(AUTH_TYPES=("PHONE", "PASSWORD"), PREVENT_ENUMERATION=False, REFRESH_GRACE=timedelta(0))


def says(kind: type[Exception], call: Call) -> str:
    """Return what the refusal of a call says; the call must be refused with just that error."""
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    return str(caught.value)


def is_plain(kind: type[Exception], call: Call) -> bool:
    """Whether the refusal of a call says its cause in plain small words; a number or an id is none."""
    return PLAIN.fullmatch(says(kind, call)) is not None


def close(user: Any) -> None:
    """Make an account inactive."""
    get_user_model().objects.filter(pk=user.pk).update(is_active=False)
    user.is_active = False


def access_of(session: Session) -> AccessToken:
    """Return an access token of a session."""
    return read_access(tokens_of(session).access_token)


def refresh_of(session: Session, *, age: timedelta = timedelta(0)) -> RefreshToken:
    """Return a refresh token of a session, as it was issued so long ago."""
    text = tokens_of(session, at=timezone.now() - age).refresh_token
    return read_refresh(text, is_expired_ok=True)


def test_dead_tokens_say_why() -> None:
    """Expired, used again, of a session that has ended, of a user who is not active."""
    session = SessionFactory()
    access, old = access_of(session), refresh_of(session)
    idle = refresh_of(session, age=timedelta(days=61))
    assert is_plain(exceptions.RefreshTokenExpired, lambda: services.refresh_tokens(idle))
    services.refresh_tokens(old)
    assert is_plain(exceptions.RefreshTokenReused, lambda: services.refresh_tokens(old))
    assert is_plain(exceptions.SessionEnded, lambda: services.authenticate(access))
    other = SessionFactory()
    close(other.user)
    assert is_plain(exceptions.SessionUserInactive, lambda: services.authenticate(access_of(other)))


def test_foreign_things_say_why() -> None:
    """A session and a refresh token that are not one's own, and a subject that no user could have."""
    session, foreign = SessionFactory(), SessionFactory()
    access = access_of(session)
    assert is_plain(exceptions.SessionNotFound, lambda: services.end_session(access, uuid4()))
    theirs = refresh_of(foreign)
    assert is_plain(exceptions.ForeignToken, lambda: services.logout(access, refresh_token=theirs))
    access.payload["sub"] = "17"
    assert is_plain(exceptions.TokenInvalid, lambda: services.authenticate(access))


def test_closed_doors_say_why(ada: Visitor, configure: Configure) -> None:
    """Nothing is offered that the project does not offer."""
    configure(SIGNUP="closed")
    assert is_plain(exceptions.AccountUnknown, ada.ask)
    assert is_plain(exceptions.SignupClosed, lambda: services.register(PHONE, client=CLIENT))
    assert is_plain(exceptions.SignupClosed, sign_up)
    configure(AUTH_TYPES=("PASSWORD",))
    assert is_plain(exceptions.UnsupportedAuthType, ada.ask)
    configure(AUTH_TYPES=("PHONE",))
    assert is_plain(exceptions.UnsupportedAuthType, sign_up)
    assert is_plain(exceptions.UnsupportedAuthType, enter)


def sign_up() -> object:
    """Register with a password."""
    return services.register_with_password(username="Ada", email=EMAIL, password=PASSWORD, client=CLIENT)


def enter(password: str = PASSWORD, phone: phones.E164 = PHONE) -> object:
    """Log in with a password."""
    return services.log_in_with_password(phone=phone, password=password, client=CLIENT)


def test_accounts_say_why(ada: Visitor) -> None:
    """Taken, unknown, inactive, with another password."""
    user = UserFactory(phone=PHONE, email=EMAIL, password=PASSWORD)
    session = SessionFactory(user=user)
    assert is_plain(exceptions.PhoneTaken, lambda: services.register(PHONE, client=CLIENT))
    assert is_plain(exceptions.EmailTaken, sign_up)
    assert is_plain(exceptions.PasswordRejected, lambda: enter("wrong"))
    assert is_plain(exceptions.AccountUnknown, lambda: enter(phone=OTHER_PHONE))
    assert is_plain(
        exceptions.PasswordChangeRejected,
        lambda: services.change_password(access_of(session), user, old_password="wrong", new_password=PASSWORD),
    )
    close(user)
    assert is_plain(exceptions.AccountInactive, enter)
    assert is_plain(exceptions.AccountInactive, ada.ask)
    now = timezone.now()
    assert is_plain(exceptions.AccountInactive, lambda: sessions.open_session(user, client=CLIENT, amr=["otp"], at=now))


def test_codes_say_why(ada: Visitor) -> None:
    """What is no code, and a code that is not right; of an inactive account too."""
    user = UserFactory(phone=PHONE)
    ada.ask()
    assert is_plain(exceptions.CodeRejected, lambda: ada.guess("no code"))
    assert is_plain(exceptions.CodeRejected, lambda: ada.guess("000000", user_id=str(uuid4())))
    close(user)
    assert is_plain(exceptions.AccountInactive, lambda: ada.guess(ada.code()))


@pytest.mark.usefixtures("new_accounts_wait")
def test_account_that_waits_says_so() -> None:
    """Who registered is told that staff comes first."""
    assert is_plain(exceptions.AccountInactive, sign_up)


def test_user_model_that_refuses_is_told_to_the_host() -> None:
    """The database's own words would hold the number that it refused."""
    error = accounts.refused_insert()
    assert isinstance(error, IntegrityError)
    assert PLAIN.fullmatch(str(error))


def test_messages_that_are_not_sent_say_why(
    ada: Visitor, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No backend, a key that is gone, a provider that rests."""
    configure(RESEND_PAUSES=(), SMS={"default": {"BACKEND": "nowhere.SMSBackend"}})
    assert is_plain(exceptions.SMSNotSent, ada.ask)
    row = ada.row()
    row.key_id = "gone"
    configure(SMS={"default": {"BACKEND": "securelogin.sms.locmem.SMSBackend"}})
    message = sending.Message(PHONE, codes.ANYONE, codes.Purpose.LOGIN, row, "default", None, CLIENT)
    assert is_plain(exceptions.SMSNotSent, lambda: sending.send(message))
    monkeypatch.setattr(outages, "SLOW", 0.0)
    monkeypatch.setattr(outages, "FAILURES", 1)
    configure(SMS=sms("FailingBackend", mode="time-out"))
    assert says(exceptions.SMSNotSent, ada.ask) == "time-out"
    assert is_plain(exceptions.SMSNotSent, ada.ask)
    assert says(exceptions.SMSNotSent, ada.ask) != "time-out"
