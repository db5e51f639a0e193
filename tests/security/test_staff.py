"""Staff (I): what holds already of the admin's door, of what its pages show, and of passwords that nobody set."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from securelogin.models import OneTimeCode, Session
from tests.api.visitor import PASSWORD, Visitor, sent_code
from tests.factories import SessionFactory, UserFactory, tokens_of
from tests.visits import PHONE

User = get_user_model()
STAFF_PHONE = "+12025550199"
LINK = re.compile(r'href="(/admin/[^"#]*)"')
JWT = re.compile(r"eyJ[\w-]+\.")
"""The beginning of a token. Its first letters alone stand in a page's random CSRF token now and then."""

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss() -> Any:
    """Make a superuser with a password."""
    user: Any = User.objects.create_superuser(STAFF_PHONE, PASSWORD)
    return user


# I1


@pytest.mark.parametrize("path", ["/admin/", "/admin/securelogin/user/", "/admin/jsi18n/"])
def test_token_does_not_open_the_admin(client: Client, boss: Any, path: str) -> None:
    """An access token of a superuser is nothing to the admin (I1)."""
    token = tokens_of(SessionFactory(user=boss)).access_token
    answer = client.get(path, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "\\\\evil.example"]
)
def test_login_of_the_admin_leads_nowhere_else(client: Client, boss: Any, target: str) -> None:
    """After the login staff is where the admin is, whatever the link said (I1)."""
    answer = client.post("/admin/login/", {"username": STAFF_PHONE, "password": PASSWORD, "next": target})
    assert answer.status_code == 302
    assert "evil" not in answer["Location"]
    assert answer["Location"].startswith("/")


def test_admin_asks_for_its_csrf_token_and_is_not_framed(boss: Any) -> None:
    """Another site neither posts to the admin nor shows it in a frame (I1)."""
    client = Client(enforce_csrf_checks=True)
    assert client.post("/admin/login/", {"username": STAFF_PHONE, "password": PASSWORD}).status_code == 403
    client.force_login(boss)
    changes = reverse("admin:securelogin_user_change", args=[boss.pk])
    assert client.post(changes, {"phone": PHONE}).status_code == 403
    assert client.get(changes)["X-Frame-Options"] == "DENY"


# I4


def crawl(client: Client) -> dict[str, str]:
    """Read every page of the admin that a link leads to, and those that only scripts ask for."""
    found: dict[str, str] = {}
    ahead = ["/admin/"]
    for row in (*User.objects.all(), *Session.objects.all()):
        name = row._meta.model_name
        ahead += [reverse(f"admin:securelogin_{name}_{page}", args=[row.pk]) for page in ("change", "history")]
    while ahead:
        path = ahead.pop()
        if path in found or "logout" in path:
            continue
        answer = client.get(path, follow=True)
        assert answer.status_code == 200, path
        found[path] = answer.content.decode()
        ahead += [link.replace("&amp;", "&") for link in LINK.findall(found[path])]
        assert len(found) < 300
    return found


def test_no_page_of_the_admin_shows_a_secret(client: Client, boss: Any) -> None:
    """No page holds a code, what one is computed from, a token, a digest or a hash; simplejwt's pages neither (I4)."""
    visitor = Visitor()
    visitor.ask()
    code, row = sent_code(), OneTimeCode.objects.get()
    user = UserFactory(phone=PHONE, password=PASSWORD)
    session = SessionFactory(user=user, retry_digest="d1" * 32, device="a phone")
    ended = SessionFactory(user=user)
    Session.objects.filter(pk=ended.pk).end("logout", at=timezone.now())
    pair = tokens_of(session)
    client.force_login(boss)
    pages = crawl(client)
    for part in ("securelogin/user/", "securelogin/session/", "token_blacklist/outstandingtoken/", "/history/"):
        assert [path for path in pages if part in path], part
    secrets = [row.key, row.nonce, "d1" * 32, user.password, boss.password, pair.refresh_token[-20:]]
    for path, page in pages.items():
        assert not re.search(rf"(?<!\d){code}(?!\d)", page), path
        assert not [secret for secret in secrets if secret in page], path
        assert not JWT.search(page), path
        if f"user/{user.pk}" not in path:
            assert PHONE.lstrip("+") not in page, path


# I6


def load(folder: Path) -> None:
    """Load a user from a fixture that names no password."""
    fixture = folder / "user.json"
    fixture.write_text(json.dumps([{"model": "securelogin.user", "fields": {"phone": PHONE}}]))
    call_command("loaddata", fixture, verbosity=0)


WAYS: dict[str, Callable[[Path], object]] = {
    "create_user": lambda _folder: User.objects.create_user(PHONE),
    "create_superuser": lambda _folder: User.objects.create_superuser(PHONE, ""),
    "create": lambda _folder: User.objects.create(phone=PHONE),
    "save": lambda _folder: User(phone=PHONE).save(),
    "get_or_create": lambda _folder: User.objects.get_or_create(phone=PHONE),
    "bulk_create": lambda _folder: User.objects.bulk_create([User(phone=PHONE)]),
    "fixture": load,
    "createsuperuser": lambda _folder: call_command("createsuperuser", interactive=False, phone=PHONE, verbosity=0),
    "first login": lambda _folder: Visitor().log_in(PHONE),
}


@pytest.mark.parametrize("way", list(WAYS.values()), ids=list(WAYS))
def test_account_that_was_given_no_password_has_none(tmp_path: Path, settings: Any, way: Callable[[Path], Any]) -> None:
    """Whichever way it was made, its password is unusable and no text is it, the empty one neither (I6)."""
    settings.SECURELOGIN = {
        **settings.SECURELOGIN,
        "AUTH_TYPES": ("PHONE", "PASSWORD"),
        "RESEND_PAUSES": (timedelta(0),),
    }
    way(tmp_path)
    user: Any = User.objects.get()
    assert user.password.startswith("!")
    assert not user.has_usable_password()
    for text in ("", "!", user.password):
        assert authenticate(phone=PHONE, password=text) is None
        answer = Visitor().post("login", {"auth_type": "PASSWORD", "phone": PHONE, "password": text})
        assert answer.status_code == 400
