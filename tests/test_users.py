"""The user: what Django's own commands, backends and fixtures do with one that is keyed by phone."""

from __future__ import annotations

import builtins
import getpass
import os
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import authenticate
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from securelogin.base_user import PhoneField
from securelogin.models import Session, User
from securelogin.phones import MAX_TEXT
from securelogin.sms.locmem import outbox
from tests import visits
from tests.factories import SessionFactory, UserFactory

PHONE = "+12025550143"
PASSWORD = "a long way to Tipperary"
SPELLINGS = ["+12025550143", "+1 (202) 555-0143", "tel:+1-202-555-0143", "+1\u00a0202.555.0143"]
NO_NUMBERS = ["12", "2025550143", "+1 202 555 0143 ext. 5", "+1 800 FLOWERS", "+١٢٠٢٥٥٥٠١٤٣", "+1" * 40, "x"]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_superuser_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have some."""
    for name in [name for name in os.environ if name.startswith("DJANGO_SUPERUSER_")]:
        monkeypatch.delenv(name)


class Terminal(StringIO):
    """A standard input that somebody sits at."""

    def isatty(self) -> bool:
        return True


def answers(monkeypatch: pytest.MonkeyPatch, *, texts: list[str], passwords: list[str]) -> None:
    """Answer what a command asks, in this order."""
    lines: Iterator[str] = iter(texts)
    secrets: Iterator[str] = iter(passwords)
    monkeypatch.setattr(builtins, "input", lambda prompt="": next(lines))
    monkeypatch.setattr(getpass, "getpass", lambda prompt="": next(secrets))


def run(*arguments: str, **options: Any) -> str:
    """Run a command; returns all that it said."""
    said = StringIO()
    call_command(*arguments, stdout=said, stderr=said, no_color=True, **options)
    return said.getvalue()


# createsuperuser, changepassword


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_superuser_is_made_from_the_environment(monkeypatch: pytest.MonkeyPatch, spelling: str) -> None:
    """In any spelling of the number; without a password theirs is unusable."""
    monkeypatch.setenv("DJANGO_SUPERUSER_PHONE", spelling)
    assert "5550143" not in run("createsuperuser", "--noinput")
    user = User.objects.get(phone=PHONE)
    assert (user.is_staff, user.is_superuser, user.is_active) == (True, True, True)
    assert user.password.startswith("!")


def test_superuser_may_have_a_password_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """And logs in with it."""
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    run("createsuperuser", "--noinput", "--phone", PHONE)
    assert authenticate(phone=PHONE, password=PASSWORD) == User.objects.get()


@pytest.mark.parametrize(
    ("phone", "error"),
    [
        ("+1 202 555 0143", "That phone number is already taken."),
        ("12", "Enter a valid phone number."),
        ("", "Phone number cannot be blank."),
    ],
)
def test_superuser_is_refused(phone: str, error: str) -> None:
    """A taken number in another spelling, none, a wrong one."""
    UserFactory.create(phone=PHONE)
    with pytest.raises(CommandError, match=error):
        run("createsuperuser", "--noinput", "--phone", phone)
    assert User.objects.count() == 1


def test_superuser_is_made_by_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Number and password are asked for until they are right."""
    UserFactory.create(phone="+12025550144")
    answers(
        monkeypatch,
        texts=["12", "+1 202 555 0144", "+1 (202) 555-0143", "n"],
        passwords=[PASSWORD, "another", "12345678", "12345678", PASSWORD, PASSWORD],
    )
    said = run("createsuperuser", stdin=Terminal())
    assert "Enter a valid phone number." in said
    assert "That phone number is already taken." in said
    assert "Your passwords didn't match." in said
    assert "This password is too common." in said
    assert User.objects.get(phone=PHONE).check_password(PASSWORD)


def test_changepassword_ends_the_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever knew the old one is out; the command says no whole number."""
    session = SessionFactory.create(user__phone=PHONE, user__password="old and forgotten")
    other = SessionFactory.create()
    answers(monkeypatch, texts=[], passwords=[PASSWORD, PASSWORD])
    assert "5550143" not in run("changepassword", PHONE)
    assert authenticate(phone=PHONE, password=PASSWORD) == session.user
    assert list(Session.objects.live()) == [other]
    session.refresh_from_db()
    assert session.end_reason == "password"


# Logging in the Django way


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("keyword", ["phone", "username"])
def test_number_and_password_authenticate(keyword: str, spelling: str) -> None:
    """By Django's own backend, under either name of the credential."""
    user = UserFactory.create(phone=PHONE, password=PASSWORD)
    credentials: dict[str, Any] = {keyword: spelling}
    assert authenticate(password=PASSWORD, **credentials) == user
    assert authenticate(password="wrong", **credentials) is None


@pytest.mark.parametrize("text", [*NO_NUMBERS, "", "\0", "+12025550144"])
def test_no_number_authenticates_nobody(text: str) -> None:
    """And raises nothing."""
    UserFactory.create(phone=PHONE, password=PASSWORD)
    assert authenticate(phone=text, password=PASSWORD) is None


def test_inactive_user_and_blank_password_authenticate_nobody() -> None:
    """An account without a password is not one with an empty password."""
    UserFactory.create(phone=PHONE, password=PASSWORD, is_active=False)
    UserFactory.create(phone="+12025550144")
    assert authenticate(phone=PHONE, password=PASSWORD) is None
    for password in ("", "!"):
        assert authenticate(phone="+12025550144", password=password) is None


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_staff_logs_in_to_the_admin(client: Client, spelling: str) -> None:
    """With number and password; the page greets without the number."""
    User.objects.create_superuser(PHONE, PASSWORD)
    path = f"{reverse('admin:login')}?next={reverse('admin:index')}"
    response = client.post(path, {"username": spelling, "password": PASSWORD}, follow=True)
    html = response.content.decode()
    assert "+1*****43" in html
    assert "5550143" not in html
    assert User.objects.get().last_login is not None


def test_wrong_password_does_not_open_the_admin(client: Client) -> None:
    """Nor does an account that is not of the staff."""
    UserFactory.create(phone="+12025550144", password=PASSWORD)
    User.objects.create_superuser(PHONE, PASSWORD)
    for phone, password in ((PHONE, "wrong"), ("+12025550144", PASSWORD)):
        response = client.post(reverse("admin:login"), {"username": phone, "password": password})
        assert "Please enter the correct phone number and password" in response.content.decode()
        assert "_auth_user_id" not in client.session


# Permissions


def test_permissions_are_djangos() -> None:
    """From the user, from a group, all of them, and none when inactive."""
    permission = Permission.objects.get(codename="view_session", content_type__app_label="securelogin")
    name = "securelogin.view_session"
    plain, direct, grouped = UserFactory.create_batch(3)
    boss = User.objects.create_superuser(PHONE)
    direct.user_permissions.add(permission)
    group = Group.objects.create(name="support")
    group.permissions.add(permission)
    grouped.groups.add(group)
    assert [user.has_perm(name) for user in (plain, direct, grouped, boss)] == [False, True, True, True]
    assert boss.has_module_perms("securelogin")
    assert set(ModelBackend().with_perm(permission)) == {direct, grouped, boss}
    boss.is_active = False
    assert not boss.has_perm(name)


# Fixtures


def make_world() -> tuple[Any, Any]:
    """Make a user with a number and one without, with all that may hang on them."""
    known = UserFactory.create(phone=PHONE, username="Ada", email="ada@example.org", password=PASSWORD)
    closed = UserFactory.create(phone=None)
    group = Group.objects.create(name="support")
    group.permissions.add(Permission.objects.get(codename="view_session", content_type__app_label="securelogin"))
    known.groups.add(group)
    known.user_permissions.add(Permission.objects.get(codename="view_user", content_type__app_label="securelogin"))
    SessionFactory.create(user=known)
    for user in (known, closed):
        LogEntry.objects.log_actions(user.pk, [known], CHANGE, "")
    return known, closed


def dump_and_forget(path: Path, *options: str) -> None:
    """Write the world to a fixture and delete it."""
    models = ["auth.group", "securelogin", "token_blacklist", "admin"]
    call_command("dumpdata", *models, *options, output=str(path), verbosity=0)
    for model in (LogEntry, OutstandingToken, User, Group):
        model._default_manager.all().delete()


def test_fixture_with_natural_foreign_keys_brings_everything_back(tmp_path: Path) -> None:
    """Keys, passwords, groups, permissions, sessions; also where an account has no number."""
    known, closed = make_world()
    sessions = list(Session.objects.values_list("pk", "user", "token"))
    dump_and_forget(tmp_path / "world.json", "--natural-foreign")
    assert str(known.pk) in (tmp_path / "world.json").read_text()
    call_command("loaddata", str(tmp_path / "world.json"), verbosity=0)
    loaded = User.objects.get(phone=PHONE)
    assert (loaded.pk, loaded.password, loaded.username) == (known.pk, known.password, "Ada")
    assert loaded.has_perm("securelogin.view_session")
    assert loaded.has_perm("securelogin.view_user")
    assert User.objects.get(phone=None) == closed
    assert list(Session.objects.values_list("pk", "user", "token")) == sessions
    assert set(LogEntry.objects.values_list("user_id", flat=True)) == {known.pk, closed.pk}


def test_fixture_with_natural_primary_keys_finds_users_by_number(tmp_path: Path) -> None:
    """The number is the key: the fixture meets the account that has it by now, with another id."""
    known, closed = make_world()
    LogEntry.objects.filter(user=closed).delete()
    closed.delete()
    dump_and_forget(tmp_path / "world.json", "--natural-foreign", "--natural-primary")
    again = UserFactory.create(phone=PHONE)
    call_command("loaddata", str(tmp_path / "world.json"), verbosity=0)
    loaded = User.objects.get()
    assert (loaded.pk, loaded.password, loaded.username) == (again.pk, known.password, "Ada")
    assert loaded.has_perm("securelogin.view_session")
    assert Session.objects.get().user == loaded
    assert LogEntry.objects.get().user == loaded


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_natural_key_is_the_number(spelling: str) -> None:
    """In any spelling."""
    user = UserFactory.create(phone=PHONE)
    assert user.natural_key() == (PHONE,)
    assert User.objects.get_by_natural_key(spelling) == user


def test_natural_key_without_a_number_is_the_id() -> None:
    """An account that has a number is not found by its id: that would be a second name to log in with."""
    closed, known = UserFactory.create(phone=None), UserFactory.create(phone=PHONE)
    assert User.objects.get_by_natural_key(*closed.natural_key()) == closed
    for text in (str(known.pk), str(uuid4()), *NO_NUMBERS, "", None):
        with pytest.raises(User.DoesNotExist):
            User.objects.get_by_natural_key(text)


# PhoneField


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_number_is_kept_canonical(spelling: str) -> None:
    """By the manager, and by ``full_clean``, which forms use."""
    assert User.objects.create_user(spelling).phone == PHONE
    user = User(phone=spelling, password="!")
    with pytest.raises(ValidationError, match="already exists"):
        user.full_clean()
    assert user.phone == PHONE


def test_national_number_is_read_in_the_default_region(settings: Any) -> None:
    """And only there."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "DEFAULT_REGION": "US"}
    assert User.objects.create_user("(202) 555-0143").phone == PHONE


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_wrong_number_is_a_validation_error(text: str) -> None:
    """One that does not repeat it."""
    with pytest.raises(ValidationError) as error:
        User.objects.create_user(text)
    assert error.value.code == "invalid_phone"
    assert error.value.messages == ["Enter a valid phone number."]


WRITES: list[Callable[[str], object]] = [
    lambda phone: User.objects.bulk_create([User(phone=phone)]),
    lambda phone: User.objects.create(phone=phone),
    lambda phone: User.objects.filter(phone=phone).exists(),
    lambda phone: User.objects.filter(phone__in=[phone]).exists(),
    lambda phone: User.objects.get(phone=phone),
    lambda phone: User.objects.update(phone=phone),
]


@pytest.mark.parametrize("text", [*SPELLINGS[1:], "", "12025550143", "+012025550143", "x"])
@pytest.mark.parametrize("write", WRITES)
def test_database_is_given_no_other_spelling(write: Callable[[str], object], text: str) -> None:
    """A lookup would miss and a unique column would let a number in twice; the error does not repeat the number."""
    UserFactory.create(phone="+12025550144")
    with pytest.raises(ValueError, match=r"phone takes E\.164") as error:
        write(text)
    assert "555" not in str(error.value)


def test_canonical_number_and_none_are_looked_up() -> None:
    """None is an account without a number, of which there may be many."""
    user = UserFactory.create(phone=PHONE)
    closed = UserFactory.create_batch(2, phone=None)
    assert User.objects.get(phone=PHONE) == user
    assert set(User.objects.filter(phone=None)) == set(closed)
    assert User.objects.bulk_create([User(phone=None)])
    assert User.objects.create_user("").phone is None


def test_number_is_unique_in_the_database() -> None:
    """Not only in forms."""
    UserFactory.create(phone=PHONE)
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.bulk_create([User(phone=PHONE)])


def test_longest_number_fits() -> None:
    """A plus sign and 15 digits (ITU-T E.164 section 6.2.1); forms have room for punctuation."""
    longest = "+491234567890123"
    assert len(longest) == PhoneField().max_length == 16
    User.objects.bulk_create([User(phone=longest)])
    assert User.objects.get().phone == longest
    assert PhoneField().formfield().max_length == MAX_TEXT


# E-mail address, password, masks


def test_address_is_kept_and_found_in_lower_case() -> None:
    """So that it is unique without an index that MariaDB has not."""
    user = User.objects.create_user(PHONE, email="Ada@Example.ORG")
    assert User.objects.get(email="ADA@example.org") == user
    user.refresh_from_db()
    assert user.email == "ada@example.org"
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("+12025550144", email="aDA@example.org")


def test_no_address_is_null() -> None:
    """An empty text would be unique, and a second account could not have it."""
    for phone in (PHONE, "+12025550144"):
        User.objects.create_user(phone, email="")
    assert User.objects.filter(email=None).count() == 2


@pytest.mark.parametrize("password", [None, ""])
def test_password_is_unusable_unless_one_is_given(password: str | None) -> None:
    """A blank one is none."""
    users: list[Any] = [
        User.objects.create_user(PHONE, password),
        User.objects.create_user(None, password),
        User.objects.create_superuser("+12025550144", password),
    ]
    for user in users:
        assert user.password.startswith("!")
        assert not user.has_usable_password()


def test_account_of_a_first_login_has_an_unusable_password(client: Client) -> None:
    """It logs in by code only."""

    def post(route: str, body: dict[str, str], token: str) -> visits.Answer:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        response = client.post(f"/api/auth/{route}", body, content_type="application/json", headers=headers)
        return response.status_code, response.json()

    assert visits.walk(post, lambda: outbox[-1].body) == visits.STATUSES
    assert User.objects.get(phone=visits.PHONE).password.startswith("!")


def test_texts_about_a_user_hold_no_whole_number() -> None:
    """They end in logs, in the admin's log and in reports."""
    user = UserFactory.create(phone=PHONE)
    assert str(user) == user.get_full_name() == user.get_short_name() == "+1*****43"
    assert repr(user) == f"<User: {user.pk}>"
    assert "5550143" not in repr([user, User.objects.all()])
    closed = UserFactory.create(phone=None)
    assert str(closed) == str(closed.pk)
