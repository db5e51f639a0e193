"""``last_login``: written with the login, by the statement that is there anyway, and for Django's logins by Django."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in
from django.test import Client as HTTPClient
from django.utils import timezone

from securelogin import services
from securelogin.apps import UID, keep_last_login
from securelogin.exceptions import AccountInactive, CodeRejected
from securelogin.services import accounts, tables
from tests.factories import UserFactory

from .conftest import Announcements, Configure
from .refusals import refused_accounts
from .statements import statements_of
from .visitors import PHONE, Visitor

pytestmark = pytest.mark.django_db

EMAIL = "ada@example.com"
PASSWORD = "correct horse battery staple"
LONG_AGO = timezone.now() - timedelta(days=9)


def last_logins() -> list[Any]:
    """Return what the table says."""
    return list(get_user_model().objects.values_list("last_login", flat=True))


def receivers() -> list[Any]:
    """Return who listens under Django's name."""
    return [entry[1]() for entry in user_logged_in.receivers if entry[0][0] == "update_last_login"]


def test_hosts_own_strong_receiver_is_not_called_at_the_start() -> None:
    """A host that put its own in the place of Django's, for good, starts, and keeps it."""
    calls: list[Any] = []
    kept = user_logged_in.receivers[:]
    user_logged_in.disconnect(dispatch_uid=UID)
    user_logged_in.connect(lambda *_given, **facts: calls.append(facts), dispatch_uid=UID, weak=False)
    mine = user_logged_in.receivers[-1]
    try:
        apps.get_app_config("securelogin").ready()
        assert mine in user_logged_in.receivers
        assert not calls
    finally:
        user_logged_in.receivers[:] = kept
        user_logged_in.sender_receivers_cache.clear()


def test_first_login_is_on_record(ada: Visitor) -> None:
    """With the account, at the moment of its session; who hears of the login sees it."""
    login: Any = ada.log_in()
    assert last_logins() == [login.session.created_at] == [login.user.last_login]


def test_next_login_is_on_record(ada: Visitor) -> None:
    """With the lock on the user's row."""
    UserFactory(phone=PHONE, last_login=LONG_AGO)
    login: Any = ada.log_in()
    assert last_logins() == [login.session.created_at] == [login.user.last_login]


def test_login_with_a_password_is_on_record(ada: Visitor, configure: Configure) -> None:
    """With the lock too; and that of a registration."""
    configure(AUTH_TYPES=("PHONE", "PASSWORD"))
    first: Any = services.register_with_password(username="A", email=EMAIL, password=PASSWORD, client=ada.client)
    assert last_logins() == [first.session.created_at] == [first.user.last_login]
    get_user_model().objects.update(last_login=LONG_AGO)
    login: Any = services.log_in_with_password(email=EMAIL, phone=None, password=PASSWORD, client=ada.client)
    assert last_logins() == [login.session.created_at] == [login.user.last_login]


def test_no_statement_is_for_it_alone(ada: Visitor) -> None:
    """One write less, and one commit."""
    UserFactory(phone=PHONE)
    ada.ask()
    code = ada.code()
    (written,) = [sql for sql in statements_of(lambda: ada.guess(code)) if "last_login" in sql and "UPDATE" in sql]
    assert "is_active" in written.partition("WHERE")[2]


def test_refused_login_leaves_none(ada: Visitor) -> None:
    """Who is shut out did not log in."""
    UserFactory(phone=PHONE)
    ada.ask()
    get_user_model().objects.update(is_active=False)
    with pytest.raises(CodeRejected):
        ada.guess(ada.code())
    assert last_logins() == [None]


@pytest.mark.usefixtures("new_accounts_wait")
def test_account_that_waits_has_none(ada: Visitor, configure: Configure) -> None:
    """Neither by a password nor by a code, though it is the host's handler that made it wait, after we asked."""
    configure(AUTH_TYPES=("PHONE", "PASSWORD"))
    with pytest.raises(AccountInactive):
        services.register_with_password(username="Ada", email=EMAIL, password=PASSWORD, client=ada.client)
    ada.ask()
    with pytest.raises(CodeRejected):
        ada.guess(ada.code())
    assert last_logins() == [None, None]


def test_model_may_make_accounts_that_wait(ada: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its default."""
    monkeypatch.setattr(get_user_model()._meta.get_field("is_active"), "default", False)
    vars(get_user_model()._meta.get_field("is_active")).pop("_get_default", None)
    ada.ask()
    code = ada.code()

    def guess() -> None:
        with pytest.raises(CodeRejected):
            ada.guess(code)

    written = [each for each in statements_of(guess) if "UPDATE" in each and get_user_model()._meta.db_table in each]
    vars(get_user_model()._meta.get_field("is_active")).pop("_get_default", None)
    assert last_logins() == [None]
    assert not written


def test_insert_that_was_refused_is_no_login(ada: Visitor) -> None:
    """All or nothing."""
    ada.ask()
    with refused_accounts(), pytest.raises(Exception, match="refuse"):
        ada.guess(ada.code())
    assert last_logins() == []


@pytest.mark.parametrize("thing", [None, "a relation"])
def test_user_model_without_it_is_locked_all_the_same(
    thing: Any, ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By writing what is there; what has that name and is no column is let be."""
    user = UserFactory(phone=PHONE)
    ada.ask()
    monkeypatch.setattr(get_user_model(), "last_login", thing)
    assert tables.lock_user(user.pk, login_at=timezone.now(), is_active=True)
    assert not tables.lock_user(user.pk, login_at=timezone.now(), is_active=False)
    assert ada.guess(ada.code()).user == user
    assert last_logins() == [None]


def test_property_of_that_name_is_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have no setter."""
    user = UserFactory()
    monkeypatch.setattr(get_user_model(), "last_login", property(lambda _user: LONG_AGO))
    assert not tables.keeps_last_login()
    assert accounts.logged_in(user, timezone.now()).last_login == LONG_AGO


def test_login_that_ends_last_does_not_set_the_clock_back(ada: Visitor) -> None:
    """Its moment is its beginning; who began later and was faster stays on record."""
    later = timezone.now() + timedelta(days=1)
    UserFactory(phone=PHONE)
    ada.ask()
    code = ada.code()
    user = get_user_model().objects.get()
    get_user_model().objects.update(last_login=later)
    assert tables.lock_user(user.pk, login_at=timezone.now(), is_active=True)
    assert last_logins() == [later]
    login: Any = ada.guess(code)
    assert last_logins() == [later] == [login.user.last_login]


def test_lock_that_is_no_login_writes_none() -> None:
    """As a logout of all others locks."""
    user = UserFactory(last_login=LONG_AGO)
    assert tables.lock_user(user.pk)
    assert last_logins() == [LONG_AGO]


def test_login_of_djangos_own_is_on_record(client: HTTPClient) -> None:
    """That of the admin: our receiver took the place of Django's, and does its work."""
    user = UserFactory(last_login=LONG_AGO)
    before = timezone.now()
    client.force_login(user)
    (at,) = last_logins()
    assert before <= at <= timezone.now()


def test_login_names_its_session_to_who_listens(ada: Visitor, announced: Announcements) -> None:
    """Django's signal has the session too."""
    login = ada.log_in()
    assert announced.named("user_logged_in")[0]["session"] == login.session


def test_session_of_somebody_elses_is_none_of_ours() -> None:
    """Another app may send the signal with what it calls a session."""
    user = UserFactory(last_login=LONG_AGO)
    user_logged_in.send(type(user), request=None, user=user, session="a text")
    assert last_logins() != [LONG_AGO]


@pytest.mark.usefixtures("new_accounts_wait")
def test_account_that_waits_has_none_after_a_second_try(monkeypatch: pytest.MonkeyPatch, configure: Configure) -> None:
    """Where a name was taken, the account is written again: from what it was before."""
    configure(AUTH_TYPES=("PHONE", "PASSWORD"))
    with refused_accounts(name="Ada"), pytest.raises(AccountInactive):
        services.register_with_password(username="Ada", email=EMAIL, password=PASSWORD, client=Visitor().client)
    assert last_logins() == [None]


@pytest.fixture
def long_ago(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A model whose column takes no null, and has a moment for it."""
    field = get_user_model()._meta.get_field("last_login")
    monkeypatch.setattr(field, "default", LONG_AGO)
    vars(field).pop("_get_default", None)
    yield
    vars(field).pop("_get_default", None)


@pytest.mark.usefixtures("new_accounts_wait", "long_ago")
def test_account_that_waits_keeps_what_its_model_gives_it(ada: Visitor) -> None:
    """In the row."""
    ada.ask()
    with pytest.raises(CodeRejected):
        ada.guess(ada.code())
    assert last_logins() == [LONG_AGO]


@pytest.mark.usefixtures("new_accounts_wait", "long_ago")
@pytest.mark.parametrize("refused", ["nobody", "Ada"])
def test_announced_user_has_what_the_model_gave(refused: str, configure: Configure, announced: Announcements) -> None:
    """As the row has, after a second try too."""
    configure(AUTH_TYPES=("PHONE", "PASSWORD"))
    with refused_accounts(name=refused), pytest.raises(AccountInactive):
        services.register_with_password(username="Ada", email=EMAIL, password=PASSWORD, client=Visitor().client)
    assert last_logins() == [LONG_AGO]
    assert [told["user"].last_login for told in announced.named("user_registered")] == [LONG_AGO]


# Whose receiver is there


@pytest.fixture
def _own_receiver_back() -> Iterator[None]:
    """Leave ours to the next test."""
    yield
    user_logged_in.disconnect(dispatch_uid="update_last_login")
    user_logged_in.connect(keep_last_login, dispatch_uid="update_last_login")


@pytest.mark.usefixtures("_own_receiver_back")
def test_receiver_that_a_host_took_away_stays_away() -> None:
    """Ours is put in the place of Django's, not where there was none."""
    user_logged_in.disconnect(dispatch_uid="update_last_login")
    apps.get_app_config("securelogin").ready()
    assert receivers() == []


@pytest.mark.usefixtures("_own_receiver_back")
def test_receiver_of_a_hosts_own_stays() -> None:
    """Under Django's name too."""

    def own(**_facts: Any) -> None:
        """Write nothing."""

    user_logged_in.disconnect(dispatch_uid="update_last_login")
    user_logged_in.connect(own, dispatch_uid="update_last_login")
    apps.get_app_config("securelogin").ready()
    assert receivers() == [own]


@pytest.mark.usefixtures("_own_receiver_back")
@pytest.mark.parametrize("order", [("auth", "securelogin"), ("securelogin", "auth")])
def test_one_receiver_is_there_whichever_app_comes_first(
    order: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or each login would be written twice."""
    user_logged_in.disconnect(dispatch_uid="update_last_login")
    monkeypatch.setattr(apps, "get_app_configs", lambda: [apps.get_app_config(label) for label in order])
    for label in order:
        apps.get_app_config(label).ready()
    assert receivers() == [keep_last_login]


@pytest.mark.usefixtures("_own_receiver_back")
def test_model_without_the_field_has_no_receiver(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with Django alone, wherever it stands."""
    user_logged_in.disconnect(dispatch_uid="update_last_login")
    config = apps.get_app_config("securelogin")
    monkeypatch.setattr(apps, "get_app_configs", lambda: [config, apps.get_app_config("auth")])
    monkeypatch.setattr(get_user_model(), "last_login", None)
    config.ready()
    assert receivers() == []
