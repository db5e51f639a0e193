"""The admin beside others who write the same user: what they commit while a page is under way stays."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection
from django.db.models.signals import post_init
from django.test import Client

from tests.clerks import PASSWORD, change, clerk, meanwhile, post
from tests.factories import UserFactory

User = get_user_model()
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
    with meanwhile(post_init, user, lambda: User.objects.filter(pk=user.pk).update(phone="+12025550144")):
        assert post(staff, "password", user).status_code == 302
    user.refresh_from_db()
    assert user.phone == "+12025550144"
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
