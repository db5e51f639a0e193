"""What registrations and passwords announce: from whom, of whom, in which call."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.http import HttpRequest

from securelogin import phones, services
from securelogin.events import Event, SecurityEvent
from securelogin.exceptions import AccountInactive, PasswordChangeRejected, PasswordRejected, TooManyAttempts
from securelogin.models import Counter, Session
from securelogin.services.notices import Notice
from securelogin.tokens import AccessToken, read_access
from tests.factories import SessionFactory, UserFactory, tokens_of

from .conftest import Announcements, Configure
from .visitors import OTHER_PHONE, PHONE, Visitor

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL = "ada@example.com"
PASSWORD = "a long way to Tipperary"
NEW = "a longer way to Tipperary"

heard: list[tuple[str, Any]] = []


class Historian:
    """A validator of a host's that keeps what passwords were."""

    def validate(self, password: str, user: Any = None) -> None:
        """Take any."""

    def password_changed(self, password: str, user: Any = None) -> None:
        """Write it down."""
        heard.append((password, user))


@pytest.fixture(autouse=True)
def _offered(configure: Configure) -> None:
    """Offer passwords."""
    configure(AUTH_TYPES=("PHONE", "PASSWORD"))


def fail(visitor: Visitor, **identifier: Any) -> None:
    """Try a wrong password."""
    with pytest.raises(PasswordRejected):
        services.log_in_with_password(**(identifier or {"phone": PHONE}), password="wrong", client=visitor.client)


def of(trail: list[SecurityEvent], event: Event) -> tuple[str, str, str]:
    """Return user, number and call of the one record of an event."""
    (record,) = [each for each in trail if each.event is event]
    return record.user, record.phone_digest, record.request_id


# Registrations


def test_registration_is_told_with_its_call(
    eve: Visitor, request_of_eve: HttpRequest, announced: Announcements, trail: list[SecurityEvent]
) -> None:
    """The user model tells of the account, and the record names it."""
    login = services.register_with_password(username="Ada", email=EMAIL, password=PASSWORD, client=eve.client)
    (told,) = announced.named("user_registered")
    assert (told["sender"], told["user"], told["request"]) == (get_user_model(), login.user, request_of_eve)
    assert of(trail, Event.USER_CREATED) == (str(login.user.pk), "", "request-7")
    assert login.session.user_agent == eve.client.user_agent


@pytest.mark.usefixtures("new_accounts_wait")
def test_account_that_waits_is_told_with_its_call(
    eve: Visitor, request_of_eve: HttpRequest, announced: Announcements, trail: list[SecurityEvent]
) -> None:
    """A host that lets staff decide hears of the account that was made, and of no login."""
    with pytest.raises(AccountInactive):
        services.register_with_password(username="Ada", email=EMAIL, password=PASSWORD, client=eve.client)
    user = get_user_model().objects.get()
    assert announced.names() == ["user_registered"]
    told = announced.named("user_registered")[0]
    assert (told["sender"], told["user"], told["request"]) == (type(user), user, request_of_eve)
    assert [each.event for each in trail] == [Event.USER_CREATED]
    assert of(trail, Event.USER_CREATED) == (str(user.pk), "", "request-7")


# Logins


@pytest.mark.parametrize(
    ("identifier", "credentials"),
    [({"phone": PHONE}, {"phone": phones.mask(PHONE)}), ({"email": EMAIL}, {"email": "***"}), ({}, {"email": "***"})],
)
def test_django_is_told_a_masked_identifier_and_the_call(
    identifier: dict[str, Any], credentials: dict[str, str], eve: Visitor, announced: Announcements
) -> None:
    """Its signal names the module that refused; of an address nothing is told."""
    fail(eve, **(identifier or {"email": None}))
    (told,) = announced.named("user_login_failed")
    assert told["sender"] == "securelogin.services.passwords"
    assert (told["credentials"], told["request"]) == (credentials, eve.client.request)


def test_trail_names_user_number_and_place_of_a_failure_and_of_a_lock(
    eve: Visitor, trail: list[SecurityEvent], told: list[Any], configure: Configure
) -> None:
    """And the owner is told of the lock with the place."""
    configure(FAILURES_PER_DAY=1)
    user = UserFactory(phone=PHONE, password=PASSWORD)
    fail(eve)
    for event in (Event.LOGIN_FAIL, Event.LOGIN_LOCK):
        assert of(trail, event) == (str(user.pk), phones.digest(PHONE), "request-7")
    assert [each.detail for each in trail] == [{"method": "pwd"}, {"window": "FAILURES_PER_DAY"}]
    assert told == [(user, Notice.LOCKED, eve.client)]
    fail(eve)
    assert [each.event for each in trail] == [Event.LOGIN_FAIL, Event.LOGIN_LOCK, Event.LOGIN_FAIL_MAX]


@pytest.mark.usefixtures("told")
def test_locks_of_nobody_are_counted_apart(eve: Visitor, configure: Configure) -> None:
    """Guesses at numbers without an account do not wait for each other at one counter."""
    configure(FAILURES_PER_DAY=1, LIMITS={"notice_user": "3/day"})
    for phone in (PHONE, OTHER_PHONE):
        fail(eve, phone=phone)
    assert Counter.objects.filter(key__startswith="notice_user").count() == 2


def test_password_that_is_right_after_all_locks_nothing(eve: Visitor, trail: list[SecurityEvent]) -> None:
    """A login by password tells of itself and of its session, and of no account that was made."""
    user = UserFactory(phone=PHONE, password=PASSWORD)
    login = services.log_in_with_password(phone=PHONE, password=PASSWORD, client=eve.client)
    assert [each.event for each in trail] == [Event.LOGIN_SUCCESS, Event.SESSION_CREATED]
    assert of(trail, Event.LOGIN_SUCCESS) == (str(user.pk), "", "request-7")
    assert login.session.device == eve.client.device


# Changes


def token_of(session: Session) -> AccessToken:
    """Return an access token of a session."""
    return read_access(tokens_of(session).access_token)


def test_change_is_told_with_its_place(
    eve: Visitor, trail: list[SecurityEvent], told: list[Any], settings: Any
) -> None:
    """To the trail with user, session and call, to the owner, and to the validators of the host."""
    settings.AUTH_PASSWORD_VALIDATORS = [{"NAME": f"{__name__}.Historian"}]
    user = UserFactory(phone=PHONE, password=PASSWORD)
    heard.clear()
    session, other = SessionFactory(user=user), SessionFactory(user=user)
    token = token_of(session)
    services.change_password(token, user, old_password=PASSWORD, new_password=NEW, client=eve.client)
    (record,) = [each for each in trail if each.event is Event.PASSWORD_CHANGE]
    assert record.session != ""
    assert of(trail, Event.PASSWORD_CHANGE) == (str(user.pk), "", "request-7")
    assert of(trail, Event.TOKEN_REVOKED) == (str(user.pk), "", "request-7")
    assert told == [(user, Notice.PASSWORD, eve.client)]
    assert heard == [(NEW, user)]
    other.refresh_from_db()
    assert other.ended_at is not None


def test_guess_at_the_old_password_is_told_with_its_place(
    eve: Visitor, trail: list[SecurityEvent], told: list[Any], configure: Configure
) -> None:
    """The failure names the session it came with; the one that locks is told to the owner."""
    configure(FAILURES_PER_DAY=1)
    user = UserFactory(phone=PHONE, password=PASSWORD)
    token = token_of(SessionFactory(user=user))
    with pytest.raises(PasswordChangeRejected):
        services.change_password(token, user, old_password="wrong", new_password=NEW, client=eve.client)
    assert of(trail, Event.PASSWORD_CHANGE_FAIL) == (str(user.pk), "", "request-7")
    assert of(trail, Event.LOGIN_LOCK) == (str(user.pk), "", "request-7")
    assert [each.detail for each in trail] == [{}, {"window": "FAILURES_PER_DAY"}]
    assert trail[0].session != ""
    assert told == [(user, Notice.LOCKED, eve.client)]


def test_change_that_a_limit_refuses_is_told_with_its_place(
    eve: Visitor, trail: list[SecurityEvent], configure: Configure
) -> None:
    """The record holds the call; no guess at the old password is told."""
    configure(LIMITS={"password_ip": "0/hour"})
    user = UserFactory(phone=PHONE, password=PASSWORD)
    token = token_of(SessionFactory(user=user))
    with pytest.raises(TooManyAttempts):
        services.change_password(token, user, old_password=PASSWORD, new_password=NEW, client=eve.client)
    assert [each.event for each in trail] == [Event.RATE_LIMIT]
    assert trail[0].request_id == "request-7"
