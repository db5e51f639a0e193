"""The admin beside traffic: rows that somebody else writes between its look and its deed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth import get_user_model
from django.db import OperationalError, connection, connections
from django.db.models.signals import post_init, pre_delete, pre_save
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from securelogin import codes
from securelogin.admin.history import BATCH
from securelogin.exceptions import CodeRejected
from securelogin.models import OneTimeCode, Session
from securelogin.services.transactions import TRIES
from tests.clerks import change, clerk, is_done, meanwhile, on, post
from tests.factories import SessionFactory, UserFactory
from tests.services.visitors import Visitor

User = get_user_model()

WAYS = {"change": pre_save, "password": pre_save, "delete": pre_delete, "delete selected": pre_delete}
"""What staff does to a user, with the signal that comes in the midst of it."""

pytestmark = pytest.mark.django_db(transaction=True)


class Deadlock(Exception):
    """A driver's error with the state of a victim."""

    sqlstate = "40P01"


class Death(Exception):
    """The end of a worker."""


@pytest.fixture
def staff() -> Client:
    """A client of a superuser."""
    return clerk()


def touch(user: Any) -> Callable[[], None]:
    """Return what writes the user's row and those of its sessions, as logins and refreshes do, and commits."""

    def write() -> None:
        User.objects.filter(pk=user.pk).update(last_login=timezone.now())
        Session.objects.filter(user=user).update(rotated_at=timezone.now())

    return write


def act(staff: Client, action: str, session: Session) -> Any:
    """Choose a session or its user in a list, and an action."""
    model, name = action.split()
    key = session.user_id if model == "user" else session.pk
    return staff.post(reverse(f"admin:securelogin_{model}_changelist"), {"action": name, "_selected_action": str(key)})


def was_done(session: Session, key: str) -> bool:
    """Whether the session is ended or the lock taken back."""
    session.refresh_from_db()
    return session.ended_at is not None or OneTimeCode.objects.get(key=key).disabled_at is None


def be_victim(_instance: Any) -> None:
    """Fail as the database fails for one of two that wait for each other."""
    raise OperationalError("deadlock detected") from Deadlock()


def test_user_that_somebody_wrote_since_it_was_read_is_changed(staff: Client) -> None:
    """In REPEATABLE READ the database turns the first write away, and the admin begins anew."""
    session = SessionFactory.create()
    with meanwhile(post_init, session.user, touch(session.user)):
        answer = change(staff, session.user, is_active="")
    assert answer.status_code == 302
    assert not User.objects.get(pk=session.user_id).is_active
    assert Session.objects.get(pk=session.pk).end_reason == "revoked"


@pytest.mark.parametrize("way", ["delete", "delete selected"])
def test_user_that_somebody_wrote_since_it_was_read_is_deleted(staff: Client, way: str) -> None:
    """One by one and by the action, with the sessions."""
    session = SessionFactory.create()
    with meanwhile(post_init, session.user, touch(session.user)):
        answer = post(staff, way, session.user)
    assert answer.status_code == 302
    assert not User.objects.filter(pk=session.user_id).exists()
    assert not Session.objects.filter(pk=session.pk).exists()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="There a login that waited is the first of a new account")
@pytest.mark.parametrize("way", ["delete", "delete selected"])
def test_login_beside_a_deletion_waits_and_is_refused(staff: Client, way: str) -> None:
    """A session that came between would hold the row that is about to go."""
    ada = Visitor()
    user = UserFactory.create(phone=ada.phone)
    ada.ask()
    with meanwhile(pre_delete, user, lambda: ada.guess(ada.code())) as logins:
        answer = post(staff, way, user)
    refusal = logins[0].exception(timeout=0)
    assert answer.status_code == 302
    assert isinstance(refusal, CodeRejected)
    assert not User.objects.filter(phone=ada.phone).exists()
    assert not Session.objects.exists()


@pytest.mark.parametrize("way", list(WAYS))
def test_victim_of_a_conflict_tries_again(staff: Client, way: str) -> None:
    """Up to three times; what was half done is undone before."""
    user = UserFactory.create()
    with on(WAYS[way], user, be_victim, times=TRIES - 1):
        answer = post(staff, way, user)
    assert answer.status_code == 302
    assert is_done(way, user)


@pytest.mark.parametrize("way", list(WAYS))
def test_database_that_never_gives_in_is_told_of(staff: Client, way: str) -> None:
    """Nothing is changed, and the page comes back with a message."""
    user = UserFactory.create()
    with on(WAYS[way], user, be_victim, times=TRIES):
        answer = post(staff, way, user, follow=True)
    assert answer.status_code == 200
    assert "The database was too busy." in answer.content.decode()
    assert not is_done(way, user)


@pytest.mark.parametrize("way", list(WAYS))
def test_atomic_requests_of_the_host_make_no_difference(staff: Client, way: str) -> None:
    """The pages are outside the host's transaction, where nothing could be run again."""
    user = UserFactory.create()
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        with on(WAYS[way], user, be_victim):
            answer = post(staff, way, user)
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
    assert answer.status_code == 302
    assert is_done(way, user)


@pytest.mark.parametrize("times", [1, TRIES])
def test_page_that_is_run_again_says_once_what_it_did(staff: Client, times: int) -> None:
    """And says nothing of what was rolled back."""
    session = SessionFactory.create()
    failures = iter(range(times))

    def fail(**_message: Any) -> None:
        if next(failures, None) is not None:
            be_victim(None)

    pre_save.connect(fail, sender=LogEntry)
    try:
        answer = change(staff, session.user, is_active="")
    finally:
        pre_save.disconnect(fail, sender=LogEntry)
    html = staff.get(answer["Location"]).content.decode()
    is_ended = Session.objects.get(pk=session.pk).ended_at is not None
    assert is_ended is (times < TRIES)
    assert html.count("1 session was ended.") == int(is_ended)
    assert html.count("The database was too busy.") == int(not is_ended)


def test_pages_are_outside_the_transactions_of_every_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours may be another one than the default, as for the API."""
    monkeypatch.setitem(connections.settings, "members", connections.settings["default"])
    for model in (User, Session):
        for pattern in admin.site.get_model_admin(model).get_urls():
            assert getattr(pattern.callback, "_non_atomic_requests", set()) >= {"default", "members"}, pattern.name


def test_deletion_in_vain_is_not_on_record(staff: Client) -> None:
    """The log says of nobody who is there that they were deleted; of who is gone it says so, once."""
    users = UserFactory.create_batch(2)
    with on(pre_delete, users[0], be_victim, times=TRIES):
        post(staff, "delete selected", users[0])
    assert not LogEntry.objects.exists()
    with on(pre_delete, users[0], be_victim):
        post(staff, "delete selected", users[0])
    post(staff, "delete", users[1])
    assert not User.objects.filter(pk__in=[user.pk for user in users]).exists()
    entries = LogEntry.objects.filter(action_flag=DELETION).values_list("object_id", "object_repr")
    assert set(entries) == {(str(user.pk), str(user)) for user in users}
    assert LogEntry.objects.count() == 2


@pytest.mark.parametrize("action", ["user end_sessions", "user allow_guesses", "session revoke"])
def test_what_is_not_on_record_is_not_done(staff: Client, action: str) -> None:
    """Deed and record are of one transaction: a worker that dies before the record has done nothing."""
    session = SessionFactory.create()
    now, key = timezone.now(), codes.password_row_key(session.user.phone)
    OneTimeCode.objects.touch(key, at=now, disabled_at=now, failures_in_a_row=100)
    failures: list[type[Exception]] = [Death, OperationalError, OperationalError]

    def fail(**_message: Any) -> None:
        if failures:
            raise failures.pop(0)("is locked") from Deadlock()

    pre_save.connect(fail, sender=LogEntry)
    try:
        with pytest.raises(Death):
            act(staff, action, session)
        assert not was_done(session, key)
        assert act(staff, action, session).status_code == 302
    finally:
        pre_save.disconnect(fail, sender=LogEntry)
    assert was_done(session, key)
    assert not failures
    assert LogEntry.objects.count() == 1


def test_more_users_than_go_into_one_transaction(staff: Client) -> None:
    """All are done and on record; on the page they are counted together."""
    sessions = SessionFactory.create_batch(BATCH + 1)
    ids = [str(session.user_id) for session in sessions]
    data = {"action": "end_sessions", "_selected_action": ids}
    html = staff.post(reverse("admin:securelogin_user_changelist"), data, follow=True).content.decode()
    assert f"{BATCH + 1} sessions were ended." in html
    assert not Session.objects.filter(ended_at=None).exists()
    assert set(LogEntry.objects.values_list("object_id", flat=True)) == set(ids)
