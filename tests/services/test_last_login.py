"""``last_login``: written with the login, by the statement that is there anyway, and for Django's logins by Django."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in
from django.test import Client as HTTPClient
from django.utils import timezone

from securelogin import services
from securelogin.exceptions import AccountInactive, CodeRejected
from securelogin.services import tables
from securelogin.services.tables import has_field
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
    with pytest.raises(CodeRejected):
        ada.guess(ada.code())
    vars(get_user_model()._meta.get_field("is_active")).pop("_get_default", None)
    assert last_logins() == [None]


def test_insert_that_was_refused_is_no_login(ada: Visitor) -> None:
    """All or nothing."""
    ada.ask()
    with refused_accounts(), pytest.raises(Exception, match="refuse"):
        ada.guess(ada.code())
    assert last_logins() == []


def test_user_model_without_it_is_locked_all_the_same(ada: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """By writing what is there."""
    user = UserFactory(phone=PHONE)
    monkeypatch.setattr(tables, "has_field", lambda name: name != "last_login" and has_field(name))
    assert tables.lock_user(user.pk, login_at=timezone.now(), is_active=True)
    assert last_logins() == [None]
    assert not tables.lock_user(user.pk, login_at=timezone.now(), is_active=False)


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


@pytest.mark.parametrize("order", [("auth", "securelogin"), ("securelogin", "auth")])
def test_one_receiver_is_there_whichever_app_comes_first(order: tuple[str, str]) -> None:
    """Or each login would be written twice."""
    user_logged_in.disconnect(dispatch_uid="update_last_login")
    for label in order:
        apps.get_app_config(label).ready()
    assert [receiver.__module__ for receiver in receivers()] == ["securelogin.apps"]


def test_model_without_the_field_has_no_receiver(monkeypatch: pytest.MonkeyPatch, configure: Configure) -> None:
    """As with Django alone."""
    config = apps.get_app_config("securelogin")
    user_logged_in.disconnect(dispatch_uid="update_last_login")
    try:
        with monkeypatch.context() as patch:
            patch.setattr(get_user_model()._meta, "get_fields", list)
            config.ready()
        assert receivers() == []
    finally:
        config.ready()
