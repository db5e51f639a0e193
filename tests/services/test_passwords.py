"""Passwords: guessed at a price, changed by their owner, never reset by a race."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher, make_password

from securelogin import codes, services
from securelogin.base_user import AbstractPhoneUser
from securelogin.exceptions import (
    AccountInactive,
    AccountUnknown,
    PasswordChangeRejected,
    PasswordRejected,
    PasswordTooWeak,
    TooManyAttempts,
    UnsupportedAuthType,
)
from securelogin.models import EndReason, OneTimeCode, Session
from securelogin.services import accounts
from tests.factories import SessionFactory, UserFactory, tokens_of

from .conftest import Announcements, Configure
from .statements import statements_of, without_values
from .visitors import CLIENT, OTHER_PHONE, PHONE, Visitor, access

pytestmark = pytest.mark.django_db

EMAIL = "adam@example.com"
PASSWORD = "a long way to Tipperary"
NEW = "a longer way to Tipperary"
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)

FIRST = "tests.services.test_passwords.CheapHasher"


class CheapHasher(MD5PasswordHasher):
    """A hasher that a host now prefers; ``meanwhile`` is what somebody else does while it runs."""

    algorithm = "cheap"
    meanwhile: Any = None

    def encode(self, password: str, salt: str) -> str:
        """Hash, and let the other one act once."""
        act, type(self).meanwhile = type(self).meanwhile, None
        if act is not None:
            act()
        return super().encode(password, salt)


@pytest.fixture(autouse=True)
def _offered(configure: Configure) -> None:
    """Offer passwords."""
    configure(AUTH_TYPES=("PHONE", "PASSWORD"))


@pytest.fixture
def user() -> AbstractPhoneUser:
    """An account with a number, an address and a password."""
    made: AbstractPhoneUser = UserFactory(phone=PHONE, email=EMAIL, password=PASSWORD)
    return made


def enter(password: str = PASSWORD, **identifier: Any) -> services.Login:
    """Log in with a password, by number unless told otherwise."""
    return services.log_in_with_password(**(identifier or {"phone": PHONE}), password=password, client=CLIENT)


def is_refused(password: str = PASSWORD, **identifier: Any) -> bool:
    """Whether a login is refused with the one face there is."""
    try:
        enter(password, **identifier)
    except PasswordRejected:
        return True
    return False


def row(identifier: str) -> OneTimeCode:
    """Read the row that counts wrong passwords."""
    return OneTimeCode.objects.get(key=codes.password_row_key(identifier))


# Log in


@pytest.mark.parametrize("identifier", [{"phone": PHONE}, {"email": EMAIL}, {"email": "ADAM@Example.com"}])
def test_right_password_opens_a_session(identifier: dict[str, Any], user: AbstractPhoneUser) -> None:
    """By number or by address, in any letters; the tokens say how (RFC 8176)."""
    login = enter(**identifier)
    assert login.user == user
    assert (access(login)["amr"], access(login)["fresh"]) == (["pwd"], True)
    assert login.device_token is None


@pytest.mark.parametrize(
    ("identifier", "password"),
    [
        ({"phone": PHONE}, "wrong"),
        ({"phone": OTHER_PHONE}, PASSWORD),
        ({"email": "nobody@example.com"}, PASSWORD),
        ({"email": ""}, PASSWORD),
        ({}, ""),
    ],
)
def test_what_does_not_open_has_one_face(
    identifier: dict[str, Any], password: str, user: AbstractPhoneUser, announced: Announcements
) -> None:
    """Wrong, unknown or empty: refused, and told to the world without the identifier."""
    assert is_refused(password, **identifier)
    assert announced.names() == ["user_login_failed"]
    assert PHONE not in repr(announced)
    assert EMAIL not in repr(announced)


def test_account_without_a_password_has_none_to_guess() -> None:
    """An unusable password is no empty one (I6)."""
    UserFactory(phone=PHONE)
    for password in ("", "!", PASSWORD):
        assert is_refused(password)


def test_call_that_names_nobody_finds_nobody() -> None:
    """Least of all an account without an address, with its right password."""
    UserFactory(phone=PHONE, password=PASSWORD, email=None)
    for identifier in ({"email": None}, {"email": ""}):
        assert is_refused(**identifier)


@pytest.mark.parametrize("is_closed", [True, False])
def test_account_that_opens_or_closes_while_the_password_is_compared_is_refused(
    is_closed: bool, user: AbstractPhoneUser, settings: Any
) -> None:
    """It must be active from the first look to the last."""
    settings.PASSWORD_HASHERS = [FIRST]
    users = get_user_model().objects
    users.update(password=make_password(PASSWORD), is_active=is_closed)
    CheapHasher.meanwhile = staticmethod(lambda: users.update(is_active=not is_closed))
    assert is_refused()
    assert not Session.objects.exists()


def test_row_that_is_cleared_while_the_password_is_compared_is_no_error(user: AbstractPhoneUser, settings: Any) -> None:
    """A wrong password is a wrong password."""
    settings.PASSWORD_HASHERS = [FIRST]
    get_user_model().objects.update(password=make_password(PASSWORD))
    CheapHasher.meanwhile = staticmethod(lambda: OneTimeCode.objects.all().delete())
    assert is_refused("wrong")


def test_inactive_account_is_refused(user: AbstractPhoneUser) -> None:
    """With the right password too, and without a session."""
    get_user_model().objects.update(is_active=False)
    assert is_refused()
    assert not Session.objects.exists()


def test_causes_are_told_where_enumeration_is_allowed(user: AbstractPhoneUser, configure: Configure) -> None:
    """With ``PREVENT_ENUMERATION`` off."""
    configure(PREVENT_ENUMERATION=False)
    with pytest.raises(AccountUnknown):
        enter(phone=OTHER_PHONE)
    assert is_refused("wrong")
    get_user_model().objects.update(is_active=False)
    with pytest.raises(AccountInactive):
        enter()


def test_passwords_are_opt_in(user: AbstractPhoneUser, configure: Configure) -> None:
    """Without ``PASSWORD`` in ``AUTH_TYPES`` nobody enters with one, who has one too."""
    configure(AUTH_TYPES=("PHONE",))
    with pytest.raises(UnsupportedAuthType):
        enter()


def test_statements_are_the_same_for_known_and_unknown(user: AbstractPhoneUser) -> None:
    """A refused password tells by no statement whether there is an account (C2)."""
    known = without_values(statements_of(lambda: is_refused("wrong")))
    unknown = without_values(statements_of(lambda: is_refused("wrong", phone=OTHER_PHONE)))
    assert known == unknown
    assert len(known) == 4, "\n".join(known)


def test_hasher_runs_once_whatever_is_wrong(user: AbstractPhoneUser, configure: Configure, settings: Any) -> None:
    """Unknown, unusable, wrong and locked take the time of one hash (C3)."""
    settings.PASSWORD_HASHERS = [FIRST]
    get_user_model().objects.update(password=make_password(PASSWORD))
    UserFactory(phone=OTHER_PHONE)
    configure(FAILURES_PER_DAY=2)

    def hashes(**identifier: Any) -> int:
        runs: list[int] = []

        def count() -> None:
            runs.append(1)
            CheapHasher.meanwhile = staticmethod(count)

        CheapHasher.meanwhile = staticmethod(count)
        assert is_refused("wrong", **identifier)
        CheapHasher.meanwhile = None
        return len(runs)

    wrong, unusable, unknown = hashes(), hashes(phone=OTHER_PHONE), hashes(email="nobody@example.com")
    hashes()
    locked = hashes()
    assert wrong == unusable == unknown == locked == 1


# Budgets


@pytest.mark.parametrize("identifier", [{"phone": PHONE}, {"phone": OTHER_PHONE}, {"email": "nobody@example.com"}])
def test_ten_wrong_passwords_a_day(
    identifier: dict[str, Any], user: AbstractPhoneUser, clock: time_machine.Traveller
) -> None:
    """Known or not, an identifier has ten; then the right one is refused too, until the day is over (B1)."""
    for _ in range(10):
        assert is_refused("wrong", **identifier)
    assert is_refused(**identifier)
    counted = row(next(iter(identifier.values())))
    assert (counted.failures_in_day, counted.failures_in_month) == (10, 10)
    clock.shift(DAY - SECOND)
    assert is_refused(**identifier)
    clock.shift(1)
    assert is_refused(**identifier) is (identifier != {"phone": PHONE})


def test_success_costs_nothing_and_resets_no_window(user: AbstractPhoneUser) -> None:
    """A right one is given back; the wrong ones of the day stay counted."""
    for _ in range(3):
        is_refused("wrong")
    for _ in range(20):
        enter()
    counted = row(PHONE)
    assert (counted.failures_in_day, counted.failures_in_month, counted.failures_in_a_row) == (3, 3, 0)


def test_hundred_wrong_passwords_in_a_row_lock_it(user: AbstractPhoneUser, configure: Configure) -> None:
    """Until staff allows it again (B2)."""
    configure(FAILURES_IN_A_ROW=3, FAILURES_PER_DAY=1000)
    for _ in range(3):
        is_refused("wrong")
    assert is_refused()
    assert row(PHONE).disabled_at is not None


def test_passwords_and_codes_have_rows_of_their_own(user: AbstractPhoneUser, ada: Visitor) -> None:
    """Whoever guesses passwords all day leaves the way by code open."""
    for _ in range(11):
        is_refused("wrong")
    assert ada.log_in().user == user


def test_letters_of_an_email_share_one_budget(user: AbstractPhoneUser) -> None:
    """Upper case is the same address, and the same row (B1)."""
    for email in (EMAIL, EMAIL.upper(), EMAIL.title()):
        assert is_refused("wrong", email=email)
    assert row(EMAIL).failures_in_day == 3


@pytest.mark.parametrize("spelling", ["ádam@example.com", "ADÀM@example.com", "ａdam@example.com", "adam@éxample.com"])
def test_spelling_of_an_email_gives_no_fresh_budget(spelling: str, user: AbstractPhoneUser) -> None:
    """A database that compares without accents must not find the account under a name with a budget of its own (B1)."""
    assert is_refused(email=spelling)
    assert not Session.objects.exists()


def test_address_is_limited(user: AbstractPhoneUser, configure: Configure) -> None:
    """``password_ip`` ends the guesses of an address before they are counted anywhere else."""
    configure(LIMITS={"password_ip": "1/hour"})
    assert is_refused("wrong")
    with pytest.raises(TooManyAttempts):
        enter()
    assert row(PHONE).failures_in_day == 1


def test_budget_survives_a_new_secret_key(user: AbstractPhoneUser, settings: Any) -> None:
    """A row keeps its counts under its new name."""
    for _ in range(10):
        is_refused("wrong")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key that is long enough for every check there may ever be"
    assert is_refused()


# A better hash


def test_hash_is_upgraded_and_ends_nothing(user: AbstractPhoneUser, settings: Any) -> None:
    """A login with an old hash leaves a new one; no session ends, and the next login works."""
    session = SessionFactory(user=user)
    settings.PASSWORD_HASHERS = [FIRST, *settings.PASSWORD_HASHERS]
    enter()
    user.refresh_from_db()
    assert user.password.startswith("cheap$")
    assert Session.objects.live().filter(pk=session.pk).exists()
    assert enter()


def test_hash_upgrade_does_not_undo_a_change(user: AbstractPhoneUser, settings: Any) -> None:
    """A password that is changed while a login hashes the old one anew stays changed, and the login is refused."""
    settings.PASSWORD_HASHERS = [FIRST, *settings.PASSWORD_HASHERS]
    changed = make_password(NEW, hasher="md5")
    CheapHasher.meanwhile = staticmethod(lambda: get_user_model().objects.update(password=changed))
    assert is_refused()
    user.refresh_from_db()
    assert user.password == changed
    assert not Session.objects.exists()


def test_password_that_changed_while_it_was_compared_opens_nothing(user: AbstractPhoneUser, settings: Any) -> None:
    """Its hash is the proof that it is still the one."""
    settings.PASSWORD_HASHERS = [FIRST]
    users = get_user_model().objects
    users.update(password=make_password(PASSWORD))
    changed = make_password(NEW)
    CheapHasher.meanwhile = staticmethod(lambda: users.update(password=changed))
    assert is_refused()
    assert enter(NEW)


# Change


@pytest.fixture
def mine(user: AbstractPhoneUser) -> Session:
    """The session that the owner of the account changes the password in."""
    session: Session = SessionFactory(user=user)
    return session


def change(session: Session, old: str = PASSWORD, new: str = NEW) -> None:
    """Change the password as the reception does, with the user of the call."""
    token = access_of(session)
    user = services.authenticate(token)
    services.change_password(token, user, old_password=old, new_password=new)


def access_of(session: Session) -> Any:
    """Return an access token of a session."""
    from securelogin.tokens import read_access

    return read_access(tokens_of(session).access_token)


@pytest.mark.django_db(transaction=True)
def test_change_ends_the_other_sessions(mine: Session, announced: Announcements) -> None:
    """The caller's own stays; the old password opens nothing any more."""
    other, foreign = SessionFactory(user=mine.user), SessionFactory()
    change(mine)
    assert set(Session.objects.live()) == {mine, foreign}
    other.refresh_from_db()
    assert other.end_reason == EndReason.PASSWORD
    assert announced.names() == ["session_ended"]
    assert is_refused(PASSWORD)
    assert enter(NEW)


def test_wrong_old_password_changes_nothing_and_counts(mine: Session) -> None:
    """Ten a day, then the right one is refused too."""
    for _ in range(10):
        with pytest.raises(PasswordChangeRejected):
            change(mine, old="wrong")
    with pytest.raises(PasswordChangeRejected):
        change(mine)
    assert enter()


def test_change_costs_nothing_and_resets_no_window(mine: Session) -> None:
    """The right old password is given back, and ends a row of wrong ones; those stay counted in the day."""
    for _ in range(3):
        with pytest.raises(PasswordChangeRejected):
            change(mine, old="wrong")
    change(mine)
    counted = row(accounts.user_identifier(mine.user))
    assert (counted.failures_in_day, counted.failures_in_month, counted.failures_in_a_row) == (3, 3, 0)


def test_change_is_of_one_account(mine: Session) -> None:
    """Of no other that has the very same hash, as a copied one has."""
    twin: Any = UserFactory()
    get_user_model().objects.filter(pk=twin.pk).update(password=mine.user.password)
    change(mine)
    twin.refresh_from_db()
    assert twin.check_password(PASSWORD)


def test_too_weak_new_password_spends_no_guess(mine: Session) -> None:
    """Whoever knows the old password may try new ones until one is strong enough."""
    for _ in range(11):
        with pytest.raises(PasswordTooWeak) as caught:
            change(mine, new="12345")
        assert caught.value.field == "newpassword"
    change(mine)
    assert enter(NEW)


def test_new_password_that_is_like_its_owner_is_too_weak(mine: Session) -> None:
    """Validators are told whose it is."""
    with pytest.raises(PasswordTooWeak):
        change(mine, new=f"{EMAIL}1")


def test_account_without_a_password_cannot_change_it(ada: Visitor) -> None:
    """There is no old one."""
    login = ada.log_in()
    for old in ("", "!", login.user.password):
        with pytest.raises(PasswordChangeRejected):
            change(login.session, old=old)


def test_of_two_changes_at_once_one_is_made(mine: Session, settings: Any) -> None:
    """Both know the old password; the slower one is refused, and does not overwrite the other."""
    settings.PASSWORD_HASHERS = [FIRST]
    users = get_user_model().objects
    users.update(password=make_password(PASSWORD))
    changed = make_password("the way of the quicker one")
    CheapHasher.meanwhile = staticmethod(lambda: users.update(password=changed))
    with pytest.raises(PasswordChangeRejected):
        change(mine)
    mine.user.refresh_from_db()
    assert mine.user.password == changed


def test_any_new_password_ends_every_session(mine: Session) -> None:
    """Set by staff, by ``changepassword`` or by a host's own form; saving anything else ends nothing."""
    user: Any = get_user_model().objects.get(pk=mine.user.pk)
    user.is_staff = True
    user.save()
    assert Session.objects.live().exists()
    user.set_password(NEW)
    user.save()
    mine.refresh_from_db()
    assert mine.end_reason == EndReason.PASSWORD
    assert not Session.objects.live().exists()
