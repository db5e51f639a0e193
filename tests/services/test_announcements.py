"""Who announces what, of whom, in which call: receivers choose by the sender, and owners ask where it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.http import HttpRequest

from securelogin import phones, services
from securelogin.addresses import Client
from securelogin.events import Event, SecurityEvent
from securelogin.exceptions import RefreshTokenExpired, RefreshTokenReused, RetryLater, SessionEnded
from securelogin.models import Session
from securelogin.services.notices import Notice
from securelogin.tokens import AccessToken
from tests.factories import SessionFactory, UserFactory

from .conftest import Announcements, Configure
from .visitors import CLIENT, PHONE, Visitor, access, refresh

pytestmark = pytest.mark.django_db(transaction=True)
Verb = Callable[[AccessToken, Client], Any]


def who_and_where(trail: list[SecurityEvent]) -> list[tuple[Event, str, str]]:
    """Return the event, the user and the call of each record."""
    return [(each.event, each.user, each.request_id) for each in trail]


# Logins


def test_first_login_comes_from_the_models_with_its_call(
    eve: Visitor, request_of_eve: HttpRequest, announced: Announcements
) -> None:
    """The user model tells of the account and of the login, the model of sessions of the session."""
    user = eve.log_in().user
    senders = {"user_registered": type(user), "user_logged_in": type(user), "session_opened": Session}
    for name, sender in senders.items():
        (told,) = announced.named(name)
        assert (told["sender"], told["request"]) == (sender, request_of_eve)
    assert announced.named("user_registered")[0]["user"] == announced.named("user_logged_in")[0]["user"] == user


def test_login_outside_of_a_request_has_one_for_djangos_receivers(ada: Visitor, announced: Announcements) -> None:
    """Receivers of ``user_logged_in`` read a request; ours are told that there was none."""
    ada.log_in()
    assert isinstance(announced.named("user_logged_in")[0]["request"], HttpRequest)
    assert announced.named("session_opened")[0]["request"] is None


def test_trail_names_the_device_of_a_session(eve: Visitor, trail: list[SecurityEvent]) -> None:
    """The record of a new session holds what the device calls itself."""
    eve.log_in()
    (record,) = [each for each in trail if each.event is Event.SESSION_CREATED]
    assert record.detail == {"device": CLIENT.device}


def test_session_without_an_address_has_none(ada: Visitor) -> None:
    """A server behind a socket that tells no address is no address called None."""
    ada.client = Client()
    session = ada.log_in().session
    session.refresh_from_db()
    assert session.ip_address is None


def test_first_tokens_are_of_the_first_generation(ada: Visitor) -> None:
    """A session and its tokens begin at zero."""
    login = ada.log_in()
    assert refresh(login).generation == login.session.generation == 0


def test_owner_is_told_of_a_new_device_with_the_place(eve: Visitor, told: list[Any], configure: Configure) -> None:
    """A login of a stranger is told with the client that it came from."""
    configure(RESEND_PAUSES=())
    user = UserFactory(phone=PHONE)
    eve.log_in()
    assert told == [(user, Notice.NEW_DEVICE, eve.client)]
    assert told[0][2].request is eve.client.request


def test_eviction_names_the_place_of_the_login_that_evicts(
    eve: Visitor, trail: list[SecurityEvent], configure: Configure
) -> None:
    """Whose session had to go can be told by which call."""
    configure(RESEND_PAUSES=(), MAX_SESSIONS=1)
    user = eve.log_in().user
    trail.clear()
    eve.log_in()
    assert (Event.TOKEN_REVOKED, str(user.pk), "request-7") in who_and_where(trail)


# Limits


REFUSED: dict[str, tuple[str, str, Callable[[Visitor], object]]] = {
    "address that asks": ("login_ip", PHONE, Visitor.ask),
    "number that asks": ("RESEND_PAUSES", PHONE, Visitor.ask),
    "guess": ("verify_ip", PHONE, lambda eve: eve.guess("123456")),
    "registration": ("register_ip", PHONE, lambda eve: services.register(PHONE, client=eve.client)),
    "registration with a password": (
        "register_ip",
        "",
        lambda eve: services.register_with_password(username="", email="", password="", client=eve.client),
    ),
    "password of a number": (
        "password_ip",
        PHONE,
        lambda eve: services.log_in_with_password(phone=PHONE, password="", client=eve.client),
    ),
    "password of an address": (
        "password_ip",
        "",
        lambda eve: services.log_in_with_password(email="ada@example.com", password="", client=eve.client),
    ),
}
"""What is refused by which limit, and the number that its record names."""


@pytest.mark.parametrize(("limit", "phone", "call"), list(REFUSED.values()), ids=list(REFUSED))
def test_trail_names_number_and_place_of_every_refusal(
    limit: str,
    phone: str,
    call: Callable[[Visitor], object],
    eve: Visitor,
    trail: list[SecurityEvent],
    configure: Configure,
) -> None:
    """The record of a call that a limit refuses holds the number that was called for and the call."""
    configure(AUTH_TYPES=("PHONE", "PASSWORD"))
    if limit == "RESEND_PAUSES":
        eve.ask()
    else:
        configure(LIMITS={limit: "0/hour"})
    trail.clear()
    with pytest.raises(RetryLater):
        call(eve)
    (record,) = trail
    assert record.event is Event.RATE_LIMIT
    assert record.detail["limit"] == limit
    assert (record.phone_digest, record.request_id) == (phones.digest(PHONE) if phone else "", "request-7")


# Tokens


def test_reuse_comes_from_the_model_and_names_user_and_place(
    eve: Visitor, announced: Announcements, told: list[Any], trail: list[SecurityEvent], clock: time_machine.Traveller
) -> None:
    """A replay tells receivers the session and its user, the owner the place, and ends the session in that moment."""
    login = eve.log_in()
    services.refresh_tokens(refresh(login), client=eve.client)
    clock.shift(31)
    trail.clear()
    with pytest.raises(RefreshTokenReused):
        services.refresh_tokens(refresh(login), client=eve.client)
    (reused,) = announced.named("refresh_token_reused")
    assert reused["sender"] is Session
    assert (reused["session_id"], reused["user_id"]) == (login.session.pk, login.user.pk)
    assert told == [(login.user, Notice.REUSE, eve.client)]
    assert who_and_where(trail) == [(Event.TOKEN_REUSE, str(login.user.pk), "request-7")]
    login.session.refresh_from_db()
    assert login.session.ended_at == login.session.rotated_at + timedelta(seconds=31)


def test_trail_names_user_and_place_of_every_use_of_a_token(
    eve: Visitor, trail: list[SecurityEvent], clock: time_machine.Traveller
) -> None:
    """Renewed, used after the end, come too late: each record holds the token's user and the call."""
    login = eve.log_in()
    user, old = str(login.user.pk), refresh(login)
    trail.clear()
    services.refresh_tokens(old, client=eve.client)
    services.logout(access(login), client=eve.client)
    for use in (
        lambda: services.refresh_tokens(old, client=eve.client),
        lambda: services.authenticate(access(login), client=lambda: eve.client),
    ):
        with pytest.raises(SessionEnded):
            use()
    clock.shift(timedelta(days=61))
    with pytest.raises(RefreshTokenExpired):
        services.refresh_tokens(old, client=eve.client)
    events = [Event.SESSION_RENEWED, Event.SESSION_LOGOUT, *[Event.SESSION_USE_AFTER_EXPIRE] * 2, Event.SESSION_EXPIRED]
    assert who_and_where(trail) == [(event, user, "request-7") for event in events]


# Ends


def end_other(token: AccessToken, client: Client) -> None:
    """End the one session of the user that is not the token's."""
    other = Session.objects.exclude(pk=token.session_id).get()
    services.end_session(token, other.pk, client=client)


ENDS: dict[str, Verb] = {
    "logout": lambda token, client: services.logout(token, client=client),
    "logout_all": lambda token, client: services.logout_all(token, client=client),
    "logout_all_other_sessions": lambda token, client: services.logout_all_other_sessions(token, client=client),
    "end_session": end_other,
}


@pytest.mark.parametrize("verb", list(ENDS.values()), ids=list(ENDS))
def test_trail_names_user_and_place_of_every_end(verb: Verb, eve: Visitor, trail: list[SecurityEvent]) -> None:
    """However its owner ends a session, the record holds who it was and the call."""
    login = eve.log_in()
    SessionFactory(user=login.user)
    trail.clear()
    verb(access(login), eve.client)
    assert set(who_and_where(trail)) == {(Event.SESSION_LOGOUT, str(login.user.pk), "request-7")}


@pytest.mark.parametrize("verb", [ENDS["logout"], ENDS["logout_all"]], ids=["logout", "logout_all"])
def test_logout_comes_from_the_user_model_with_its_call(
    verb: Verb, eve: Visitor, request_of_eve: HttpRequest, announced: Announcements
) -> None:
    """Django's signal has the sender, the user and the request that Django's own logout gives it."""
    login = eve.log_in()
    verb(access(login), eve.client)
    (left,) = announced.named("user_logged_out")
    assert (left["sender"], left["request"], left["user"]) == (get_user_model(), request_of_eve, login.user)


@pytest.mark.parametrize("client", [None, CLIENT], ids=["no client", "no request"])
def test_logout_outside_of_a_request_has_one_for_djangos_receivers(
    client: Client | None, ada: Visitor, announced: Announcements
) -> None:
    """Receivers of ``user_logged_out`` read a request, whoever calls the verb."""
    services.logout(access(ada.log_in()), client=client)
    (left,) = announced.named("user_logged_out")
    assert isinstance(left["request"], HttpRequest)
