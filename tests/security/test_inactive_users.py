"""Nothing is issued to who is not active, whichever way is taken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.management import CommandError, call_command
from django.db.models.signals import pre_save
from django.test import Client
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from securelogin import addresses, services, tokens
from securelogin.exceptions import AccountInactive
from securelogin.models import Session
from securelogin.services import sessions
from tests.api.refusals import (
    INACTIVE,
    SESSION_INACTIVE,
    WRONG_CODE,
    WRONG_PASSWORD,
    refusal_of,
)
from tests.api.visitor import PASSWORD, Visitor, sent_code
from tests.factories import SessionFactory, UserFactory, tokens_of
from tests.visits import PHONE

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _passwords_too(settings: Any) -> None:
    """Offer every way in there is."""
    settings.SECURELOGIN = {
        **settings.SECURELOGIN,
        "AUTH_TYPES": ("PHONE", "PASSWORD"),
        "RESEND_PAUSES": (timedelta(0),),
    }


@pytest.fixture
def user() -> Any:
    """A member of the staff with a number, an address and a password, who is not active."""
    return UserFactory.create(
        phone=PHONE, password=PASSWORD, email="ada@example.com", is_active=False, is_staff=True, is_superuser=True
    )


def nothing_is_issued() -> bool:
    """Whether no session and no token was written."""
    return not Session.objects.exists() and not OutstandingToken.objects.exists()


def test_right_code_issues_nothing(user: Any) -> None:
    """A right code that was sent before the account became inactive is a wrong one, with and without a device (D5)."""
    get_user_model().objects.update(is_active=True)
    visitor = Visitor()
    device = visitor.log_in()["device_token"]
    OutstandingToken.objects.all().delete()
    for more in ({}, {"device_token": device}):
        get_user_model().objects.update(is_active=True)
        visitor.ask(**more)
        get_user_model().objects.update(is_active=False)
        assert refusal_of(visitor.guess(sent_code(), userid=str(user.pk), **more)) == WRONG_CODE
    assert nothing_is_issued()


@pytest.mark.parametrize("key", [{}, {"HTTP_IDEMPOTENCY_KEY": "retry-0123456789"}], ids=["no key", "key"])
def test_refresh_issues_nothing(user: Any, key: dict[str, str]) -> None:
    """Neither a rotation nor the repeat of one answers tokens (D5)."""
    session = SessionFactory(user=user)
    get_user_model().objects.update(is_active=True)
    visitor, old = Visitor(), tokens_of(session).refresh_token
    new = visitor.post("refresh", {}, token=old, **key).json()["refresh_token"]
    get_user_model().objects.update(is_active=False)
    for text in (old, new):
        assert refusal_of(visitor.post("refresh", {}, token=text, **key)) == SESSION_INACTIVE
    session.refresh_from_db()
    assert session.generation == 1


@pytest.mark.parametrize("identifier", [{"phone": PHONE}, {"email": "ada@example.com"}], ids=["phone", "email"])
def test_right_password_issues_nothing(user: Any, identifier: dict[str, str]) -> None:
    """A right password of an inactive account is a wrong one (D5)."""
    answer = Visitor().post("login", {"auth_type": "PASSWORD", "password": PASSWORD, **identifier})
    assert refusal_of(answer) == WRONG_PASSWORD
    assert nothing_is_issued()


def wait_for_staff(sender: Any, instance: Any, **_more: Any) -> None:
    """Make a new account inactive, as a host does where staff lets people in."""
    if instance._state.adding:
        instance.is_active = False


@pytest.fixture
def new_accounts_wait() -> Any:
    """A host whose new accounts are not active."""
    pre_save.connect(wait_for_staff, sender=get_user_model())
    yield
    pre_save.disconnect(wait_for_staff, sender=get_user_model())


@pytest.mark.usefixtures("new_accounts_wait")
def test_registration_issues_nothing_where_accounts_wait_for_staff() -> None:
    """The account is made and waits; its password opens nothing until staff makes it active (D5)."""
    visitor = Visitor()
    body = {"auth_type": "PASSWORD", "username": "Ada", "email": "ada@example.com", "password": PASSWORD}
    assert refusal_of(visitor.post("register", body)) == INACTIVE
    assert nothing_is_issued()
    assert refusal_of(visitor.post("login", body)) == WRONG_PASSWORD
    get_user_model().objects.update(is_active=True)
    assert visitor.post("login", body).status_code == 200


@pytest.mark.usefixtures("new_accounts_wait")
def test_first_login_issues_nothing_where_accounts_wait_for_staff() -> None:
    """So it is with the account that a first code makes (D5)."""
    visitor = Visitor()
    asked = visitor.ask()
    assert refusal_of(visitor.guess(sent_code(), userid=asked.json()["userid"])) == WRONG_CODE
    assert nothing_is_issued()
    get_user_model().objects.update(is_active=True)
    assert visitor.log_in()["access_token"]


def test_direct_call_issues_nothing(user: Any) -> None:
    """A host that opens a session by itself, or asks simplejwt for a token of ours, is refused (D5)."""
    with pytest.raises(AccountInactive):
        sessions.open_session(user, client=addresses.Client(), amr=["otp"], at=timezone.now())
    for kind in (tokens.AccessToken, tokens.RefreshToken):
        with pytest.raises(TypeError):
            kind.for_user(user)
    assert nothing_is_issued()


def test_verbs_issue_nothing(user: Any, settings: Any) -> None:
    """The verbs say so where enumeration is allowed, and issue nothing there either (D5)."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "PREVENT_ENUMERATION": False}
    client = addresses.Client()
    verbs: list[Callable[[], object]] = [
        lambda: services.log_in_with_password(phone=user.phone, password=PASSWORD, client=client),
        lambda: services.request_code(user.phone, client=client),
    ]
    for verb in verbs:
        with pytest.raises(AccountInactive):
            verb()
    assert nothing_is_issued()


def test_admin_lets_no_inactive_staff_in(user: Any) -> None:
    """Number and password of an inactive superuser open no session of Django's, and one that is open ends (D5)."""
    assert authenticate(phone=PHONE, password=PASSWORD) is None
    client = Client()
    client.post("/admin/login/?next=/admin/", {"username": PHONE, "password": PASSWORD})
    assert client.get("/admin/").status_code == 302
    client.force_login(user)
    assert client.get("/admin/").status_code == 302
    assert nothing_is_issued()


def test_no_command_issues_anything(user: Any, settings: Any) -> None:
    """Neither a test text nor any other command of ours gives an inactive account a way in (D5)."""
    out = StringIO()
    call_command("send_test_sms", PHONE, stdout=out, stderr=out)
    call_command("revoke_sessions", phone=PHONE, stdout=out, stderr=out)
    call_command("clear_securelogin", stdout=out, stderr=out)
    with pytest.raises(CommandError):
        call_command("revoke_sessions", phone="+12025550199", stdout=out, stderr=out)
    assert refusal_of(Visitor().guess(sent_code(), userid=str(user.pk))) == WRONG_CODE
    assert nothing_is_issued()
