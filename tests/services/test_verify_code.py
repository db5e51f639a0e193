"""Guessing a code: counted first, compared after, good for one login."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection

from securelogin import codes, conf, phones, services
from securelogin.exceptions import AccountInactive, CodeRejected, TooManyAttempts
from securelogin.models import OneTimeCode, Session
from securelogin.services import accounts
from securelogin.services.guesses import _Guess
from securelogin.signals import session_opened
from securelogin.tokens import read_device, sign_device
from tests.factories import UserFactory

from .backends import HERE, VerifyingBackend, sms
from .conftest import Announcements, Configure
from .refusals import refused_accounts
from .statements import statements_of, without_values
from .visitors import OTHER_PHONE, PHONE, Visitor, access, name_of, refresh, wrong

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NO_PAUSES = {"RESEND_PAUSES": (timedelta(0),)}
PLENTY = {**NO_PAUSES, "SENDS_PER_HOUR": 1000, "SENDS_PER_DAY": 1000}


def exhaust(visitor: Visitor, failures: int) -> None:
    """Guess wrong so often, with a new code wherever one is used up."""
    for done in range(failures):
        if done % 5 == 0:
            visitor.ask()
        visitor.fail()


def is_refused(visitor: Visitor, code: str) -> bool:
    """Whether a guess is refused."""
    try:
        visitor.guess(code)
    except CodeRejected:
        return True
    return False


# One code


def test_right_code_opens_a_session_with_fresh_tokens(ada: Visitor) -> None:
    """A login answers both tokens of one new session, and says how it was proved (RFC 8176)."""
    login = ada.log_in()
    token = access(login)
    assert token.session_id == refresh(login).session_id == login.session.pk
    assert token.user_id == str(login.user.pk)
    assert (token["fresh"], token["amr"]) == (True, ["otp", "sms"])
    assert Session.objects.live().get() == login.session


def test_code_works_once(ada: Visitor) -> None:
    """The second use of a code is a wrong code, and costs its session nothing (A4)."""
    ada.log_in()
    ada.fail(code=ada.code())
    assert Session.objects.live().count() == 1
    assert ada.row().failures_in_day == 0


@pytest.mark.parametrize(("after", "is_right"), [(299, True), (300, False), (301, False)])
def test_code_lives_five_minutes(after: int, is_right: bool, ada: Visitor, clock: time_machine.Traveller) -> None:
    """A second before its end a code works, from then on it is a wrong one (A3)."""
    ada.ask()
    clock.shift(after)
    assert is_refused(ada, ada.code()) is not is_right


def test_code_has_five_guesses(ada: Visitor) -> None:
    """The right code as the sixth guess is refused, and nothing more is counted (A11)."""
    ada.ask()
    ada.fail(5)
    ada.fail(code=ada.code())
    assert (ada.row().guesses, ada.row().failures_in_day) == (5, 5)


def test_fifth_guess_may_be_right(ada: Visitor) -> None:
    """Four wrong ones leave room for one."""
    ada.ask()
    ada.fail(4)
    assert ada.guess(ada.code())


def test_new_code_replaces_the_old_and_its_guesses(ada: Visitor, configure: Configure) -> None:
    """One code is live: the one before is wrong, and counts (A5)."""
    configure(**NO_PAUSES)
    ada.ask()
    old = ada.code()
    ada.fail(5)
    ada.ask()
    assert ada.code() != old
    ada.fail(code=old)
    assert ada.row().guesses == 1
    assert ada.guess(ada.code())


def test_code_is_for_one_number(ada: Visitor, bob: Visitor) -> None:
    """The code of one number is wrong for another, and counts there (A7)."""
    ada.ask()
    bob.ask()
    bob.fail(code=ada.code() if ada.code() != bob.code() else wrong(bob.code()))
    assert bob.row().failures_in_day == 1
    assert ada.row().failures_in_day == 0


def test_code_for_another_purpose_is_wrong_and_counts(ada: Visitor) -> None:
    """The purpose is inside the HMAC: a code with the live nonce but another purpose is a wrong code (A7)."""
    ada.ask()
    row, other = ada.row(), Enum("Other", {"PURPOSE": "other"}, type=str).PURPOSE  # type: ignore[attr-defined]
    code = row.code(phone=PHONE, asker=codes.ANYONE, purpose=other)
    assert code is not None
    assert code != ada.code()
    ada.fail(code=code)
    assert ada.row().failures_in_day == 1


@pytest.mark.parametrize(
    "text", ["", "12345", "1234567", " 12345", "12345\n", "+12345", "１２３４５６", "٠١٢٣٤٥", "1e5000", "abcdef"]
)
def test_what_is_no_code_is_refused_and_not_counted(text: str, ada: Visitor) -> None:
    """Anything but six ASCII digits is refused before the tables are asked (A10)."""
    ada.ask()
    ada.fail(code=text)
    assert ada.row().failures_in_day == 0
    assert ada.guess(ada.code())


def test_error_is_one_for_every_wrong_code(ada: Visitor) -> None:
    """Its text, which is for developers, tells apart what has not the form of a code, and nothing else."""
    ada.ask()
    rejected = "the code is wrong, used, expired or over its budget"
    for code, words in (("x", "not a code"), (wrong(ada.code()), rejected)):
        with pytest.raises(CodeRejected) as caught:
            ada.guess(code)
        assert str(caught.value) == words


def test_number_that_never_asked_has_no_code(ada: Visitor) -> None:
    """Without a row there is nothing to guess at, and nothing is written (A10)."""
    ada.fail(code="000000")
    assert not OneTimeCode.objects.exists()


def test_row_without_a_code_matches_nothing(ada: Visitor) -> None:
    """The row that ``register`` leaves holds no code."""
    services.register(PHONE, display_name="Ada", client=ada.client)
    for code in ("000000", "123456"):
        ada.fail(code=code)
    assert ada.row().failures_in_day == 0


def test_statements_are_the_same_for_wrong_expired_used_and_never_asked(ada: Visitor, bob: Visitor) -> None:
    """A refused guess tells by no statement why (C2)."""
    ada.log_in()
    used = without_values(statements_of(lambda: ada.fail(code="000000")))
    ada.change_row(expires_at=ada.row().touched_at - HOUR, consumed_at=None)
    expired = without_values(statements_of(lambda: ada.fail(code="000000")))
    never = without_values(statements_of(lambda: bob.fail(code="000000")))
    bob.ask()
    incorrect = without_values(statements_of(bob.fail))
    assert used == expired == never == incorrect


def test_guess_does_not_show_itself(ada: Visitor) -> None:
    """No repr shows a number or a code (H1)."""
    shown = repr(_Guess(PHONE, "an id", "123456", codes.ANYONE, None, "a key", OneTimeCode(), True))
    assert PHONE not in shown
    assert "123456" not in shown


# The id in the call


def test_id_is_derived_before_the_account_and_its_key_after(ada: Visitor) -> None:
    """The first login takes the derived id as its key where it is free; both are accepted ever after."""
    asked = ada.ask()
    login = ada.guess(ada.code(), user_id=str(asked.user_id))
    assert login.user.pk == asked.user_id
    assert login.is_new_user


def test_taken_derived_id_leaves_the_account_a_random_one(ada: Visitor) -> None:
    """A recycled number is a new account, whatever the id in the calls says (D6); with the name that it registered."""
    first = ada.log_in().user
    get_user_model().objects.filter(pk=first.pk).update(phone=None)
    services.register(PHONE, display_name="Bob", client=ada.client)
    ada.change_row(resend_at=None)
    asked = ada.ask()
    assert asked.user_id == first.pk
    login = ada.guess(ada.code(), user_id=str(asked.user_id))
    assert login.user.pk != first.pk
    assert name_of(login.user) == "Bob"
    assert access(login).user_id == str(login.user.pk)
    ada.change_row(resend_at=None)
    ada.ask()
    assert ada.guess(ada.code(), user_id=str(login.user.pk)).user == login.user


def test_derived_id_that_is_taken_in_the_last_moment_leaves_the_account_a_random_one(ada: Visitor) -> None:
    """Another account takes it between the look and the insert: the login is made again without it (D6)."""
    asked, taken = ada.ask(), list[UUID]()

    def interfere(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.startswith("INSERT") and get_user_model()._meta.db_table in sql and not taken:
            taken.append(asked.user_id)
            UserFactory(phone=OTHER_PHONE, id=asked.user_id)
        return execute(sql, *arguments)

    with connection.execute_wrapper(interfere):
        login = ada.guess(ada.code())
    assert taken
    assert (login.is_new_user, login.user.pk != asked.user_id) == (True, True)


def test_taken_id_and_refused_name_leave_the_account_neither(ada: Visitor) -> None:
    """A host may want names to be unique: the last try asks for nothing that somebody else may have."""
    former = UserFactory(pk=phones.user_ids(PHONE)[0])
    services.register(PHONE, display_name="Ada", client=ada.client)
    ada.ask()
    with refused_accounts(name="Ada") as refused:
        login = ada.guess(ada.code())
    assert len(refused) == 2
    assert (login.is_new_user, login.user != former) == (True, True)
    assert name_of(login.user) not in {"", "Ada"}
    assert get_user_model().objects.get(phone=PHONE) == login.user


def test_refused_name_costs_no_id(ada: Visitor) -> None:
    """The account gets the id that stood for the number wherever it is free."""
    services.register(PHONE, display_name="Ada", client=ada.client)
    asked = ada.ask()
    with refused_accounts(name="Ada"):
        assert ada.guess(ada.code()).user.pk == asked.user_id


def test_account_that_the_database_refuses_every_time_is_an_error(ada: Visitor) -> None:
    """Of the host's, and no wrong code: it is not told as one."""
    ada.ask()
    with refused_accounts() as refused, pytest.raises(IntegrityError, match="these fields only"):
        ada.guess(ada.code())
    assert len(refused) == 4
    assert ada.guess(ada.code())


@pytest.mark.parametrize("spell", [str.upper, lambda text: text.replace("-", ""), lambda text: f" {text} "])
def test_id_may_be_spelled_as_any_uuid(spell: Any, ada: Visitor) -> None:
    """A UUID is a UUID."""
    asked = ada.ask()
    assert ada.guess(ada.code(), user_id=spell(str(asked.user_id)))


@pytest.mark.parametrize("user_id", ["6f1c1d62-1f0e-4b5c-9c39-8b1d0a4a7c11", "0", "nobody", ""])
def test_another_id_is_a_wrong_code_and_counts(user_id: str, ada: Visitor) -> None:
    """The right code with somebody else's id is refused, and the code stays good."""
    ada.ask()
    with pytest.raises(CodeRejected):
        services.verify_code(PHONE, user_id=user_id, code=ada.code(), client=ada.client)
    assert ada.row().failures_in_day == 1
    assert ada.guess(ada.code())


def test_id_of_another_account_is_a_wrong_code(ada: Visitor) -> None:
    """An account's key opens its own number only."""
    other = UserFactory()
    ada.ask()
    with pytest.raises(CodeRejected):
        ada.guess(ada.code(), user_id=str(other.pk))


# Accounts


def test_first_login_takes_the_name_that_was_left(ada: Visitor, configure: Configure) -> None:
    """The name that ``register`` left is the new account's; a later one changes nothing."""
    configure(**NO_PAUSES)
    services.register(PHONE, display_name="Ada", client=ada.client)
    assert name_of(ada.log_in().user) == "Ada"
    services.register(PHONE, display_name="Mallory", client=ada.client)
    assert name_of(ada.log_in().user) == "Ada"
    assert ada.row().display_name == ""


def test_name_that_is_over_is_not_taken(ada: Visitor, clock: time_machine.Traveller) -> None:
    """A name is kept for a day."""
    services.register(PHONE, display_name="Ada", client=ada.client)
    clock.shift(DAY)
    assert getattr(ada.log_in().user, "username", "") == ""


def test_second_login_is_the_same_account(ada: Visitor, configure: Configure) -> None:
    """A number is one account, in any number of sessions."""
    configure(**NO_PAUSES)
    first, second = ada.log_in(), ada.log_in()
    assert first.user == second.user
    assert (first.is_new_user, second.is_new_user) == (True, False)
    assert Session.objects.live().count() == 2


def test_new_account_has_an_unusable_password(ada: Visitor) -> None:
    """Never a blank one (I6)."""
    user = ada.log_in().user
    assert user.password.startswith("!")
    assert not user.check_password("")


def test_inactive_account_is_refused_with_the_right_code(ada: Visitor) -> None:
    """An account that was closed after the text went out gets the face of a wrong code and no session (C2)."""
    user = UserFactory(phone=PHONE)
    ada.ask()
    get_user_model().objects.filter(pk=user.pk).update(is_active=False)
    ada.fail(code=ada.code())
    assert not Session.objects.exists()


def test_inactive_account_is_told_where_enumeration_is_allowed(ada: Visitor, configure: Configure) -> None:
    """Only with the right code, and only with ``PREVENT_ENUMERATION`` off."""
    configure(PREVENT_ENUMERATION=False)
    user = UserFactory(phone=PHONE)
    ada.ask()
    get_user_model().objects.filter(pk=user.pk).update(is_active=False)
    ada.fail()
    with pytest.raises(AccountInactive) as caught:
        ada.guess(ada.code())
    assert str(caught.value) == "the account is inactive"
    assert not Session.objects.exists()


@pytest.mark.parametrize("mode", ["register", "closed"])
def test_lucky_guess_at_an_unknown_number_makes_no_account(mode: str, ada: Visitor, configure: Configure) -> None:
    """Where a login makes no account even the right code is refused."""
    configure(SIGNUP=mode)
    ada.ask()
    row = ada.row()
    code = row.code(phone=PHONE, asker=codes.ANYONE, purpose=codes.Purpose.LOGIN)
    assert code is not None
    ada.fail(code=code)
    assert not get_user_model().objects.exists()


def test_registered_number_becomes_an_account(ada: Visitor, configure: Configure) -> None:
    """In ``register`` mode the first verified login of a registered number makes the account."""
    configure(SIGNUP="register")
    services.register(PHONE, display_name="Ada", client=ada.client)
    assert name_of(ada.log_in().user) == "Ada"


def test_number_that_moved_meanwhile_opens_nothing(ada: Visitor) -> None:
    """A code asked for by the old owner is of no use once the number is somebody else's account."""
    old = UserFactory(phone=PHONE)
    ada.ask()
    get_user_model().objects.filter(pk=old.pk).update(phone=None)
    UserFactory(phone=PHONE)
    with pytest.raises(CodeRejected):
        ada.guess(ada.code(), user_id=str(old.pk))


# Budgets


def test_ten_failures_a_day(ada: Visitor, configure: Configure, clock: time_machine.Traveller) -> None:
    """The eleventh guess of a day is refused though it is right; the day ends with the second it began in (B1)."""
    configure(**PLENTY)
    exhaust(ada, 10)
    clock.shift(DAY - HOUR)
    ada.change_row(expires_at=ada.row().touched_at + 2 * DAY, guesses=0)
    clock.shift(HOUR - SECOND)
    ada.fail(code=ada.code())
    assert ada.row().failures_in_day == 10
    clock.shift(1)
    assert ada.guess(ada.code())


def test_failure_after_the_day_begins_a_new_one(
    ada: Visitor, configure: Configure, clock: time_machine.Traveller
) -> None:
    """The next failure after the window counts from one again; the month goes on."""
    configure(**PLENTY)
    exhaust(ada, 10)
    clock.shift(DAY)
    ada.ask()
    ada.fail()
    row = ada.row()
    assert (row.failures_in_day, row.failures_in_month) == (1, 11)
    assert row.day_began_at == row.touched_at


def test_fifty_failures_a_month(ada: Visitor, configure: Configure, clock: time_machine.Traveller) -> None:
    """After fifty failures in thirty days a day's room is no room; the month ends with the second it began in."""
    configure(**PLENTY)
    for _ in range(5):
        exhaust(ada, 10)
        clock.shift(DAY)
    with pytest.raises(TooManyAttempts) as caught:
        ada.ask()
    assert caught.value.retry_after == 25 * 86400
    clock.shift(25 * DAY - SECOND)
    ada.change_row(expires_at=ada.row().touched_at + 31 * DAY, guesses=0)
    ada.fail(code=ada.code())
    assert ada.row().failures_in_month == 50
    clock.shift(1)
    assert ada.guess(ada.code())


def test_new_codes_and_successes_reset_no_window(ada: Visitor, configure: Configure) -> None:
    """Logging in between, or asking again, buys no more guesses (A6, B12)."""
    configure(**PLENTY)
    for _ in range(3):
        ada.ask()
        ada.fail(3)
        ada.guess(ada.code())
    assert (ada.row().failures_in_day, ada.row().failures_in_month) == (9, 9)
    ada.ask()
    ada.fail()
    ada.fail(code=ada.code())
    assert ada.row().failures_in_day == 10


def test_success_costs_nothing(ada: Visitor, configure: Configure) -> None:
    """The failure that was counted before the comparison is given back."""
    configure(**PLENTY)
    for _ in range(20):
        ada.log_in()
    row = ada.row()
    assert (row.failures_in_day, row.failures_in_month, row.failures_in_a_row) == (0, 0, 0)


def test_hundred_failures_in_a_row_disable_codes(
    ada: Visitor, configure: Configure, clock: time_machine.Traveller, announced: Announcements
) -> None:
    """Ten a day for ten days: then the right code is refused and nothing is sent, until staff says so (B2)."""
    configure(**PLENTY, FAILURES_PER_MONTH=1000)
    for _ in range(10):
        exhaust(ada, 10)
        clock.shift(DAY)
    assert ada.row().disabled_at is not None
    assert len(announced.named("codes_disabled")) == 1
    sent = ada.texts()
    ada.ask()
    assert ada.texts() == sent
    clock.shift(DAY)
    ada.fail(code=ada.code())
    assert services.allow_codes(PHONE) is True
    assert services.allow_codes(PHONE) is False
    assert ada.log_in()


def test_success_at_ninety_nine_ends_the_row_of_failures(ada: Visitor, configure: Configure) -> None:
    """A right guess after 99 wrong ones is taken, and counting begins anew; the windows go on."""
    configure(**PLENTY, FAILURES_PER_DAY=1000, FAILURES_PER_MONTH=1000)
    exhaust(ada, 99)
    assert ada.guess(ada.code())
    row = ada.row()
    assert (row.failures_in_a_row, row.disabled_at, row.failures_in_day) == (0, None, 99)


def test_disabling_is_announced_once(ada: Visitor, configure: Configure, announced: Announcements) -> None:
    """The guess that is one too many is told; what comes after is not."""
    configure(**PLENTY, FAILURES_IN_A_ROW=3)
    ada.ask()
    ada.fail(5)
    assert announced.names().count("codes_disabled") == 1
    assert announced.names().count("code_rejected") == 5


def test_right_code_of_a_closed_account_disables_nothing(
    ada: Visitor, configure: Configure, announced: Announcements
) -> None:
    """A right code is no failure, whatever becomes of it: it is not announced as the last of too many."""
    configure(**PLENTY, FAILURES_IN_A_ROW=3)
    user = UserFactory(phone=PHONE)
    ada.ask()
    ada.fail(2)
    get_user_model().objects.filter(pk=user.pk).update(is_active=False)
    ada.fail(code=ada.code())
    assert ada.row().disabled_at is None
    assert "codes_disabled" not in announced.names()


def test_address_is_limited(ada: Visitor, configure: Configure) -> None:
    """Guesses from one address end with ``verify_ip``, before any is counted at the number."""
    configure(LIMITS={"verify_ip": "2/hour"})
    ada.ask()
    ada.fail(2)
    with pytest.raises(TooManyAttempts):
        ada.guess(ada.code())
    assert ada.row().failures_in_day == 2


# What the row can do, without the verbs around it


def test_failure_that_is_given_back_disables_nothing(ada: Visitor, configure: Configure) -> None:
    """A right code at the last room that loses its race leaves the row as it was, not disabled."""
    ada.ask()
    row, options = ada.row(), conf.current()
    ada.change_row(failures_in_a_row=options.FAILURES_IN_A_ROW - 1)
    assert OneTimeCode.objects.count_failure(row.key, nonce=row.nonce, at=row.touched_at, conf=options)
    OneTimeCode.objects.forgive(row.key, is_success=False)
    assert (ada.row().failures_in_a_row, ada.row().disabled_at) == (options.FAILURES_IN_A_ROW - 1, None)


def test_code_is_consumed_once(ada: Visitor) -> None:
    """Of two that compared equal one uses the code up."""
    ada.ask()
    row = ada.row()
    at = row.touched_at
    assert OneTimeCode.objects.consume(row.key, nonce=row.nonce, at=at) is True
    assert OneTimeCode.objects.consume(row.key, nonce=row.nonce, at=at) is False


def test_code_that_was_replaced_is_not_consumed(ada: Visitor, configure: Configure) -> None:
    """A guess that was compared with an old code does not use up the new one."""
    configure(**NO_PAUSES)
    ada.ask()
    old = ada.row()
    ada.ask()
    assert OneTimeCode.objects.consume(old.key, nonce=old.nonce, at=old.touched_at) is False
    assert ada.guess(ada.code())


# Devices


def test_device_token_is_answered_and_stays_the_same_device(ada: Visitor, configure: Configure) -> None:
    """Every login answers a token; with one in the call it is the same device's."""
    configure(**NO_PAUSES)
    first = ada.log_in_and_remember()
    second = ada.log_in_and_remember()
    devices = [read_device(PHONE, login.device_token) for login in (first, second)]
    assert devices[0] == devices[1]
    assert devices[0] is not None
    assert devices[0].user_id == accounts.birth_name(first.user)


def test_stranger_who_guesses_all_day_locks_out_strangers_only(ada: Visitor, configure: Configure) -> None:
    """With their budgets spent, and even disabled, a known device logs in (B13)."""
    configure(**PLENTY, FAILURES_IN_A_ROW=10)
    ada.log_in_and_remember()
    mallory = Visitor(PHONE)
    exhaust(mallory, 10)
    assert mallory.row().disabled_at is not None
    assert ada.log_in()
    mallory.fail(code=mallory.code())


def test_guesses_of_a_device_are_counted_too(ada: Visitor, configure: Configure) -> None:
    """A device's own row has the same budgets."""
    configure(**PLENTY)
    ada.log_in_and_remember()
    exhaust(ada, 10)
    with pytest.raises(TooManyAttempts):
        ada.ask()


def forged(kind: str, user_pk: UUID) -> str:
    """Return a device token that is worth nothing."""
    good = sign_device(PHONE, str(user_pk))
    return {
        "garbage": "garbage",
        "cut": good[:-1],
        "other account": sign_device(PHONE, str(uuid4())),
        "other number": sign_device(OTHER_PHONE, str(user_pk)),
        "too long": good + "A" * 512,
        "not ASCII": "é:ü:ñ",
    }[kind]


@pytest.mark.parametrize("kind", ["garbage", "cut", "other account", "other number", "too long", "not ASCII"])
def test_device_token_that_is_not_ones_own_is_worthless(kind: str, ada: Visitor, configure: Configure) -> None:
    """Whoever brings one spends the strangers' budgets (B13)."""
    configure(**PLENTY)
    user = ada.log_in().user
    mallory = Visitor(PHONE, device_token=forged(kind, user.pk))
    mallory.ask()
    mallory.fail(3)
    assert ada.row().failures_in_day == 3
    assert OneTimeCode.objects.count() == 1


def test_device_token_is_over_after_the_life_of_a_session(
    ada: Visitor, configure: Configure, clock: time_machine.Traveller
) -> None:
    """A token that was not used for a year is a stranger's."""
    configure(**NO_PAUSES)
    ada.log_in_and_remember()
    clock.shift(365 * DAY + SECOND)
    ada.ask()
    assert OneTimeCode.objects.count() == 1


def test_device_token_dies_when_the_number_changes_hands(ada: Visitor, configure: Configure) -> None:
    """The old owner's device spends the strangers' budgets of the new owner's number (D6)."""
    configure(**PLENTY)
    old = ada.log_in_and_remember().user
    get_user_model().objects.filter(pk=old.pk).update(phone=None)
    new = Visitor(PHONE).log_in().user
    assert new != old
    ada.ask()
    ada.fail(2)
    assert Visitor(PHONE).row().failures_in_day == 2
    assert OneTimeCode.objects.count() == 1


# A provider that owns the code


@pytest.fixture
def provider(configure: Configure) -> type[VerifyingBackend]:
    """Leave codes to a provider."""
    VerifyingBackend.forget()
    configure(SMS=sms("VerifyingBackend"), **PLENTY)
    return VerifyingBackend


def test_provider_approves(ada: Visitor, provider: type[VerifyingBackend]) -> None:
    """What the provider approves opens the session; our own code does not exist (A15)."""
    ada.ask()
    assert ada.row().provider_id == "VE0"
    assert ada.guess(provider.RIGHT)
    assert provider.checked == [("VE0", provider.RIGHT)]


def test_provider_is_asked_after_the_count(ada: Visitor, provider: type[VerifyingBackend]) -> None:
    """Each check costs a guess of ours, and none goes out once they are spent (A15)."""
    ada.ask()
    ada.fail(6, code="000000")
    assert len(provider.checked) == 5
    assert ada.row().failures_in_day == 5


def test_our_own_number_is_wrong_where_the_provider_owns_the_code(
    ada: Visitor, provider: type[VerifyingBackend]
) -> None:
    """The nonce of the row opens nothing there."""
    ada.ask()
    own = ada.row().code(phone=PHONE, asker=codes.ANYONE, purpose=codes.Purpose.LOGIN)
    assert own is not None
    ada.fail(code=own)


def test_provider_is_not_asked_about_another_account(ada: Visitor, provider: type[VerifyingBackend]) -> None:
    """With a wrong id the code is wrong already."""
    ada.ask()
    with pytest.raises(CodeRejected):
        ada.guess(provider.RIGHT, user_id=str(uuid4()))
    assert provider.checked == []


def test_approved_code_works_once(ada: Visitor, provider: type[VerifyingBackend]) -> None:
    """A provider that approves twice does not open twice."""
    ada.ask()
    ada.guess(provider.RIGHT)
    ada.fail(code=provider.RIGHT)
    assert Session.objects.count() == 1


def test_right_code_that_loses_its_race_costs_nothing(ada: Visitor, provider: type[VerifyingBackend]) -> None:
    """Of two calls with the right code one opens a session; the other is refused, and its failure given back (A4)."""
    ada.ask()
    first: list[services.Login] = []
    provider.meanwhile = staticmethod(lambda: first.append(ada.guess(provider.RIGHT)))
    ada.fail(code=provider.RIGHT)
    row = ada.row()
    assert (row.failures_in_day, row.failures_in_month, row.failures_in_a_row) == (0, 0, 0)
    assert Session.objects.get() == first[0].session


def test_right_code_that_was_replaced_meanwhile_is_refused(ada: Visitor, provider: type[VerifyingBackend]) -> None:
    """What was compared is what is used up: a newer code stays good, and one failure, its own, is given back (A5)."""
    ada.ask()
    ada.fail(2, code="000000")
    provider.meanwhile = staticmethod(ada.ask)
    with pytest.raises(CodeRejected):
        ada.guess(provider.RIGHT)
    row = ada.row()
    assert (row.failures_in_day, row.failures_in_a_row, row.consumed_at) == (2, 2, None)
    assert ada.guess(provider.RIGHT)


def test_unknown_number_is_neither_started_nor_checked(
    ada: Visitor, provider: type[VerifyingBackend], configure: Configure
) -> None:
    """A number that is sent nothing costs nothing at the provider either, and no guess is right."""
    configure(SIGNUP="closed")
    ada.ask()
    ada.fail(code=provider.RIGHT)
    assert (provider.started, provider.checked) == ([], [])


def test_provider_that_left_the_settings_approves_nothing(
    ada: Visitor, provider: type[VerifyingBackend], configure: Configure
) -> None:
    """An alias that is gone, or owns no codes any more, makes the code a wrong one."""
    configure(SMS={"default": {"BACKEND": "securelogin.sms.locmem.SMSBackend"}, **_named(provider)})
    configure(SMS_ROUTER=f"{HERE}.to_verify")
    ada.ask()
    configure(SMS={"default": {"BACKEND": "securelogin.sms.locmem.SMSBackend"}}, SMS_ROUTER=None)
    ada.fail(code=provider.RIGHT)
    assert ada.row().failures_in_day == 1


def _named(provider: type[VerifyingBackend]) -> dict[str, Any]:
    return {"verify": {"BACKEND": f"{HERE}.{provider.__name__}"}}


# A new SECRET_KEY


def test_code_survives_a_new_secret_key(ada: Visitor, settings: Any) -> None:
    """A code on its way works while its key is a fallback, and its row keeps its counts."""
    ada.ask()
    ada.fail(2)
    code, old_id = ada.code(), str(phones.user_ids(PHONE)[0])
    _rotate(settings)
    assert ada.guess(code, user_id=old_id)
    assert (ada.row().failures_in_day, OneTimeCode.objects.count()) == (2, 1)


def test_new_secret_key_gives_no_fresh_budget(ada: Visitor, settings: Any, configure: Configure) -> None:
    """Failures and sends are kept under the new name of the row."""
    configure(**PLENTY)
    exhaust(ada, 10)
    _rotate(settings)
    with pytest.raises(TooManyAttempts):
        ada.ask()


def test_device_survives_a_new_secret_key(ada: Visitor, settings: Any, configure: Configure) -> None:
    """A device token signed with a fallback is read, and its row is found."""
    configure(**PLENTY)
    ada.log_in_and_remember()
    ada.ask()
    ada.fail(3)
    _rotate(settings)
    ada.ask()
    assert ada.row().failures_in_day == 3
    assert ada.guess(ada.code())


def test_disabled_number_stays_disabled_under_a_new_secret_key(
    ada: Visitor, settings: Any, configure: Configure
) -> None:
    """And staff finds it there, whatever name it has."""
    configure(**PLENTY, FAILURES_IN_A_ROW=5)
    ada.ask()
    ada.fail(5)
    _rotate(settings)
    assert services.allow_codes(PHONE) is True
    assert ada.log_in()


def test_row_of_the_new_key_stays_where_there_are_two(ada: Visitor, settings: Any, configure: Configure) -> None:
    """While old and new workers serve side by side a number may have a row under either key: the new one counts."""
    configure(**PLENTY)
    old_key = settings.SECRET_KEY
    ada.ask()
    _rotate(settings)
    ada.ask()
    ada.fail(2)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = old_key, []
    ada.ask()
    _rotate(settings)
    assert (ada.row().failures_in_day, OneTimeCode.objects.count()) == (2, 2)
    ada.ask()
    assert ada.guess(ada.code())


def test_code_is_worthless_when_its_key_left_the_ring(ada: Visitor, settings: Any) -> None:
    """Without the fallback there is no row, no code and no way in by the old text."""
    ada.ask()
    code = ada.code()
    settings.SECRET_KEY = "another key that is long enough for every check there may ever be"
    ada.fail(code=code)


def _rotate(settings: Any) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key that is long enough for every check there may ever be"


# Announcements


def test_login_is_announced_to_the_world(ada: Visitor, announced: Announcements) -> None:
    """A first login tells of the account, the login and the session, each once."""
    login = ada.log_in()
    assert announced.names() == ["code_sent", "user_registered", "user_logged_in", "session_opened"]
    assert announced.named("session_opened")[0]["session"] == login.session
    login.user.refresh_from_db()
    assert login.user.last_login is not None


def test_rejection_is_announced_without_the_number(ada: Visitor, announced: Announcements) -> None:
    """Django hears of it with a masked number, ours with a digest."""
    ada.ask()
    announced.clear()
    ada.fail()
    assert announced.names() == ["code_rejected", "user_login_failed"]
    assert PHONE not in repr(announced)


def test_receiver_that_raises_changes_nothing(ada: Visitor) -> None:
    """A login is a login, whatever a host's receiver makes of it."""

    def broken(**_arguments: object) -> None:
        raise LookupError("a bug of the host's")

    session_opened.connect(broken)
    try:
        assert ada.log_in()
    finally:
        session_opened.disconnect(broken)
