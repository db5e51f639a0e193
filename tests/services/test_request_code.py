"""Asking for a code: what is answered, what is sent, what is counted, what is refused."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.forms.models import model_to_dict

from securelogin import codes, phones, services
from securelogin.exceptions import (
    AccountInactive,
    AccountUnknown,
    CodeRejected,
    PhoneNotAllowed,
    ResendTooSoon,
    RetryLater,
    SMSNotSent,
    TooManyAttempts,
    TooManyCodes,
    TooManyRequests,
    UnsupportedAuthType,
)
from securelogin.models import Counter, OneTimeCode
from securelogin.services import sending
from securelogin.sms.locmem import outbox
from tests.factories import UserFactory

from .backends import sms
from .conftest import Announcements, Configure
from .statements import statements_of, without_values
from .visitors import CLIENT, OTHER_PHONE, PHONE, Visitor

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NO_PAUSES = {"RESEND_PAUSES": (timedelta(0),)}


def refused(visitor: Visitor, kind: type[RetryLater] = RetryLater) -> int:
    """Ask, expect just that refusal, and return its ``retry_after``."""
    with pytest.raises(RetryLater) as caught:
        visitor.ask()
    assert type(caught.value) is kind or kind is RetryLater
    return caught.value.retry_after


# What is answered and sent


def test_code_is_sent_and_the_answer_says_how_to_go_on(ada: Visitor) -> None:
    """An ask sends one text with six digits and answers the number, the id that stands for it, and three durations."""
    asked = ada.ask()
    assert asked == services.CodeRequested(
        phone=PHONE, user_id=phones.user_ids(PHONE)[0], expires_in=300, resend_after=30, code_length=6
    )
    assert [text.to for text in outbox] == [PHONE]
    assert re.fullmatch(r"[0-9]{6}", ada.code())


def test_nothing_but_a_row_of_codes_is_made_before_the_code_is_verified(ada: Visitor) -> None:
    """No account and no session before a right code (A7)."""
    ada.ask()
    assert not get_user_model().objects.exists()
    assert OneTimeCode.objects.count() == 1


def test_row_holds_neither_code_nor_number(ada: Visitor) -> None:
    """What is written down is a nonce under a key that is an HMAC (A9, P2)."""
    ada.ask()
    values = " ".join(map(str, model_to_dict(ada.row()).values()))
    assert ada.code() not in values
    assert PHONE.removeprefix("+") not in values


def test_answer_and_message_do_not_show_the_number(ada: Visitor) -> None:
    """No repr shows a number (H1)."""
    asked = ada.ask()
    message = sending.Message(PHONE, codes.ANYONE, codes.Purpose.LOGIN, ada.row(), "default", None, CLIENT)
    assert PHONE not in repr(asked)
    assert PHONE not in repr(message)


def test_code_length_is_the_hosts(ada: Visitor, configure: Configure) -> None:
    """``CODE_LENGTH`` digits are sent, answered and wanted."""
    configure(CODE_LENGTH=8)
    assert ada.ask().code_length == 8
    code = re.findall(r"[0-9]{8}", outbox[-1].body)[0]
    assert ada.guess(code).is_new_user


def test_refused_ask_leaves_the_live_code_alone(ada: Visitor) -> None:
    """An ask in the pause sends nothing and does not take the code away."""
    ada.ask()
    refused(ada, ResendTooSoon)
    assert ada.texts() == 1
    assert ada.guess(ada.code())


# Pauses


def test_pauses_grow_and_the_last_one_repeats(
    ada: Visitor, configure: Configure, clock: time_machine.Traveller
) -> None:
    """30, 60, 90, 120 and again 120 seconds after the codes of an hour; each ends on the second."""
    configure(SENDS_PER_HOUR=6)
    for pause in (30, 60, 90, 120, 120):
        assert ada.ask().resend_after == pause
        assert refused(ada, ResendTooSoon) == pause
        clock.shift(pause - 1)
        assert refused(ada, ResendTooSoon) == 1
        clock.shift(1)
    ada.ask()
    assert ada.texts() == 6


def test_pauses_begin_anew_with_the_hour(ada: Visitor, clock: time_machine.Traveller) -> None:
    """The first code of the next hour waits the first pause."""
    ada.ask()
    clock.shift(30)
    assert ada.ask().resend_after == 60
    clock.shift(HOUR - 30 * SECOND)
    assert ada.ask().resend_after == 30


def test_part_of_a_second_is_rounded_up(ada: Visitor, clock: time_machine.Traveller) -> None:
    """``retry_after`` never ends before the pause does."""
    ada.ask()
    clock.shift(28.5)
    assert refused(ada, ResendTooSoon) == 2


# Budgets of sends


def test_five_codes_an_hour(ada: Visitor, configure: Configure, clock: time_machine.Traveller) -> None:
    """The hour begins with its first code: the sixth is refused until that second comes round."""
    configure(**NO_PAUSES)
    for _ in range(5):
        ada.ask()
        clock.shift(60)
    wait = refused(ada, TooManyCodes)
    assert wait == 3600 - 5 * 60
    clock.shift(wait - 1)
    assert refused(ada, TooManyCodes) == 1
    clock.shift(1)
    ada.ask()
    assert ada.texts() == 6


def test_ten_codes_a_day(ada: Visitor, configure: Configure, clock: time_machine.Traveller) -> None:
    """The day begins with its first code: the eleventh is refused until that second comes round."""
    configure(**NO_PAUSES, SENDS_PER_HOUR=10)
    for _ in range(10):
        ada.ask()
    clock.shift(2 * HOUR)
    wait = refused(ada, TooManyCodes)
    assert wait == 22 * 3600
    clock.shift(wait - 1)
    assert refused(ada, TooManyCodes) == 1
    clock.shift(1)
    ada.ask()


def test_success_gives_no_sends_back(ada: Visitor, configure: Configure) -> None:
    """Logging in between does not buy another code."""
    configure(**NO_PAUSES)
    for _ in range(5):
        ada.log_in()
    refused(ada, TooManyCodes)


def test_number_that_gets_nothing_spends_the_same(
    ada: Visitor, configure: Configure, clock: time_machine.Traveller
) -> None:
    """Asks for a number that is sent nothing are refused at the same points (C1)."""
    configure(SIGNUP="closed")
    for pause in (30, 60, 90, 120):
        assert ada.ask().resend_after == pause
        clock.shift(pause)
    assert ada.ask().resend_after == 3300
    assert refused(ada, TooManyCodes) == 3300
    assert not outbox


WAITS: dict[str, dict[str, Any]] = {
    "pause": {"resend_at": 40},
    "hour": {"sends_in_hour": 5, "hour_began_at": -3000},
    "day": {"sends_in_day": 10, "sending_day_began_at": -80_000},
    "failures": {"failures_in_day": 10, "day_began_at": -70_000},
    "failures of a month": {"failures_in_month": 50, "month_began_at": -2_000_000},
    "pause and hour": {"resend_at": 40, "sends_in_hour": 5, "hour_began_at": -3000},
    "hour and day": {
        "sends_in_hour": 5,
        "hour_began_at": -3000,
        "sends_in_day": 10,
        "sending_day_began_at": -80_000,
    },
    "pause and failures": {"resend_at": 40, "failures_in_day": 10, "day_began_at": -70_000},
    "hour and failures": {
        "sends_in_hour": 5,
        "hour_began_at": -3000,
        "failures_in_day": 10,
        "day_began_at": -70_000,
    },
    "failures of a day and of a month": {
        "failures_in_day": 10,
        "day_began_at": -70_000,
        "failures_in_month": 50,
        "month_began_at": -2_000_000,
    },
}


@pytest.mark.parametrize("spent", list(WAITS.values()), ids=list(WAITS))
def test_waiting_as_told_is_enough_whatever_is_spent(
    spent: dict[str, int], ada: Visitor, clock: time_machine.Traveller
) -> None:
    """Whichever budgets are spent, ``retry_after`` seconds later the ask works, one second earlier not (B14)."""
    ada.ask()
    clock.shift(DAY)
    now = ada.row().touched_at + DAY
    ada.change_row(
        **{key: now + value * SECOND if key.endswith("_at") else value for key, value in spent.items()},
    )
    wait = refused(ada)
    clock.shift(wait - 1)
    assert refused(ada) == 1
    clock.shift(1)
    ada.ask()


def test_answer_tells_the_wait_when_the_hour_is_spent(ada: Visitor, clock: time_machine.Traveller) -> None:
    """``resend_after`` of the last code of an hour is the wait that the next ask would be told."""
    for _ in range(4):
        clock.shift(ada.ask().resend_after)
    told = ada.ask().resend_after
    assert refused(ada) == told


# A sending that fails


@pytest.mark.parametrize(("mode", "is_told"), [("refused", True), ("no such number", False)])
def test_definite_refusal_lifts_the_pause_but_not_the_count(
    mode: str, is_told: bool, ada: Visitor, configure: Configure, announced: Announcements
) -> None:
    """Where surely nothing was sent the number may ask again at once, five times an hour as ever."""
    configure(SMS=sms("FailingBackend", mode=mode))
    for _ in range(5):
        if is_told:
            with pytest.raises(SMSNotSent):
                ada.ask()
        else:
            ada.ask()
    refused(ada, TooManyCodes)
    assert len(announced.named("sms_not_sent")) == 5
    assert "code_sent" not in announced.names()


@pytest.mark.parametrize("mode", ["time-out", "blocked number"])
def test_time_out_lifts_nothing(mode: str, ada: Visitor, configure: Configure) -> None:
    """Where something may have been sent the pause stays."""
    configure(SMS=sms("FailingBackend", mode=mode))
    with suppress(SMSNotSent):
        ada.ask()
    assert refused(ada, ResendTooSoon) > 0


def test_failure_that_is_the_numbers_is_not_told(ada: Visitor, configure: Configure) -> None:
    """A number that cannot be reached gets the answer of one that can."""
    before = Visitor(OTHER_PHONE).ask()
    configure(SMS=sms("FailingBackend", mode="no such number"))
    after = ada.ask()
    assert (after.expires_in, after.resend_after, after.code_length) == (
        before.expires_in,
        before.resend_after,
        before.code_length,
    )


def test_code_that_was_not_sent_for_sure_can_be_asked_for_again(ada: Visitor, configure: Configure) -> None:
    """After an outage the next code works: nothing is left as a trap (J3)."""
    configure(SMS=sms("FailingBackend", mode="refused"))
    with pytest.raises(SMSNotSent):
        ada.ask()
    configure(SMS={"default": {"BACKEND": "securelogin.sms.locmem.SMSBackend"}})
    assert ada.log_in()


def test_announcements_of_an_ask_name_no_number(ada: Visitor, announced: Announcements) -> None:
    """``code_sent`` tells the alias and a keyed digest of the number."""
    ada.ask()
    assert announced.names() == ["code_sent"]
    told = announced.named("code_sent")[0]
    assert (told["alias"], told["phone_digest"]) == ("default", phones.digest(PHONE))
    assert PHONE not in repr(told)


# Who is sent a code


def test_inactive_account_is_answered_alike_and_sent_nothing(ada: Visitor) -> None:
    """The owner of a closed door hears what everyone hears, by answer only (C1)."""
    UserFactory(phone=PHONE, is_active=False)
    inactive, unknown = ada.ask(), Visitor(OTHER_PHONE).ask()
    assert (inactive.expires_in, inactive.resend_after) == (unknown.expires_in, unknown.resend_after)
    assert ada.texts() == 0


@pytest.mark.parametrize("mode", ["register", "closed"])
def test_unknown_number_is_answered_alike_and_sent_nothing(mode: str, ada: Visitor, configure: Configure) -> None:
    """Where a login makes no account a number without one gets the same answer and no text."""
    UserFactory(phone=OTHER_PHONE)
    configure(SIGNUP=mode)
    unknown, known = ada.ask(), Visitor(OTHER_PHONE).ask()
    assert (unknown.expires_in, unknown.resend_after) == (known.expires_in, known.resend_after)
    assert [text.to for text in outbox] == [OTHER_PHONE]


def test_registered_number_is_sent_a_code(ada: Visitor, configure: Configure) -> None:
    """In ``register`` mode the row that ``register`` left is the ticket, for thirty days."""
    configure(SIGNUP="register")
    services.register(PHONE, display_name="Ada", client=CLIENT)
    ada.ask()
    assert ada.texts() == 1


def test_registration_ends_after_thirty_days(ada: Visitor, configure: Configure, clock: time_machine.Traveller) -> None:
    """A registration that nobody verified is over to the second."""
    configure(SIGNUP="register")
    services.register(PHONE, display_name="Ada", client=CLIENT)
    clock.shift(30 * DAY - SECOND)
    ada.ask()
    assert ada.texts() == 1
    ada.change_row(resend_at=None)
    clock.shift(1)
    ada.ask()
    assert ada.texts() == 1


def test_statements_are_the_same_for_known_unknown_and_inactive(configure: Configure) -> None:
    """No statement of an ask tells what the number is (C1, C3)."""
    configure(SIGNUP="closed")
    UserFactory(phone="+12025550131")
    UserFactory(phone="+12025550132", is_active=False)
    known, inactive, unknown = (
        without_values(statements_of(Visitor(phones.parse(text)).ask))
        for text in ("+12025550131", "+12025550132", "+12025550133")
    )
    assert len(known) == 3, "\n".join(known)
    assert known == inactive == unknown


@pytest.mark.parametrize("mode", ["login", "register", "closed"])
def test_enumeration_may_be_allowed(mode: str, ada: Visitor, configure: Configure) -> None:
    """With ``PREVENT_ENUMERATION`` off the causes are told as flask-securelogin told them."""
    configure(PREVENT_ENUMERATION=False, SIGNUP=mode)
    UserFactory(phone=OTHER_PHONE, is_active=False)
    with pytest.raises(AccountInactive):
        Visitor(OTHER_PHONE).ask()
    if mode == "login":
        ada.ask()
        return
    with pytest.raises(AccountUnknown):
        ada.ask()
    assert not outbox
    refused(ada, ResendTooSoon)


# Who may not ask


def test_codes_may_not_be_offered_at_all(ada: Visitor, configure: Configure) -> None:
    """Without ``PHONE`` in ``AUTH_TYPES`` there are no codes to ask for and none to try."""
    configure(AUTH_TYPES=("PASSWORD",))
    with pytest.raises(UnsupportedAuthType):
        ada.ask()
    with pytest.raises(UnsupportedAuthType):
        ada.guess("000000")


@pytest.mark.parametrize("text", ["+12025550123", "+18005550123", "+881612345678"])
def test_number_that_policy_refuses_costs_nothing(text: str, configure: Configure) -> None:
    """Region and type are looked at before any limit, row or text (B10)."""
    configure(ALLOWED_REGIONS=("DE",), LIMITS={})
    with pytest.raises(PhoneNotAllowed):
        Visitor(phones.E164(text)).ask()
    assert not OneTimeCode.objects.exists()
    assert not Counter.objects.exists()
    assert not outbox


def test_number_without_room_for_failures_is_told_to_wait(ada: Visitor, configure: Configure) -> None:
    """A number whose failures are spent gets no code it could not use."""
    configure(**NO_PAUSES)
    for _ in range(2):
        ada.ask()
        ada.fail(5)
    refused(ada, TooManyAttempts)
    assert ada.texts() == 2


def test_disabled_number_is_answered_alike_and_sent_nothing(ada: Visitor, configure: Configure) -> None:
    """After too many failures in a row nothing is sent, and nobody is told (B2)."""
    configure(**NO_PAUSES, FAILURES_IN_A_ROW=5)
    ada.ask()
    ada.fail(5)
    assert ada.ask().resend_after == 0
    assert ada.texts() == 1


# Limits and devices


def test_address_is_limited_before_the_row_is(ada: Visitor, configure: Configure) -> None:
    """Asks beyond the address's limit leave the number's budgets alone."""
    configure(LIMITS={"login_ip": "1/hour"})
    ada.ask()
    with pytest.raises(TooManyRequests):
        Visitor(OTHER_PHONE).ask()
    assert OneTimeCode.objects.count() == 1


@pytest.mark.parametrize("limit", ["login_ip", "login_range", "login_site"])
def test_each_limit_on_strangers_stops_alone(limit: str, ada: Visitor, configure: Configure) -> None:
    """Neighbouring numbers that one address asks for share all three."""
    configure(LIMITS={limit: "1/hour"})
    ada.ask()
    with pytest.raises(TooManyRequests) as caught:
        Visitor(OTHER_PHONE).ask()
    assert caught.value.limit == limit


def test_code_of_a_provider_is_as_long_as_ever(ada: Visitor, bob: Visitor, configure: Configure) -> None:
    """While the site is guessed at our codes grow; how long a provider's are is the provider's."""
    configure(LIMITS={"spray_site": "1/day"})
    bob.ask()
    bob.fail()
    assert ada.ask().code_length == 8
    configure(**NO_PAUSES, SMS=sms("VerifyingBackend"))
    ada.change_row(resend_at=None)
    assert ada.ask().code_length == 6


def test_known_device_is_outside_the_limits_on_range_and_site(ada: Visitor, configure: Configure) -> None:
    """What strangers spend of range and site stops strangers only (B13)."""
    ada.log_in_and_remember()
    configure(LIMITS={"login_range": "1/hour", "login_site": "1/hour"})
    Visitor(OTHER_PHONE).ask()
    with pytest.raises(TooManyRequests):
        Visitor(PHONE).ask()
    ada.ask()
    assert ada.guess(ada.code())


def test_stranger_who_asks_all_day_stops_strangers_only(ada: Visitor, configure: Configure) -> None:
    """A known device has its own pauses and its own sends."""
    configure(**NO_PAUSES)
    ada.log_in_and_remember()
    mallory = Visitor(PHONE)
    for _ in range(4):
        mallory.ask()
    refused(mallory, TooManyCodes)
    ada.ask()
    assert ada.guess(ada.code())


def test_code_of_a_device_is_not_the_code_of_strangers(ada: Visitor, configure: Configure) -> None:
    """The asker is inside the code: one asked for with the token is wrong without it."""
    ada.log_in_and_remember()
    ada.ask()
    with pytest.raises(CodeRejected):
        Visitor(PHONE).guess(ada.code())
    assert ada.guess(ada.code())
