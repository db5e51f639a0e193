"""Accounts: registering tells nothing, staff lets people in again."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction
from django.db.models import NOT_PROVIDED
from django.utils import timezone

from securelogin import codes, phones, services
from securelogin.exceptions import (
    EmailTaken,
    PasswordRejected,
    PasswordTooWeak,
    PhoneNotAllowed,
    PhoneTaken,
    SignupClosed,
    TooManyRequests,
    UnsupportedAuthType,
)
from securelogin.models import OneTimeCode, Session
from securelogin.services import accounts, tables
from tests.factories import UserFactory
from tests.routers import REPLICA

from .beside import beside
from .conftest import Announcements, Configure
from .refusals import refused_accounts
from .statements import statements_of, without_values
from .visitors import CLIENT, OTHER_PHONE, PHONE, Visitor, access, name_of

pytestmark = pytest.mark.django_db

PASSWORD = "a long way to Tipperary"
DAY = timedelta(days=1)


def register(phone: phones.E164 = PHONE, name: str = "Ada") -> object:
    """Register a number."""
    return services.register(phone, display_name=name, client=CLIENT)


def sign_up(email: str = "ada@example.com", password: str = PASSWORD) -> services.Login:
    """Register with a password."""
    return services.register_with_password(username="Ada", email=email, password=password, client=CLIENT)


# By number


def test_registering_leaves_a_name_and_makes_no_account() -> None:
    """The name is in the strangers' row of the number; the answer is the id that stands for the number."""
    assert register() == phones.user_ids(PHONE)[0]
    row = OneTimeCode.objects.get(key=codes.row_key(PHONE, codes.ANYONE))
    assert row.display_name == "Ada"
    assert row.name_expires_at == row.touched_at + DAY
    assert not get_user_model().objects.exists()


def test_registration_without_a_name_leaves_none() -> None:
    """A name is optional."""
    services.register(PHONE, client=CLIENT)
    assert OneTimeCode.objects.get().display_name == ""


def test_name_is_kept_for_thirty_days_where_it_is_the_ticket(configure: Configure) -> None:
    """In ``register`` mode."""
    configure(SIGNUP="register")
    register()
    row = OneTimeCode.objects.get()
    assert row.name_expires_at == row.touched_at + 30 * DAY


def test_registering_again_leaves_the_later_name_and_every_count(ada: Visitor) -> None:
    """What the row counts is not the name's."""
    register()
    ada.ask()
    ada.fail(3)
    before = ada.row()
    register(name="Countess")
    row = ada.row()
    assert row.display_name == "Countess"
    assert (row.nonce, row.guesses, row.sends_in_hour, row.failures_in_day) == (before.nonce, 3, 1, 3)
    assert name_of(ada.guess(ada.code()).user) == "Countess"


def test_registering_under_a_new_secret_key_keeps_every_count(ada: Visitor, settings: Any) -> None:
    """Who registers a number first after a rotation gives nobody its failures and sends back."""
    ada.ask()
    ada.fail(3)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key that is long enough for every check there may ever be"
    register()
    row = OneTimeCode.objects.get()
    assert (row.key, row.display_name) == (codes.row_key(PHONE, codes.ANYONE), "Ada")
    assert (row.failures_in_day, row.sends_in_day) == (3, 1)
    assert ada.guess(ada.code())


@pytest.mark.parametrize("mode", ["login", "register"])
def test_registering_is_the_same_for_every_number(mode: str, configure: Configure) -> None:
    """Statements and answer tell neither account nor earlier registration, and no user is read (C1)."""
    configure(SIGNUP=mode)
    UserFactory(phone=OTHER_PHONE)
    unknown = without_values(statements_of(register))
    again = without_values(statements_of(register))
    known = without_values(statements_of(lambda: register(OTHER_PHONE)))
    assert unknown == again == known
    assert not any("securelogin_user" in each for each in known)
    assert len(known) == 1, "\n".join(known)


def test_closed_site_says_so_to_every_number(configure: Configure) -> None:
    """Before anything is looked at or written."""
    configure(SIGNUP="closed")
    UserFactory(phone=OTHER_PHONE)
    for phone in (PHONE, OTHER_PHONE):
        with pytest.raises(SignupClosed):
            register(phone)
    assert not OneTimeCode.objects.exists()


def test_number_that_is_not_served_leaves_nothing(configure: Configure) -> None:
    """As for an ask."""
    configure(ALLOWED_REGIONS=("DE",))
    with pytest.raises(PhoneNotAllowed):
        register()
    assert not OneTimeCode.objects.exists()


def test_known_number_is_told_where_enumeration_is_allowed(configure: Configure) -> None:
    """And only there."""
    UserFactory(phone=PHONE)
    register()
    configure(PREVENT_ENUMERATION=False)
    with pytest.raises(PhoneTaken):
        register()
    register(OTHER_PHONE)


@pytest.mark.parametrize("limit", ["register_ip", "register_site"])
def test_registrations_are_limited(limit: str, configure: Configure) -> None:
    """By address and for the site."""
    configure(LIMITS={limit: "1/hour"})
    register()
    with pytest.raises(TooManyRequests):
        register(OTHER_PHONE)
    assert OneTimeCode.objects.count() == 1


# By password


def test_registering_with_a_password_logs_in(configure: Configure, announced: Announcements) -> None:
    """An account without a number, and its first session."""
    configure(AUTH_TYPES=("PHONE", "PASSWORD"))
    login = sign_up("Ada@Example.COM")
    user = get_user_model().objects.get()
    assert (user.phone, user.email, name_of(user)) == (None, "ada@example.com", "Ada")
    assert user.check_password(PASSWORD)
    assert services.authenticate(access(login)) == user
    assert access(login)["amr"] == ["pwd"]
    assert announced.names() == ["user_registered", "user_logged_in", "session_opened"]


@pytest.mark.parametrize("email", ["ada@example.com", "ADA@example.com"])
def test_taken_address_is_refused(email: str, configure: Configure, announced: Announcements) -> None:
    """In any letters; nothing is opened and nothing is told."""
    configure(AUTH_TYPES=("PHONE", "PASSWORD"))
    UserFactory(email="ada@example.com")
    with pytest.raises(EmailTaken):
        sign_up(email)
    assert not Session.objects.exists()
    assert announced.names() == []


def test_name_that_the_database_refuses_makes_way(configure: Configure) -> None:
    """A host may want names to be unique: the account is made with one that nobody has, and logged in."""
    configure(AUTH_TYPES=("PASSWORD",))
    with refused_accounts(name="Ada") as refused:
        login = sign_up()
    assert len(refused) == 1
    user = get_user_model().objects.get()
    assert (user, user.email) == (login.user, "ada@example.com")
    assert name_of(user) not in {"", "Ada"}
    assert Session.objects.get() == login.session


def test_account_that_the_database_refuses_with_another_name_too_is_an_error(configure: Configure) -> None:
    """Of the host's: it is tried twice, and the address is not called taken."""
    configure(AUTH_TYPES=("PASSWORD",))
    with refused_accounts() as refused, pytest.raises(IntegrityError, match="these fields only"):
        sign_up()
    assert len(refused) == 2


def test_weak_password_makes_no_account(configure: Configure) -> None:
    """Django's validators decide, and the answer names the field."""
    configure(AUTH_TYPES=("PASSWORD",))
    with pytest.raises(PasswordTooWeak) as caught:
        sign_up(password="ada@example.com")
    assert caught.value.field == "password"
    assert caught.value.messages
    assert not get_user_model().objects.exists()


def test_passwords_are_opt_in() -> None:
    """Without ``PASSWORD`` in ``AUTH_TYPES`` there are none."""
    with pytest.raises(UnsupportedAuthType):
        sign_up()


def test_closed_site_takes_no_password_either(configure: Configure) -> None:
    """Staff makes accounts."""
    configure(AUTH_TYPES=("PASSWORD",), SIGNUP="closed")
    with pytest.raises(SignupClosed):
        sign_up()


@pytest.mark.django_db(transaction=True)
def test_of_two_registrations_of_one_address_at_once_one_is_refused(configure: Configure) -> None:
    """The slower one waits for the quicker one's commit, and is told that the address is taken."""
    configure(AUTH_TYPES=("PASSWORD",))
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            UserFactory(email="ada@example.com")
            login = beside(pool, sign_up)
            time.sleep(0.3)
        with pytest.raises(EmailTaken):
            login.result()
    assert get_user_model().objects.count() == 1


@pytest.mark.parametrize("default", [uuid4, NOT_PROVIDED])
def test_new_account_overwrites_none(default: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes second to a key is refused: an insert is no update, where the model makes no keys either."""
    user = UserFactory()
    monkeypatch.setattr(get_user_model()._meta.pk, "default", default)
    with pytest.raises(IntegrityError), transaction.atomic():
        accounts.insert(get_user_model()(pk=user.pk, phone=PHONE), timezone.now())
    user.refresh_from_db()
    assert user.phone != PHONE


def test_field_that_the_user_model_lacks_is_none_of_its_fields() -> None:
    """A model of a project's need not have all of ours."""
    assert [tables.has_field(name) for name in ("email", "username", "nickname")] == [True, True, False]


def test_account_that_does_not_know_its_age_is_called_by_its_key() -> None:
    """A user model need not have ``date_joined``."""
    bare: Any = SimpleNamespace(pk=7)
    assert accounts.birth_name(bare) == "7"


# A number that changes hands between the look and the lock


@pytest.fixture
def known() -> Any:
    """Who had the number at the look."""
    return UserFactory(phone=PHONE)


def test_inactive_account_is_found_whose_the_number_still_is(known: Any) -> None:
    """It is told apart from a number that moved."""
    get_user_model().objects.update(is_active=False)
    found = accounts.lock_known(known, PHONE, timezone.now())
    assert found is not None
    assert (found, found.is_active) == (known, False)


@pytest.mark.parametrize("is_active", [True, False])
def test_account_that_gave_its_number_up_is_not_found(is_active: bool, known: Any) -> None:
    """Active or not; nor is whoever has the number now."""
    get_user_model().objects.update(phone=None, is_active=is_active)
    UserFactory(phone=PHONE, is_active=False)
    assert accounts.lock_known(known, PHONE, timezone.now()) is None


def test_account_that_is_activated_behind_the_lock_is_not_found(known: Any) -> None:
    """Its row is not locked: nobody is let in on it."""
    users = get_user_model().objects.filter(pk=known.pk)
    users.update(is_active=False)

    def activate(execute: Any, sql: str, *arguments: Any) -> Any:
        result = execute(sql, *arguments)
        if sql.startswith("UPDATE") and not done:
            done.append(True)
            users.update(is_active=True)
        return result

    done: list[bool] = []
    with connection.execute_wrapper(activate):
        assert accounts.lock_known(known, PHONE, timezone.now()) is None


def test_account_is_looked_up_where_it_is_written(known: Any, settings: Any) -> None:
    """A replica may not know yet who gave a number up (D5)."""
    get_user_model().objects.update(is_active=False)
    settings.DATABASE_ROUTERS = [REPLICA]
    assert accounts.lock_known(known, PHONE, timezone.now()) == known


def test_number_whose_id_somebody_else_has_gets_another_and_keeps_its_name(ada: Visitor) -> None:
    """Where a number moved and its owner's key stayed: nobody's name is lost for that."""
    UserFactory(pk=phones.user_ids(PHONE)[0])
    register()
    user = ada.log_in().user
    assert user.pk != phones.user_ids(PHONE)[0]
    assert name_of(user) == "Ada"


@pytest.mark.parametrize(("has_id", "has_name"), [(True, True), (False, True), (True, False), (False, False)])
def test_new_try_takes_less_that_may_be_anothers(has_id: bool, has_name: bool) -> None:
    """Either may be somebody else's: the id, and the name where a project wants names to be unique."""
    user = accounts.make(PHONE, "Ada", timezone.now(), has_id=has_id, has_name=has_name)
    assert (user.pk == phones.user_ids(PHONE)[0]) == has_id
    assert (name_of(user) == "Ada") == has_name
    assert name_of(user)


def test_refused_name_makes_way_for_one_that_nobody_has() -> None:
    """Where names are unique two accounts cannot both be without one."""
    users = [accounts.make(phone, "Ada", timezone.now(), has_id=True, has_name=False) for phone in (PHONE, OTHER_PHONE)]
    names = {name_of(user) for user in users}
    assert len(names) == 2
    assert not names & {"", "Ada"}


def test_number_that_is_kept_as_the_username_is_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user model may have its numbers there; no display name takes their place."""
    monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", "username")
    user: Any = accounts.make(PHONE, "Ada", timezone.now(), has_id=True, has_name=True)
    assert (user.username, user.phone) == (PHONE, None)


# Staff


def test_staff_allows_codes_again(ada: Visitor, configure: Configure) -> None:
    """The lock goes and the row of failures with it; the windows stay (B2)."""
    configure(FAILURES_IN_A_ROW=5, RESEND_PAUSES=())
    ada.ask()
    ada.fail(5)
    assert services.allow_codes(PHONE)
    row = ada.row()
    assert (row.disabled_at, row.failures_in_a_row, row.failures_in_day) == (None, 0, 5)
    assert ada.log_in()


def test_staff_allows_codes_of_one_number_only() -> None:
    """The lock of another number stays."""
    now = timezone.now()
    for phone in (PHONE, OTHER_PHONE):
        OneTimeCode.objects.touch(codes.row_key(phone, codes.ANYONE), at=now, disabled_at=now)
    assert services.allow_codes(PHONE)
    assert OneTimeCode.objects.get(disabled_at=now).key == codes.row_key(OTHER_PHONE, codes.ANYONE)


def test_staff_has_nothing_to_allow_where_nothing_is_locked() -> None:
    """A number that nobody asked for is no error."""
    assert services.allow_codes(PHONE) is False


def test_staff_allows_passwords_again(configure: Configure) -> None:
    """For whichever identifier was guessed at."""
    configure(AUTH_TYPES=("PHONE", "PASSWORD"), FAILURES_IN_A_ROW=3)
    user = UserFactory(phone=PHONE, email="ada@example.com", password=PASSWORD)

    def enter(password: str, **identifier: str) -> services.Login:
        return services.log_in_with_password(**identifier, password=password, client=CLIENT)  # type: ignore[arg-type]

    for identifier in ({"phone": PHONE}, {"email": "ada@example.com"}):
        for _ in range(3):
            with pytest.raises(PasswordRejected):
                enter("wrong", **identifier)
        with pytest.raises(PasswordRejected):
            enter(PASSWORD, **identifier)
    assert services.allow_passwords(user) is True
    assert services.allow_passwords(user) is False
    assert enter(PASSWORD, phone=PHONE)
    assert enter(PASSWORD, email="ada@example.com")


def test_staff_allows_what_was_locked_before_a_new_secret_key(configure: Configure, settings: Any) -> None:
    """By number, by address, and where the old password was asked for; under the name that each row had."""
    configure(AUTH_TYPES=("PHONE", "PASSWORD"))
    user, now = UserFactory(phone=PHONE, email="ada@example.com"), timezone.now()
    for identifier in (PHONE, "ada@example.com", accounts.user_identifier(user)):
        key = codes.password_row_key(identifier)
        OneTimeCode.objects.touch(key, at=now, disabled_at=now, failures_in_a_row=100)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key that is long enough for every check there may ever be"
    assert services.allow_passwords(user)
    assert set(OneTimeCode.objects.values_list("disabled_at", "failures_in_a_row")) == {(None, 0)}


def test_staff_allows_passwords_where_accounts_have_no_address() -> None:
    """A user model need not have ``email``."""
    bare: Any = SimpleNamespace(pk=7, get_username=lambda: PHONE)
    now = timezone.now()
    OneTimeCode.objects.touch(codes.password_row_key(PHONE), at=now, disabled_at=now)
    assert services.allow_passwords(bare)


def test_device_whose_row_is_disabled_is_anyones(ada: Visitor, configure: Configure) -> None:
    """A device that failed too often in a row is no dead end: it logs in as a stranger and becomes a new device."""
    configure(FAILURES_IN_A_ROW=5, RESEND_PAUSES=())
    ada.log_in_and_remember()
    old = ada.asker
    ada.ask()
    ada.fail(5)
    assert ada.row().disabled_at is not None
    ada.log_in_and_remember()
    assert ada.asker != old
    assert ada.log_in()
