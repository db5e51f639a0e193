"""The admin beside others who write the same user: what they commit while a page is under way stays."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.exceptions import ValidationError
from django.core.signals import got_request_exception
from django.db import connection
from django.db.models.signals import post_init, pre_save
from django.test import Client
from django.urls import reverse
from django.views.debug import ExceptionReporter

from securelogin import services
from securelogin.models import Session
from securelogin.services import tables
from securelogin.tokens import read_access
from tests.clerks import PASSWORD, change, clerk, meanwhile, post
from tests.factories import SessionFactory, UserFactory, tokens_of
from tests.services.beside import beside
from tests.services.visitors import Visitor

User = get_user_model()
NEW_PHONE = "+12025550144"
NEW_PASSWORD = "another way to Tipperary"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def staff() -> Client:
    """A client of a superuser."""
    return clerk()


@pytest.fixture
def other() -> Client:
    """A client of another one."""
    return clerk("+12025550198")


class WatchingHasher(MD5PasswordHasher):
    """A hasher that knows whether a transaction waits for it."""

    waits: list[bool] = []

    def encode(self, password: str, salt: str) -> str:
        """Look, and hash."""
        self.waits.append(connection.in_atomic_block)
        return super().encode(password, salt)


class Historian:
    """A validator that keeps what it is told."""

    heard: list[str] = []

    def validate(self, password: str, user: Any = None) -> None:
        """Let every password pass."""

    def password_changed(self, password: str, user: Any = None) -> None:
        """Keep it."""
        self.heard.append(password)

    def get_help_text(self) -> str:
        """Say nothing."""
        return ""


# A password that staff sets


def test_new_password_does_not_undo_a_deactivation(staff: Client, other: Client) -> None:
    """Whom another member of staff shuts out while a password is hashed stays out."""
    user = UserFactory.create()
    with meanwhile(post_init, user, lambda: change(other, user, is_active="")):
        assert post(staff, "password", user).status_code == 302
    user.refresh_from_db()
    assert not user.is_active
    assert user.check_password(PASSWORD)


def test_new_password_does_not_bring_an_old_number_back(staff: Client) -> None:
    """Or whoever has the old number now would get the account."""
    user = UserFactory.create(phone="+12025550143")
    with meanwhile(post_init, user, lambda: User.objects.filter(pk=user.pk).update(phone=NEW_PHONE)):
        assert post(staff, "password", user).status_code == 302
    user.refresh_from_db()
    assert user.phone == NEW_PHONE
    assert user.check_password(PASSWORD)


def test_new_password_does_not_bring_a_deleted_user_back(staff: Client, other: Client) -> None:
    """Who was erased stays erased, and the page says so."""
    user = UserFactory.create()
    with meanwhile(post_init, user, lambda: post(other, "delete", user)):
        answer = post(staff, "password", user, follow=True)
    assert not User.objects.filter(pk=user.pk).exists()
    assert answer.status_code == 200
    assert "somebody deleted" in answer.content.decode()


def test_nothing_is_locked_while_a_password_is_hashed(staff: Client, settings: Any) -> None:
    """On SQLite a transaction holds the one lock for writers: half a second of hashing would stop the site."""
    settings.PASSWORD_HASHERS = [f"{__name__}.WatchingHasher"]
    user = UserFactory.create()
    WatchingHasher.waits.clear()
    assert post(staff, "password", user).status_code == 302
    assert WatchingHasher.waits == [False]


# A user whom staff adds


def add(staff: Client, password: str, **fields: str) -> Any:
    """Post the form of a new user."""
    data = {"phone": NEW_PHONE, "password1": password, "password2": password, **fields}
    return staff.post(reverse("admin:securelogin_user_add"), data)


def test_nothing_is_locked_while_the_password_of_a_new_user_is_hashed(staff: Client, settings: Any) -> None:
    """As with any other password; validators that keep a history hear of it as ever."""
    settings.PASSWORD_HASHERS = [f"{__name__}.WatchingHasher"]
    settings.AUTH_PASSWORD_VALIDATORS = [{"NAME": f"{__name__}.Historian"}]
    WatchingHasher.waits.clear()
    Historian.heard.clear()
    assert add(staff, PASSWORD).status_code == 302
    assert WatchingHasher.waits == [False]
    assert Historian.heard == [PASSWORD]
    assert User.objects.get(phone=NEW_PHONE).check_password(PASSWORD)


class BrokenHasher(MD5PasswordHasher):
    """A hasher whose library is gone."""

    def encode(self, password: str, salt: str) -> str:
        """Fail."""
        raise RuntimeError("no library")


def test_password_that_no_hasher_takes_is_for_the_validators_to_refuse(staff: Client, settings: Any) -> None:
    """It is hashed before the form is looked at; what is said is said beside the field."""
    settings.PASSWORD_HASHERS = [f"{__name__}.PickyHasher"]
    settings.AUTH_PASSWORD_VALIDATORS = [{"NAME": f"{__name__}.Refuser"}]
    assert add(staff, PASSWORD).status_code == 200


class PickyHasher(MD5PasswordHasher):
    """A hasher that does not take it, as bcrypt does not take more than 72 bytes."""

    def encode(self, password: str, salt: str) -> str:
        """Fail."""
        raise ValueError("too long")


class Refuser:
    """A validator that knows that."""

    def validate(self, password: str, user: Any = None) -> None:
        """Refuse it."""
        raise ValidationError("too long")

    def get_help_text(self) -> str:
        """Say nothing."""
        return ""


def test_no_report_of_an_error_has_the_password_of_a_new_user(staff: Client, settings: Any) -> None:
    """Neither what was posted nor what the functions knew, where Django mails its reports."""
    settings.PASSWORD_HASHERS = [f"{__name__}.BrokenHasher"]
    staff.raise_request_exception = False
    reports: list[str] = []

    def report(request: Any, **_message: Any) -> None:
        reports.append(ExceptionReporter(request, *sys.exc_info()).get_traceback_html())

    got_request_exception.connect(report)
    try:
        assert add(staff, PASSWORD).status_code == 500
    finally:
        got_request_exception.disconnect(report)
    assert "no library" in reports[0]
    assert PASSWORD not in reports[0]


def test_password_that_is_refused_is_not_set(staff: Client) -> None:
    """What was hashed for nothing is nobody's."""
    assert add(staff, PASSWORD, password2=NEW_PASSWORD).status_code == 200
    assert add(staff, "12345678").status_code == 200
    assert not User.objects.filter(phone=NEW_PHONE).exists()
    assert add(staff, "").status_code == 302
    assert not User.objects.get(phone=NEW_PHONE).has_usable_password()


def test_own_way_to_set_a_password_is_gone(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host's model may write more than the hash."""

    def set_password(user: Any, password: str | None) -> None:
        super(User, user).set_password(password)
        user.username = "set"

    monkeypatch.setattr(User, "set_password", set_password)
    assert add(staff, PASSWORD).status_code == 302
    user = User.objects.get(phone=NEW_PHONE)
    assert user.username == "set"
    assert user.check_password(PASSWORD)


# A user whom staff edits


@pytest.mark.parametrize("query", ["", "?_to_field=id"])
def test_edit_does_not_bring_an_old_password_back(staff: Client, query: str) -> None:
    """Whose owner changes it, because somebody knows it, while staff edits the display name."""
    user = UserFactory.create(password=PASSWORD)
    token = read_access(tokens_of(SessionFactory.create(user=user)).access_token)

    def change_password() -> None:
        found = User.objects.get(pk=user.pk)
        services.change_password(token, found, old_password=PASSWORD, new_password=NEW_PASSWORD)

    with meanwhile(post_init, user, change_password):
        assert change(staff, user, query, username="Ada").status_code == 302
    user.refresh_from_db()
    assert user.username == "Ada"
    assert user.check_password(NEW_PASSWORD)
    assert not user.check_password(PASSWORD)


@pytest.mark.parametrize("way", ["change", "delete", "delete selected"])
@pytest.mark.parametrize("keeps_last_login", [True, False])
def test_login_beside_a_page_does_not_outlive_the_number(
    staff: Client, way: str, keeps_last_login: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the login writes nothing into the user's row, so that no snapshot is seen to be an old one."""
    ada = Visitor()
    user = UserFactory.create(phone=ada.phone)
    ada.ask()
    if not keeps_last_login:
        monkeypatch.setattr(tables, "keeps_last_login", lambda: False)
    with meanwhile(post_init, user, lambda: ada.guess(ada.code())):
        answer = change(staff, user, phone=NEW_PHONE) if way == "change" else post(staff, way, user)
    assert answer.status_code == 302
    phones = User.objects.filter(pk=user.pk).values_list("phone", flat=True)
    assert list(phones) == ([NEW_PHONE] if way == "change" else [])
    assert not Session.objects.live().filter(user=user).exists()


def test_edit_does_not_bring_a_deleted_user_back(staff: Client, other: Client) -> None:
    """Who was erased stays erased."""
    user = UserFactory.create()
    with meanwhile(post_init, user, lambda: post(other, "delete", user)) as deletions:
        assert change(staff, user, username="Ada").status_code == 302
    assert deletions[0].result(timeout=0).status_code == 302
    assert not User.objects.filter(pk=user.pk).exists()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="There nobody takes it between the form and the row")
@pytest.mark.parametrize("way", ["change", "add"])
def test_number_that_is_taken_meanwhile_is_said_beside_the_field(
    staff: Client, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    """The form had not seen it; no log has the number."""
    user = UserFactory.create()
    caplog.set_level("INFO")

    def take(**_message: Any) -> None:
        pre_save.disconnect(take, sender=User)
        beside(pool, lambda: User.objects.create(phone=NEW_PHONE)).result(timeout=20)

    pre_save.connect(take, sender=User)
    with ThreadPoolExecutor(1) as pool:
        path = reverse("admin:securelogin_user_add")
        answer = staff.post(path, {"phone": NEW_PHONE}) if way == "add" else change(staff, user, phone=NEW_PHONE)
    assert answer.status_code == 200
    assert "User with this Phone number already exists." in answer.content.decode()
    assert NEW_PHONE.lstrip("+") not in caplog.text
