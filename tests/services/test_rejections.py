"""What a refused guess tells: who hears of it, about which number, in which call."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.http import HttpRequest

from securelogin import phones
from securelogin.events import Event, SecurityEvent
from securelogin.exceptions import TooManyAttempts
from securelogin.models import Counter, OneTimeCode
from securelogin.services.notices import Notice
from tests.factories import UserFactory

from .conftest import Announcements, Configure
from .visitors import CLIENT, OTHER_PHONE, PHONE, Visitor

pytestmark = pytest.mark.django_db


def places(trail: list[SecurityEvent], event: Event) -> list[tuple[str, str, str]]:
    """Return number, address and call of each record of an event."""
    return [(each.phone_digest, each.ip, each.request_id) for each in trail if each.event is event]


def test_receivers_are_told_the_number_as_a_digest_and_the_call(
    eve: Visitor, request_of_eve: HttpRequest, announced: Announcements, configure: Configure
) -> None:
    """A refused guess comes from the model of codes, and so does the one that disables them."""
    configure(FAILURES_IN_A_ROW=1)
    eve.ask()
    eve.fail()
    for name in ("code_rejected", "codes_disabled"):
        (told,) = announced.named(name)
        assert (told["sender"], told["request"]) == (OneTimeCode, request_of_eve)
        assert told["phone_digest"] == phones.digest(PHONE)


def test_django_is_told_a_masked_number_and_the_call(
    eve: Visitor, request_of_eve: HttpRequest, announced: Announcements
) -> None:
    """Django's signal names the module that refused, and the credentials hold the end of the number only."""
    eve.ask()
    eve.fail()
    (told,) = announced.named("user_login_failed")
    assert told["sender"] == "securelogin.services.guesses"
    assert told["credentials"] == {"phone": phones.mask(PHONE)}
    assert told["request"] == request_of_eve


def test_trail_names_number_and_place_of_a_failure_and_of_a_lock(
    eve: Visitor, trail: list[SecurityEvent], configure: Configure
) -> None:
    """Both records of the guess that locks hold the number, the address and the call (H2)."""
    configure(FAILURES_PER_DAY=1)
    eve.ask()
    eve.fail()
    place = (phones.digest(PHONE), str(CLIENT.address), "request-7")
    assert places(trail, Event.LOGIN_FAIL) == [place]
    assert places(trail, Event.LOGIN_LOCK) == [place]


def test_trail_names_number_and_place_of_a_guess_over_the_limit_of_its_address(
    eve: Visitor, trail: list[SecurityEvent], configure: Configure
) -> None:
    """A guess that is not even looked at is on record with the number it was at."""
    configure(LIMITS={"verify_ip": "1/hour"})
    eve.ask()
    eve.fail()
    with pytest.raises(TooManyAttempts):
        eve.guess("000000")
    assert places(trail, Event.RATE_LIMIT) == [(phones.digest(PHONE), str(CLIENT.address), "request-7")]


def test_alarm_of_the_site_names_the_place_of_its_last_guess(
    eve: Visitor, trail: list[SecurityEvent], configure: Configure
) -> None:
    """The record of a spray holds the address and the call, and no number: it is about all of them."""
    configure(LIMITS={"spray_site": "1/day"})
    eve.ask()
    eve.fail()
    assert places(trail, Event.LOGIN_SPRAY) == [("", str(CLIENT.address), "request-7")]


def test_owner_is_told_of_a_lock_with_the_place(eve: Visitor, told: list[Any], configure: Configure) -> None:
    """What locks an account is told to its owner with the client that did it (H5)."""
    configure(FAILURES_PER_DAY=1)
    user = UserFactory(phone=PHONE)
    eve.ask()
    eve.fail()
    assert told == [(user, Notice.LOCKED, eve.client)]


def test_locks_of_numbers_that_nobody_has_are_counted_each_by_itself(told: list[Any], configure: Configure) -> None:
    """As those of accounts are, or after a few of them an onlooker could tell by the time who has none (C3)."""
    configure(FAILURES_PER_DAY=1, LIMITS={"notice_user": "5/day"})
    for phone in (PHONE, OTHER_PHONE):
        visitor = Visitor(phone)
        visitor.ask()
        visitor.fail()
    counts = Counter.objects.filter(key__startswith="notice_user").values_list("count", flat=True)
    assert (list(counts), told) == ([1, 1], [])


def test_guess_at_a_code_that_is_over_is_no_lock(
    eve: Visitor, trail: list[SecurityEvent], clock: time_machine.Traveller
) -> None:
    """Where nothing is locked a guess that was not looked at is a failure, and not one over the maximum."""
    eve.ask()
    clock.shift(timedelta(minutes=6))
    eve.fail()
    assert [each.event for each in trail][1:] == [Event.LOGIN_FAIL]
