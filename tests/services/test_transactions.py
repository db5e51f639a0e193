"""Transactions: whose they are, what they refuse, when they are tried again."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import psycopg
import pymysql
import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from django.db.utils import DatabaseErrorWrapper
from django.test import Client as HTTPClient
from django.utils import timezone

from securelogin import services
from securelogin.exceptions import CodeRejected, PasswordRejected, Unavailable
from securelogin.models import Counter, Session
from securelogin.services import transactions
from securelogin.services.transactions import TRIES, in_transaction, is_conflict
from tests.factories import SessionFactory, UserFactory, tokens_of

from .conftest import Announcements, Configure
from .visitors import CLIENT, PHONE, Visitor, access, refresh

Verb = Callable[[services.Login], Any]

PASSWORD = "a long way to Tipperary"

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
        username="Ada", email="ada@example.com", password=PASSWORD, client=CLIENT
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
@pytest.mark.parametrize("name", list(COUNTING))
def test_verbs_that_count_refuse_a_transaction(name: str, ada: Visitor, configure: Configure) -> None:
    """A rollback would give guesses back, so the verb says before anything else what a host must do (B5)."""
    configure(AUTH_TYPES=("PHONE", "PASSWORD"))
    login = ada.log_in()
    before = ada.row()
    told = rf"services\.{name}\(\) must not run inside a transaction: .*non_atomic_requests"
    with transaction.atomic(), pytest.raises(RuntimeError, match=told):
        COUNTING[name](login)
    assert ada.row() == before


@pytest.mark.django_db
def test_test_case_is_exempt(ada: Visitor) -> None:
    """The transaction that Django's ``TestCase`` puts around a test is none of the host's."""
    assert connection.in_atomic_block
    assert ada.log_in()


@pytest.mark.django_db
def test_hosts_transaction_inside_a_test_case_is_refused(ada: Visitor) -> None:
    """A test of a host finds out what its server would."""
    words = r"services\.request_code\(\) .* back\. Call it outside atomic\(\).*non_atomic_requests\.$"
    with transaction.atomic(), pytest.raises(RuntimeError, match=words):
        ada.ask()


@pytest.mark.django_db
def test_transaction_that_does_not_say_whose_it_is_is_a_hosts(ada: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """By an attribute that is private to Django, and may go."""
    with monkeypatch.context() as patch:
        patch.setattr(connections["default"], "atomic_blocks", [object()])
        with pytest.raises(RuntimeError, match="must not run inside a transaction"):
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


class Elsewhere:
    """A router of a host that keeps its accounts in a database of their own."""

    def db_for_read(self, model: type[Any], **_hints: object) -> str | None:
        """Name it for our tables and simplejwt's."""
        return "other" if model._meta.app_label in {"securelogin", "token_blacklist"} else None

    db_for_write = db_for_read

    def allow_relation(self, *_objects: object, **_hints: object) -> bool:
        """Let rows point at each other."""
        return True


@pytest.fixture
def elsewhere(settings: Any) -> Iterator[str]:
    """The alias of a database that is not the default one, in which all rows are."""
    other = connection.copy("other")
    connections["other"] = other
    connection.close()
    settings.DATABASE_ROUTERS = [f"{__name__}.Elsewhere"]
    yield "other"
    settings.DATABASE_ROUTERS = []
    other.close()
    del connections["other"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verb", list(ENDING.values()), ids=list(ENDING))
def test_verbs_announce_after_the_commit_of_the_database_that_holds_the_rows(
    verb: Verb, elsewhere: str, ada: Visitor, configure: Configure, announced: Announcements
) -> None:
    """A transaction on the default database is none there (K6)."""
    configure(RESEND_PAUSES=())
    ada.log_in()
    login = ada.log_in()
    announced.clear()
    with transaction.atomic(using=elsewhere):
        verb(login)
        assert announced.names() == []
    assert "session_ended" in announced.names()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", list(COUNTING))
def test_verbs_that_count_refuse_a_transaction_where_the_rows_are(
    name: str, elsewhere: str, ada: Visitor, configure: Configure
) -> None:
    """That a host has none open on its default database is not enough (B5)."""
    configure(AUTH_TYPES=("PHONE", "PASSWORD"))
    login = ada.log_in()
    with transaction.atomic(using=elsewhere), pytest.raises(RuntimeError, match="must not run inside"):
        COUNTING[name](login)


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

STATEMENTS = {
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


def raise_locked() -> None:
    """Raise what SQLite says to another connection while this one has written and not committed."""
    path = connection.settings_dict["NAME"]
    with closing(sqlite3.connect(path, timeout=0)) as other, DatabaseErrorWrapper(connection):
        other.execute("BEGIN IMMEDIATE")


def raise_by(statement: str) -> None:
    """Raise what the server answers a statement with."""
    with connection.cursor() as cursor:
        cursor.execute(statement)


def conflicts() -> list[Callable[[], None]]:
    """Return all that raises a conflict on this database."""
    statements = STATEMENTS[connection.vendor]
    return [partial(raise_by, each) for each in statements] or [raise_locked]


class Story:
    """A story that meets a conflict the first ``times`` times, after it has written something."""

    def __init__(self, conflict: Callable[[], None], times: int) -> None:
        self.conflict, self.times, self.runs = conflict, times, 0

    def __call__(self) -> str:
        self.runs += 1
        Counter.objects.create(key=f"run {self.runs}", count=1, expires_at=timezone.now())
        if self.runs <= self.times:
            self.conflict()
        return "told"


@pytest.mark.django_db(transaction=True)
def test_conflict_is_tried_again_up_to_three_times() -> None:
    """A story runs at most four times, each from nothing; then it is 503's (K4)."""
    for conflict in conflicts():
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
@pytest.mark.parametrize(("pick", "waits"), [(min, [0.005, 0.01, 0.015]), (max, [0.05, 0.1, 0.15])])
def test_waits_between_tries_grow_and_every_try_is_logged(
    pick: Callable[..., float],
    waits: list[float],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """From a few milliseconds to a seventh of a second: nobody waits long, and two do not meet again and again."""
    slept: list[float] = []
    monkeypatch.setattr(transactions, "time", SimpleNamespace(sleep=slept.append))
    monkeypatch.setattr(transactions, "random", SimpleNamespace(uniform=pick))
    with caplog.at_level(logging.INFO, "securelogin.services"), pytest.raises(Unavailable):
        in_transaction(Story(conflicts()[0], TRIES))
    assert slept == pytest.approx(waits)
    assert caplog.messages == [f"database conflict, try {number} of 4" for number in (1, 2, 3, 4)]


@pytest.mark.django_db(transaction=True)
def test_conflict_inside_a_hosts_transaction_is_the_hosts() -> None:
    """There the whole transaction would have to run again, which only the host can do."""
    for conflict in conflicts():
        story = Story(conflict, 1)
        with pytest.raises(DatabaseError), transaction.atomic():
            in_transaction(story)
        assert story.runs == 1


DRIVERS: list[tuple[Exception | None, bool]] = [
    (psycopg.errors.SerializationFailure(), True),
    (psycopg.errors.DeadlockDetected(), True),
    (psycopg.errors.LockNotAvailable(), False),
    (pymysql.err.OperationalError(1020, "Record has changed since last read"), True),
    (pymysql.err.OperationalError(1205, "Lock wait timeout exceeded"), True),
    (pymysql.err.OperationalError(1213, "Deadlock found"), True),
    (pymysql.err.OperationalError(2006, "Server has gone away"), False),
    (sqlite3.OperationalError("database is locked"), True),
    (sqlite3.OperationalError("database table is locked: securelogin_counter"), True),
    (sqlite3.OperationalError("no such table: securelogin_counter"), False),
    (sqlite3.OperationalError(), False),
    (None, False),
]
"""What the drivers say, and whether the same statements may well succeed the next time."""


@pytest.mark.parametrize(("cause", "is_one"), DRIVERS, ids=repr)
def test_conflict_is_known_by_what_the_driver_says(cause: Exception | None, is_one: bool) -> None:
    """Each driver in its way; what Django raises by itself is nothing that a second run would heal."""
    error = DatabaseError()
    error.__cause__ = cause
    assert is_conflict(error) is is_one


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
