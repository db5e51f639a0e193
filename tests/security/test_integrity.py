"""Integrity (J2, J3, K): what a database that refuses, a host that rolls back and a migration leave behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in
from django.db import connection, transaction
from django.db.models.signals import post_save

from securelogin import signals
from securelogin.models import OneTimeCode, Session
from securelogin.services import sending
from securelogin.sms.locmem import SMSBackend as LocmemBackend
from securelogin.sms.locmem import outbox
from tests.api.conftest import NO_LIMITS
from tests.api.refusals import TRY_AGAIN, refusal_of
from tests.api.visitor import Visitor, derived_id, sent_code
from tests.factories import SessionFactory, UserFactory, tokens_of
from tests.hosts.test_hosts import HOSTS, Host
from tests.visits import PHONE

User = get_user_model()

# J3: a database that does not write


@contextmanager
def read_only() -> Iterator[None]:
    """Have the database refuse every write of this process, as a standby does."""
    switch = {
        "sqlite": ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
        "postgresql": ("SET default_transaction_read_only = on", "SET default_transaction_read_only = off"),
        "mysql": ("SET SESSION TRANSACTION READ ONLY", "SET SESSION TRANSACTION READ WRITE"),
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(switch[0])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(switch[1])


def calls_that_write() -> dict[str, Callable[[], Any]]:
    """Return calls that each write a row; each may be made again."""
    visitor, session = Visitor(), SessionFactory(user=UserFactory(phone="+12025550199"))
    tokens = tokens_of(session)
    visitor.ask()
    code = sent_code()
    return {
        "register": lambda: visitor.ask("+12025550144", route="register", username="Ada"),
        "login": lambda: visitor.ask("+12025550155"),
        "verify_sms": lambda: visitor.guess(code, userid=derived_id()),
        "refresh": lambda: visitor.post("refresh", {}, token=tokens.refresh_token),
        "logout_all_other_sessions": lambda: visitor.post("logout_all_other_sessions", {}, token=tokens.access_token),
        "logout": lambda: visitor.post("logout", {}, token=tokens.access_token),
    }


def assert_recovers(calls: dict[str, Callable[[], Any]], refused: dict[str, Any], sent: int) -> None:
    """Each call was told to try again, nothing was sent, and each goes well now."""
    assert {name: refusal_of(answer) for name, answer in refused.items()} == dict.fromkeys(calls, TRY_AGAIN)
    assert len(outbox) == sent
    assert not User.objects.filter(phone=PHONE).exists()
    for name, call in calls.items():
        assert call().status_code == 200, name


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("limits", [{}, NO_LIMITS], ids=["limits", "no limits"])
def test_database_that_is_read_only(settings: Any, limits: dict[str, Any]) -> None:
    """A database that refuses writes is 503 and no half a login; once it writes again all goes on (J3)."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "LIMITS": limits}
    calls = calls_that_write()
    with read_only():
        refused = {name: call() for name, call in calls.items()}
    assert_recovers(calls, refused, sent=1)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a server's disk cannot be filled from here")
@pytest.mark.django_db(transaction=True)
def test_disk_that_is_full(settings: Any) -> None:
    """A full disk is 503, for as long as it is full, and whoever was refused is served then (J3)."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "LIMITS": NO_LIMITS}
    visitor = Visitor()
    numbers = [f"+1212{2_000_000 + number}" for number in range(300)]  # some find room in pages that others left
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0]}")
    answers = {number: visitor.ask(number) for number in numbers}
    refused = {number: answer for number, answer in answers.items() if answer.status_code != 200}
    assert 0 < len(refused) < len(numbers)
    assert {refusal_of(answer) for answer in refused.values()} == {TRY_AGAIN}
    assert len(outbox) == len(numbers) - len(refused)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA max_page_count = 1073741823")
    assert {visitor.ask(number).status_code for number in refused} == {200}


# J3, K6: what is sent


class LookingBackend(LocmemBackend):
    """Keep texts, and what the database looked like when each was handed over."""

    seen: list[tuple[bool, int]] = []

    def send(self, *, to: str, body: str) -> None:
        """Look for an open transaction, and with another connection for the row."""
        with closing(connection.copy("other")) as other, other.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM securelogin_onetimecode WHERE nonce <> ''")
            self.seen.append((connection.in_atomic_block, cursor.fetchone()[0]))
        super().send(to=to, body=body)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("send", ["inline", "thread"])
def test_text_goes_out_after_the_commit(settings: Any, send: str) -> None:
    """When a provider is called the row is committed and no transaction waits for it (K6)."""
    LookingBackend.seen.clear()
    backend = {"default": {"BACKEND": f"{__name__}.LookingBackend"}}
    settings.SECURELOGIN = {**settings.SECURELOGIN, "SMS": backend, "SEND": send}
    visitor = Visitor()
    assert visitor.ask().status_code == 200
    assert sending.drain()
    assert LookingBackend.seen == [(False, 1)]
    assert visitor.guess(sent_code(), userid=derived_id()).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_text_that_was_lost_can_be_asked_for_again(settings: Any) -> None:
    """A process that dies between commit and sending costs the pause, and leaves no trap (J3, K6)."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "SMS": {"default": {"BACKEND": "tests.api.crashing.SMSBackend"}}}
    visitor = Visitor()
    visitor.client.raise_request_exception = False
    with time_machine.travel(datetime(2031, 5, 6, tzinfo=timezone.utc), tick=False) as clock:
        assert visitor.ask().status_code == 500
        row = OneTimeCode.objects.get()
        assert (row.sends_in_hour, row.guesses, row.failures_in_day) == (1, 0, 0)
        settings.SECURELOGIN = {**settings.SECURELOGIN, "SMS": {"default": {"BACKEND": f"{LOCMEM}"}}}
        assert visitor.ask().status_code == 429
        clock.shift(timedelta(seconds=30))
        assert visitor.ask().status_code == 200
        assert visitor.guess(sent_code(), userid=derived_id()).status_code == 200


LOCMEM = "securelogin.sms.locmem.SMSBackend"


@contextmanager
def heard() -> Iterator[list[Any]]:
    """Listen to what a login announces."""
    said: list[Any] = []
    announcements = (user_logged_in, signals.user_registered, signals.session_ended)

    def ear(signal: Any, **_arguments: Any) -> None:
        said.append(signal)

    for each in announcements:
        each.connect(ear)
    yield said
    for each in announcements:
        each.disconnect(ear)


@pytest.mark.django_db(transaction=True)
def test_login_that_is_rolled_back_tells_nobody() -> None:
    """Where the host's own receiver stops a login there is no account, no session, no word, and the code works (K6)."""
    visitor = Visitor()
    visitor.client.raise_request_exception = False
    visitor.ask()

    def refuse(**_arguments: Any) -> None:
        raise RuntimeError("the host changed its mind")

    with heard() as said:
        post_save.connect(refuse, sender=User)
        try:
            assert visitor.guess(sent_code(), userid=derived_id()).status_code == 500
        finally:
            post_save.disconnect(refuse, sender=User)
        assert said == []
        assert not User.objects.exists()
        assert not Session.objects.exists()
        assert visitor.guess(sent_code(), userid=derived_id()).status_code == 200
    assert signals.user_registered in said


# K3


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text", ["12025550123", "+1 202 555 0123", "+12025550123 ", "+012025550123", "tel:+12025550123"]
)
def test_no_way_of_the_orm_writes_another_spelling(text: str) -> None:
    """A number is written as E.164 or not at all, also where many rows are written at once (K3)."""
    user = UserFactory(phone=PHONE)
    user.phone = text
    for write in (
        lambda: User.objects.bulk_update([user], ["phone"]),
        lambda: User.objects.update_or_create(pk=user.pk, defaults={"phone": text}),
        lambda: User.objects.get_or_create(phone=text),
        lambda: User.objects.bulk_create(
            [User(pk=user.pk, phone=text)], update_conflicts=True, update_fields=["phone"], unique_fields=TARGET
        ),
        lambda: user.save(update_fields=["phone"]),
    ):
        with pytest.raises(ValueError, match=r"phone takes E\.164"), transaction.atomic():
            write()
    assert User.objects.get().phone == PHONE


TARGET = ["id"] if connection.features.supports_update_conflicts_with_target else None


# K5


def test_migrations_lose_nothing(empty_database: str) -> None:
    """A hundred thousand codes and their users are there after each way, and no server wrote the table anew (K5)."""
    host = Host(HOSTS["default"], empty_database)
    done = host.run("tests.security.migrating")
    assert done.returncode == 0, done.stderr
    first, *others = json.loads(done.stdout)
    assert (first["codes"][0], first["users"][0]) == ("100000", "100")
    assert others == [first] * 3
