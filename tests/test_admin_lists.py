"""A host's list of users that is edited in place: what others commit meanwhile stays, as on the page of one user."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.db import OperationalError, models
from django.db.models.signals import pre_save
from django.test import Client, RequestFactory
from django.urls import path, reverse

from securelogin.admin import PhoneUserAdmin
from securelogin.models import Session
from securelogin.services.transactions import TRIES
from tests.clerks import clerk, on
from tests.factories import SessionFactory, UserFactory
from tests.services.beside import beside
from tests.services.statements import statements_of

User = get_user_model()
pytestmark = pytest.mark.django_db(transaction=True)


class Deadlock(Exception):
    """A driver's error with the state of a victim."""

    sqlstate = "40P01"


class Row(forms.ModelForm):  # type: ignore[type-arg]
    """A row of the list; while the first is looked at, others do what a test says. It mends names."""

    meanwhile: ClassVar[list[Callable[[], None]]] = []

    def clean(self) -> dict[str, Any]:
        """Let the others in, between the reading of the rows and the writing."""
        if self.meanwhile:
            self.meanwhile.pop()()
        return {**self.cleaned_data, "username": self.cleaned_data["username"].strip("_")}


class Editable(PhoneUserAdmin):
    """A host's users, whose names and states are edited in the list; whoever saves one joins the staff."""

    list_display: Any = ("masked_phone", "username", "is_active")
    list_editable = ("username", "is_active")

    def get_changelist_form(self, request: Any, **kwargs: Any) -> Any:
        """Use the form above."""
        return super().get_changelist_form(request, **{**kwargs, "form": Row})

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
        """Write a column that no form has."""
        obj.is_staff = True
        super().save_model(request, obj, form, change)


site = admin.AdminSite(name="admin")
site.register(User, Editable)
urlpatterns = [path("admin/", site.urls)]


@pytest.fixture
def staff(settings: Any) -> Client:
    """A client of a superuser of the host."""
    settings.ROOT_URLCONF = __name__
    return clerk()


def save(staff: Client, **changes: dict[str, str]) -> Any:
    """Post the list as it is shown, but for the changes of some users by id."""
    rows = list(User.objects.order_by("-date_joined", "pk"))
    data = {"form-TOTAL_FORMS": str(len(rows)), "form-INITIAL_FORMS": str(len(rows)), "_save": "Save"}
    for number, row in enumerate(rows):
        shown = {"id": str(row.pk), "username": row.username, "is_active": "on" if row.is_active else ""}
        for name, value in {**shown, **changes.get(str(row.pk), {})}.items():
            if value:
                data[f"form-{number}-{name}"] = value
    return staff.post(reverse("admin:securelogin_user_changelist"), data)


def test_list_does_not_bring_an_old_password_back(staff: Client) -> None:
    """Nor a number that is another's by now: what is in no column of the list is not written back."""
    user = UserFactory.create(phone="+12025550143")
    written: list[Future[Any]] = []

    def write() -> None:
        rows = User.objects.filter(pk=user.pk)
        written.append(beside(pool, lambda: rows.update(password="!new", phone="+12025550144")))
        wait(written, timeout=1)

    Row.meanwhile.append(write)
    with ThreadPoolExecutor(1) as pool:
        answer = save(staff, **{str(user.pk): {"username": "_Ada_"}})
    assert answer.status_code == 302
    assert written[0].result(timeout=0) == 1
    row = User.objects.get(pk=user.pk)
    assert (row.username, row.password, row.phone) == ("Ada", "!new", "+12025550144")
    assert row.is_staff


def test_list_ends_the_sessions_of_whom_it_shuts_out(staff: Client) -> None:
    """And of nobody else; after a conflict it is run again, and says and records once what it did."""
    session, other = SessionFactory.create_batch(2)
    failures = iter(range(TRIES - 1))

    def fail(_instance: Any) -> None:
        if next(failures, None) is not None:
            raise OperationalError("deadlock detected") from Deadlock()

    with on(pre_save, session.user, fail, times=TRIES):
        answer = save(staff, **{str(session.user_id): {"is_active": ""}})
    assert answer.status_code == 302
    html = staff.get(answer["Location"]).content.decode()
    assert html.count("1 session was ended.") == 1
    assert html.count("1 user was changed successfully.") == 1
    assert Session.objects.get(pk=session.pk).end_reason == "revoked"
    assert Session.objects.get(pk=other.pk).end_reason == ""
    assert LogEntry.objects.get().object_id == str(session.user_id)


def test_list_is_not_saved_by_who_may_only_look(staff: Client) -> None:
    """And what is no id of a user is none: nothing is saved, and nothing breaks."""
    user = UserFactory.create()
    assert save(staff, **{str(user.pk): {"id": "x", "username": "Ada"}}).status_code in {200, 400}
    User.objects.filter(is_superuser=True).update(is_superuser=False)
    assert save(staff, **{str(user.pk): {"username": "Ada"}}).status_code == 403
    assert User.objects.get(pk=user.pk).username == user.username


@pytest.mark.parametrize("key", ["9" * 30, "-" + "9" * 30, "", "nobody", "1.5"])
def test_key_that_no_user_can_have_locks_nobody(key: str, rf: RequestFactory) -> None:
    """A host's keys may be integers, and a form names any; nothing is locked where the list is not edited."""
    own = Editable(User, site)
    own.opts = SimpleNamespace(pk=models.BigAutoField(primary_key=True, name="id"))  # type: ignore[assignment]  # of it
    assert not statements_of(lambda: own.lock_edited(rf.post("/", {"form-0-id": key})))
    posted = rf.post("/", {"form-0-id": str(UserFactory.create().pk)})
    assert not statements_of(lambda: PhoneUserAdmin(User, site).lock_edited(posted))
    assert len(statements_of(lambda: Editable(User, site).lock_edited(posted))) == 1
