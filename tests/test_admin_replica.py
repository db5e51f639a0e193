"""The admin of a project that reads from a replica: what writes does not believe what the replica says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import connections
from django.db.utils import ConnectionHandler
from django.test import Client
from django.urls import reverse
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from securelogin.models import Session
from tests.clerks import change, clerk, is_done, post
from tests.factories import SessionFactory, UserFactory
from tests.routers import Replica

User = get_user_model()
LAGGING = (User, OutstandingToken, BlacklistedToken, Session)
NEW_PASSWORD = "another way to Tipperary"
WAYS = ["change", "password", "delete", "delete selected"]

Catch = Callable[[], None]
pytestmark = pytest.mark.django_db(transaction=True)


class Lagging(Replica):
    """Sends to the replica what is asked of users and sessions."""

    def db_for_read(self, model: type[Any], **hints: object) -> str:
        """Name the replica for them."""
        return super().db_for_read(model, **hints) if model in LAGGING else "default"


@pytest.fixture
def catch_up(settings: Any) -> Iterator[Catch]:
    """A replica that knows nothing; what is called brings the users to it."""
    made = ConnectionHandler({"default": {}, "replica": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
    connections["replica"] = made["replica"]
    connections["replica"].disable_constraint_checking()
    with connections["replica"].schema_editor() as editor:
        for model in LAGGING:
            editor.create_model(model)
    settings.DATABASE_ROUTERS = [f"{__name__}.{Lagging.__name__}"]

    def copy() -> None:
        User.objects.using("replica").bulk_create(User.objects.using("default").all())

    yield copy
    settings.DATABASE_ROUTERS = []
    connections["replica"].connection.close()  # Django's close() keeps a database in memory
    del connections["replica"]


@pytest.fixture
def staff(catch_up: Catch) -> Client:
    """A client of a superuser whom the replica knows, but nobody else."""
    client = clerk()
    catch_up()
    return client


def test_edit_does_not_bring_an_old_password_back(catch_up: Catch) -> None:
    """Whose owner has changed it, because somebody knows it; the replica does not know yet."""
    staff, user = clerk(), UserFactory.create(password="a long way to Tipperary")
    catch_up()
    User.objects.filter(pk=user.pk).update(password=make_password(NEW_PASSWORD))
    assert change(staff, user, username="Ada").status_code == 302
    row = User.objects.using("default").get(pk=user.pk)
    assert row.username == "Ada"
    assert row.check_password(NEW_PASSWORD)


@pytest.mark.parametrize("way", WAYS)
def test_new_user_is_found_by_what_writes(staff: Client, settings: Any, way: str) -> None:
    """The replica has not heard of it."""
    user = UserFactory.create()
    assert post(staff, way, user).status_code == 302
    settings.DATABASE_ROUTERS = []
    assert is_done(way, user)


@pytest.mark.parametrize("action", ["user end_sessions", "session revoke"])
def test_new_session_is_ended(staff: Client, action: str) -> None:
    """Of whom staff shuts out, no session stays because the replica has not heard of it."""
    session = SessionFactory.create()
    model, name = action.split()
    row = session.user if model == "user" else session
    path = reverse(f"admin:securelogin_{model}_changelist")
    assert staff.post(path, {"action": name, "_selected_action": str(row.pk)}).status_code == 302
    assert Session.objects.using("default").get(pk=session.pk).end_reason == "revoked"
