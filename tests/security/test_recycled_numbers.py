"""A number that changes hands: its new owner is a new account, and the old one's sessions and devices reach nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model

from securelogin.models import OneTimeCode, Session
from securelogin.phones import E164
from tests.api.refusals import NOT_FOUND, SESSION_ENDED, WRONG_CODE, refusal_of
from tests.api.visitor import Visitor, claims_of, derived_id, sent_code, wrong
from tests.factories import UserFactory
from tests.services.backends import VerifyingBackend, sms
from tests.visits import PHONE

pytestmark = pytest.mark.django_db

NEW_PHONE = E164("+12025550177")
User = get_user_model()


@pytest.fixture(autouse=True)
def clock(settings: Any) -> Any:
    """A clock to turn; who waits for nothing else can ask for codes as they like."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "RESEND_PAUSES": (timedelta(0),)}
    with time_machine.travel("2031-05-06 07:08:09+00:00", tick=False) as traveller:
        yield traveller


def close(user: Any) -> None:
    """Close an account: its number is free, its sessions end."""
    User.objects.filter(pk=user.pk).update(phone=None)
    Session.objects.filter(user=user.pk).end_all("closed", at=user.date_joined)


def move(user: Any) -> None:
    """Give an account another number."""
    User.objects.filter(pk=user.pk).update(phone=NEW_PHONE)


def delete(user: Any) -> None:
    """Take an account away."""
    user.delete()


@pytest.mark.parametrize("has_new_owner", [True, False])
@pytest.mark.parametrize("means", ["id", "device"])
def test_number_that_changes_hands_while_a_code_is_compared_lets_nobody_in(
    means: str, has_new_owner: bool, settings: Any
) -> None:
    """Whoever names the owner before, or holds their device, is not let in as the next, nor gets a new account."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "SMS": sms("VerifyingBackend")}
    VerifyingBackend.forget()
    visitor, old = Visitor(), UserFactory(phone=PHONE)
    visitor.ask()
    body: dict[str, Any] = {"userid": derived_id(), "device_token": None}
    body["device_token"] = visitor.guess(VerifyingBackend.RIGHT, **body).json()["device_token"]
    if means == "id":
        body = {"userid": str(old.pk), "device_token": None}

    def change_hands() -> None:
        close(old)
        if has_new_owner:
            UserFactory(phone=PHONE)

    visitor.ask(device_token=body["device_token"])
    VerifyingBackend.meanwhile = staticmethod(change_hands)
    assert refusal_of(visitor.guess(VerifyingBackend.RIGHT, **body)) == WRONG_CODE
    assert VerifyingBackend.meanwhile is None
    assert User.objects.filter(phone=PHONE).count() == has_new_owner
    assert not Session.objects.live().exists()


@pytest.mark.parametrize("leave", [close, move])
def test_recycled_number_is_a_new_account(leave: Callable[[Any], None]) -> None:
    """Who logs in with a number that an account gave up is somebody else, with an id of their own (D6)."""
    old = Visitor().log_in()
    leave(User.objects.get())
    new = Visitor().log_in()
    assert claims_of(new["access_token"])["sub"] == new["userid"] != old["userid"]
    assert User.objects.get(phone=PHONE).pk == User.objects.exclude(pk=old["userid"]).get().pk
    assert Visitor().log_in()["userid"] == new["userid"]


@pytest.mark.parametrize("leave", [close, move, delete])
def test_old_sessions_are_not_reached_by_the_new_owner(leave: Callable[[Any], None]) -> None:
    """The new owner sees and ends their own sessions only (D6)."""
    visitor = Visitor()
    old = visitor.log_in()
    leave(User.objects.get())
    new = visitor.log_in()
    old_sid, new_sid = (claims_of(each["access_token"])["sid"] for each in (old, new))
    (shown,) = visitor.get("sessions", token=new["access_token"]).json()["results"]
    assert shown["id"] == new_sid != old_sid
    assert refusal_of(visitor.delete(f"sessions/{old_sid}", token=new["access_token"])) == NOT_FOUND
    assert visitor.post("logout_all", {}, token=new["access_token"]).json()["revoked"] == 1


@pytest.mark.parametrize("leave", [close, delete])
def test_old_tokens_do_not_reach_the_new_owner(leave: Callable[[Any], None]) -> None:
    """The old owner's tokens open nothing, before the new owner's login and after it (D6)."""
    visitor = Visitor()
    old = visitor.log_in()
    leave(User.objects.get())
    for _ in range(2):
        assert refusal_of(visitor.post("op", token=old["access_token"])) == SESSION_ENDED
        assert refusal_of(visitor.post("refresh", {}, token=old["refresh_token"])) == SESSION_ENDED
        visitor.log_in()


def test_token_stays_its_accounts_when_the_number_changes() -> None:
    """A token is of an account, whatever its number is now (D6)."""
    visitor = Visitor()
    old = visitor.log_in()
    move(User.objects.get())
    new = visitor.log_in()
    assert visitor.is_in(old["access_token"])
    rotated = visitor.post("refresh", {}, token=old["refresh_token"]).json()
    assert claims_of(rotated["access_token"])["sub"] == old["userid"]
    assert visitor.log_in(NEW_PHONE)["userid"] == old["userid"] != new["userid"]


@pytest.mark.parametrize("leave", [close, move, delete])
def test_old_device_is_a_stranger_to_the_new_owner(leave: Callable[[Any], None], clock: Any) -> None:
    """The device that the old owner kept spends the budgets that all strangers share (D6)."""
    visitor = Visitor()
    device = visitor.log_in()["device_token"]
    leave(User.objects.get())
    OneTimeCode.objects.all().delete()
    clock.shift(60)
    new = visitor.log_in()
    asked = visitor.ask(device_token=device)
    assert asked.status_code == 200
    guess = {"userid": new["userid"], "device_token": device}
    assert refusal_of(visitor.guess(wrong(sent_code()), **guess)) == WRONG_CODE
    row = OneTimeCode.objects.get()
    assert row.failures_in_day == 1, "there is no row of the device's own"


def test_id_of_the_old_owner_opens_their_account_no_more() -> None:
    """With the old owner's id and the new owner's code it is the new owner who logs in (D6)."""
    visitor = Visitor()
    old = visitor.log_in()
    close(User.objects.get())
    visitor.ask()
    answer = visitor.guess(sent_code(), userid=old["userid"])
    assert answer.json()["userid"] != old["userid"]
    assert Session.objects.live().count() == 1
