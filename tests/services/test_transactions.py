"""Transactions: whose they are, what they refuse, when they are tried again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from django.test import Client as HTTPClient
from django.utils import timezone

from securelogin import services
from securelogin.exceptions import CodeRejected, PasswordRejected, Unavailable
from securelogin.models import Counter, Session
from securelogin.services.transactions import TRIES, in_transaction, is_conflict, with_retries
from tests.factories import SessionFactory, UserFactory, tokens_of

from .conftest import Announcements, Configure
from .visitors import CLIENT, PHONE, Visitor, access, refresh

Verb = Callable[[services.Login], Any]

COUNTING: dict[str, Verb] = {
    "request_code": lambda login: Visitor().ask(),
    "verify_code": lambda login: Visitor().guess("123456"),
    "refresh_tokens": lambda login: services.refresh_tokens(refresh(login)),
    "log_in_with_password": lambda login: services.log_in_with_password(phone=PHONE, password="-", client=CLIENT),
    "change_password": lambda login: services.change_password(
        access(login), login.user, old_password="-", new_password="--"
    ),
    "register": lambda login: services.register(PHONE, client=CLIENT),
    "register_with_password": lambda login: services.register_with_password(
        username="Ada", email="ada@example.com", password="a long way to Tipperary", client=CLIENT
    ),
}
"""The verbs that keep a count whatever becomes of the call."""

ENDING: dict[str, Verb] = {
    "logout": lambda login: services.logout(access(login)),
    "logout_all": lambda login: services.logout_all(access(login)),
    "logout_all_other_sessions": lambda login: services.logout_all_other_sessions(access(login)),
    "end_session": lambda login: services.end_session(access(login), login.session.pk),
    "revoke_sessions": lambda login: services.revoke_sessions(Session.objects.all()),
}
"""The verbs that only end things."""


@contextmanager
def host_that_rolls_back() -> Iterator[None]:
    """Do as a host whose own transaction fails after our verb."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


# Whose transaction


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verb", list(COUNTING.values()), ids=list(COUNTING))
def test_verbs_that_count_refuse_a_transaction(verb: Verb, ada: Visitor, configure: Configure) -> None:
    """A rollback would give guesses back, so the verb says before anything else what a host must do (B5)."""
    configure(AUTH_TYPES=("PHONE", "PASSWORD"))
    login = ada.log_in()
    before = ada.row()
    with transaction.atomic(), pytest.raises(RuntimeError, match="must not run inside a transaction"):
        verb(login)
    assert ada.row() == before


@pytest.mark.django_db(transaction=True)
def test_refusal_names_the_verb(ada: Visitor) -> None:
    """The message is for the one who has to change a view."""
    with transaction.atomic(), pytest.raises(RuntimeError, match=r"services\.request_code\(\).*non_atomic_requests"):
        ada.ask()


@pytest.mark.django_db
def test_test_case_is_exempt(ada: Visitor) -> None:
    """The transaction that Django's ``TestCase`` puts around a test is none of the host's."""
    assert connection.in_atomic_block
    assert ada.log_in()


@pytest.mark.django_db
def test_hosts_transaction_inside_a_test_case_is_refused(ada: Visitor) -> None:
    """A test of a host finds out what its server would."""
    with transaction.atomic(), pytest.raises(RuntimeError):
        ada.ask()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verb", list(ENDING.values()), ids=list(ENDING))
def test_verbs_that_end_nest_and_announce_after_the_commit(
    verb: Verb, ada: Visitor, configure: Configure, announced: Announcements
) -> None:
    """In a host's transaction nothing is told until it commits; where it rolls back nothing has happened (K6)."""
    configure(RESEND_PAUSES=())
    ada.log_in()
    login = ada.log_in()
    announced.clear()
    with host_that_rolls_back():
        verb(login)
    assert announced.names() == []
    assert Session.objects.live().count() == 2
    with transaction.atomic():
        verb(login)
        assert announced.names() == []
    ended = 2 - Session.objects.live().count()
    assert ended > 0
    assert announced.names().count("session_ended") == ended


# ATOMIC_REQUESTS


@pytest.fixture
def atomic_requests() -> Iterator[None]:
    """Let Django wrap every view of the host in a transaction."""
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        yield
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False


def post(client: HTTPClient, route: str, bearer: str = "", **body: Any) -> tuple[int, dict[str, Any]]:
    """Post JSON to a route; gives status and body."""
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    response = client.post(f"/api/auth/{route}", body, content_type="application/json", headers=headers)
    return response.status_code, response.json()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("atomic_requests")
def test_failed_guess_persists_under_atomic_requests(client: HTTPClient, ada: Visitor) -> None:
    """DRF rolls a failed request's transaction back, and ours is not in it (B5)."""
    _status, asked = post(client, "login", auth_type="PHONE", phone=PHONE)
    for _ in range(6):
        assert post(client, "verify_sms", userid=asked["userid"], phone=PHONE, token="000000")[0] == 400
    assert (ada.row().guesses, ada.row().failures_in_day) == (5, 5)
    assert post(client, "verify_sms", userid=asked["userid"], phone=PHONE, token=ada.code())[0] == 400
    assert post(client, "login", auth_type="PHONE", phone=PHONE)[0] == 429
    assert ada.row().sends_in_hour == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("atomic_requests")
def test_reuse_ends_the_session_under_atomic_requests(client: HTTPClient, configure: Configure) -> None:
    """The 401 that answers a theft does not roll its end back (E1)."""
    configure(REFRESH_GRACE=timedelta(0))
    session = SessionFactory()
    token = tokens_of(session).refresh_token
    assert post(client, "refresh", token)[0] == 200
    status, body = post(client, "refresh", token)
    assert (status, body["failure_reason"]) == (401, "AccountObsoleteToken")
    assert not Session.objects.live().exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("atomic_requests")
def test_failed_password_persists_under_atomic_requests(client: HTTPClient, configure: Configure) -> None:
    """Wrong passwords count, at login and where one is changed; so does the address."""
    configure(AUTH_TYPES=("PHONE", "PASSWORD"), FAILURES_PER_DAY=1, LIMITS={"password_ip": "2/hour"})
    user = UserFactory(phone=PHONE, password="a long way to Tipperary")
    body = {"auth_type": "PASSWORD", "phone": PHONE}
    assert post(client, "login", **body, password="wrong")[0] == 400
    assert post(client, "login", **body, password="a long way to Tipperary")[0] == 400
    assert post(client, "login", **body, password="a long way to Tipperary")[0] == 429
    configure(LIMITS={"password_ip": "4/hour"})
    bearer = tokens_of(SessionFactory(user=user)).access_token
    new = "a longer way to Tipperary"
    assert post(client, "password", bearer, oldpassword="wrong", newpassword=new)[0] == 400
    assert post(client, "password", bearer, oldpassword="a long way to Tipperary", newpassword=new)[0] == 400
    assert post(client, "password", bearer, oldpassword="a long way to Tipperary", newpassword=new)[0] == 429


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("atomic_requests")
def test_whole_visit_under_atomic_requests(client: HTTPClient, ada: Visitor) -> None:
    """What goes well goes well there too."""
    _status, asked = post(client, "login", auth_type="PHONE", phone=PHONE)
    status, login = post(client, "verify_sms", userid=asked["userid"], phone=PHONE, token=ada.code())
    assert status == 200
    assert post(client, "op", login["access_token"])[0] == 200
    status, pair = post(client, "refresh", login["refresh_token"])
    assert status == 200
    assert post(client, "logout", pair["access_token"])[0] == 200
    assert post(client, "op", pair["access_token"])[0] == 401


# Conflicts

CONFLICTS = {
    "postgresql": [
        "DO $$ BEGIN RAISE SQLSTATE '40001'; END $$",
        "DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$",
    ],
    "mysql": [
        "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213",
        "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1205",
        "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1020",
    ],
    "sqlite": [],
}
"""Statements that the server itself answers with each conflict it knows."""


class Story:
    """A story that meets a conflict the first ``times`` times, after it has written something."""

    def __init__(self, conflict: str, times: int) -> None:
        self.conflict, self.times, self.runs = conflict, times, 0

    def __call__(self) -> str:
        self.runs += 1
        Counter.objects.create(key=f"run {self.runs}", count=1, expires_at=timezone.now())
        if self.runs <= self.times:
            with connection.cursor() as cursor:
                cursor.execute(self.conflict)
        return "told"


@pytest.mark.django_db(transaction=True)
def test_conflict_is_tried_again_up_to_three_times() -> None:
    """A story runs at most four times, each from nothing; then it is 503's (K4)."""
    for conflict in CONFLICTS[connection.vendor]:
        Counter.objects.all().delete()
        story = Story(conflict, TRIES - 1)
        assert in_transaction(story) == "told"
        assert list(Counter.objects.values_list("key", flat=True)) == [f"run {TRIES}"]
        Counter.objects.all().delete()
        story = Story(conflict, TRIES)
        with pytest.raises(Unavailable) as caught:
            in_transaction(story)
        assert story.runs == TRIES
        assert caught.value.retry_after >= 1
        assert not Counter.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_conflict_inside_a_hosts_transaction_is_the_hosts() -> None:
    """There the whole transaction would have to run again, which only the host can do."""
    for conflict in CONFLICTS[connection.vendor]:
        story = Story(conflict, 1)
        with pytest.raises(DatabaseError), transaction.atomic():
            in_transaction(story)
        assert story.runs == 1


@pytest.mark.django_db(transaction=True)
def test_error_that_would_come_again_is_not_tried_again() -> None:
    """A broken constraint stays broken."""
    runs: list[int] = []

    def story() -> None:
        runs.append(1)
        for _ in range(2):
            Counter.objects.create(key="the same", count=1, expires_at=timezone.now())

    with pytest.raises(IntegrityError):
        in_transaction(story)
    assert len(runs) == 1


def test_error_without_a_cause_is_no_conflict() -> None:
    """What Django raises by itself is nothing that a second run would heal."""
    assert not is_conflict(DatabaseError("Save with update_fields did not affect any rows."))


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("sqlite" not in connections["default"].vendor, reason="a lock of the whole file")
def test_locked_file_is_waited_for(tmp_path: Any) -> None:
    """SQLite's "database is locked" is tried again, and answered 503 where the lock stays."""
    other = connection.copy("other")
    other.settings_dict = {**other.settings_dict, "OPTIONS": {**other.settings_dict["OPTIONS"], "timeout": 0.01}}
    connections["other"] = other
    try:
        with transaction.atomic():
            Counter.objects.create(key="held", count=1, expires_at=timezone.now())
            runs: list[int] = []

            def story() -> int:
                runs.append(1)
                return Counter.objects.using("other").update(count=2)

            other.inc_thread_sharing()
            with pytest.raises(DatabaseError, match="is locked") as caught:
                story()
            assert is_conflict(caught.value)
        assert with_retries(story) == 1
    finally:
        other.close()
        del connections["other"]


# Failures that are told by an exception


@pytest.mark.django_db(transaction=True)
def test_refused_guess_at_a_closed_account_uses_the_code_up(ada: Visitor) -> None:
    """Return inside, raise outside: the exception does not roll the use of the code back."""
    user = UserFactory(phone=PHONE)
    ada.ask()
    users = get_user_model().objects.filter(pk=user.pk)
    users.update(is_active=False)
    with pytest.raises(CodeRejected):
        ada.guess(ada.code())
    assert ada.row().consumed_at is not None
    users.update(is_active=True)
    with pytest.raises(CodeRejected):
        ada.guess(ada.code())


@pytest.mark.django_db(transaction=True)
def test_refused_password_stays_counted(configure: Configure) -> None:
    """Each refusal is in the tables when it is told."""
    configure(AUTH_TYPES=("PASSWORD",), FAILURES_PER_DAY=2)
    UserFactory(phone=PHONE, password="a long way to Tipperary")
    for password in ("wrong", "wrong", "a long way to Tipperary"):
        with pytest.raises(PasswordRejected):
            services.log_in_with_password(phone=PHONE, password=password, client=CLIENT)
