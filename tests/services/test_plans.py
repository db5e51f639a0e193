"""How the database finds what a call asks for: by an index, whatever the table has grown to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client as HTTPClient
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from securelogin import services
from securelogin.exceptions import CodeRejected
from securelogin.models import Counter, OneTimeCode, Session
from tests.factories import UserFactory

from .conftest import Configure
from .visitors import PHONE, Visitor, access, wrong

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = 3000
"""So many that no planner prefers to read them all."""

PASSWORD = "correct horse battery staple"
VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE")


@pytest.fixture
def grown() -> None:
    """Tables with many rows of others."""
    now = timezone.now()
    users: Any = get_user_model().objects.bulk_create(
        [get_user_model()(phone=f"+1202{number:07}", email=f"{number}@example.com") for number in range(ROWS)]
    )
    ids = [uuid4() for _ in users]
    tokens = OutstandingToken.objects.bulk_create(
        [
            OutstandingToken(user=user, jti=str(pk), token="", created_at=now, expires_at=now + timedelta(days=365))
            for user, pk in zip(users, ids, strict=True)
        ]
    )
    tokens = list(OutstandingToken.objects.order_by("pk")) if tokens[0].pk is None else tokens
    Session.objects.bulk_create(
        [
            Session(id=pk, user=user, token=token, rotated_at=now, created_at=now, expires_at=now + timedelta(days=365))
            for user, pk, token in zip(users, ids, tokens, strict=True)
        ]
    )
    BlacklistedToken.objects.bulk_create([BlacklistedToken(token=token) for token in tokens[::3]])
    OneTimeCode.objects.bulk_create([OneTimeCode(key=uuid4().hex * 2, touched_at=now) for _ in range(ROWS)])
    Counter.objects.bulk_create(
        [Counter(key=f"login_ip:3600:{uuid4().hex}", count=1, expires_at=now + timedelta(hours=1)) for _ in range(ROWS)]
    )
    with connection.cursor() as cursor:
        for model in (get_user_model(), OutstandingToken, Session, BlacklistedToken, OneTimeCode, Counter):
            table = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(f"ANALYZE TABLE {table}" if connection.vendor == "mysql" else f"ANALYZE {table}")


@contextmanager
def explained() -> Iterator[list[str]]:
    """Ask for the plan of each statement before it runs; gives those that read a table from end to end."""
    scans: list[str] = []
    is_asking: list[bool] = []

    def explain(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(VERBS) and not is_asking and not many:
            is_asking.append(True)
            scans.extend(f"{table} in {sql}" for table in PLANS[connection.vendor](sql, params))
            is_asking.clear()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        yield scans


def _rows(sql: str, params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def of_postgres(sql: str, params: Any) -> list[str]:
    """Return the tables of sequential scans."""
    (plan,) = _rows(f"EXPLAIN (FORMAT JSON) {sql}", params)
    return _sequential((plan[0] if not isinstance(plan[0], str) else json.loads(plan[0]))[0]["Plan"])


def _sequential(plan: Any) -> list[str]:
    own = [plan["Relation Name"]] if plan["Node Type"] == "Seq Scan" else []
    return own + [table for part in plan.get("Plans", []) for table in _sequential(part)]


def of_mariadb(sql: str, params: Any) -> list[str]:
    """Return the tables of which all rows, or all of an index, are read."""
    found = _rows(f"EXPLAIN {sql}", params)
    return [str(row[2]) for row in found if row[1] != "INSERT" and row[3] in {"ALL", "index"}]


def of_sqlite(sql: str, params: Any) -> list[str]:
    """Return the tables that are scanned."""
    told = [row[3] for row in _rows(f"EXPLAIN QUERY PLAN {sql}", params)]
    return [step for step in told if step.startswith("SCAN") and "CONSTANT ROW" not in step]


PLANS = {"postgresql": of_postgres, "mysql": of_mariadb, "sqlite": of_sqlite}


def test_plan_that_reads_a_whole_table_is_seen(grown: None) -> None:
    """Or the tests below show nothing."""
    with explained() as scans:
        assert not Session.objects.filter(device="nobody's").exists()
        assert get_user_model().objects.filter(username="nobody").update(username="") == 0
    assert len(scans) == 2, scans


def test_whole_visit_by_code_is_found_by_indexes(grown: None, client: HTTPClient, configure: Configure) -> None:
    """From the first ask to the last logout, refused calls among them."""
    configure(RESEND_PAUSES=(), LIMITS={}, MAX_SESSIONS=5)
    ada = Visitor()

    def post(route: str, bearer: str = "", **body: Any) -> Any:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        answer = client.post(f"/api/auth/{route}", body, content_type="application/json", headers=headers)
        return answer.json()

    with explained() as scans:
        post("register", username="Ada", auth_type="PHONE", phone=PHONE)
        for _ in range(3):  # a first login, and the next ones
            userid = post("login", auth_type="PHONE", phone=PHONE)["userid"]
            post("verify_sms", userid=userid, phone=PHONE, token=wrong(ada.code()))
            login = post("verify_sms", userid=userid, phone=PHONE, token=ada.code())
            assert post("op", login["access_token"])["message"]
        old = login["refresh_token"]
        pair = post("refresh", old)
        post("refresh", old)
        headers = {"Authorization": f"Bearer {login['access_token']}"}
        sessions = client.get("/api/auth/sessions", headers=headers).json()["results"]
        assert len(sessions) == 3
        client.delete(f"/api/auth/sessions/{sessions[-1]['id']}", headers=headers)
        assert post("logout_all_other_sessions", login["access_token"])["revoked"] == 1
        assert post("logout", pair["access_token"])
        assert post("op", pair["access_token"])["error"]
        login = post(
            "verify_sms", userid=post("login", auth_type="PHONE", phone=PHONE)["userid"], phone=PHONE, token=ada.code()
        )
        assert post("logout_all", login["access_token"])["revoked"] == 1
    assert scans == []


def test_whole_visit_by_password_is_found_by_indexes(grown: None, configure: Configure) -> None:
    """Registration, login by either name, a change."""
    configure(AUTH_TYPES=("PHONE", "PASSWORD"), LIMITS={})
    client = Visitor().client
    UserFactory(phone=PHONE, password=PASSWORD)
    with explained() as scans:
        services.register_with_password(username="Ada", email="ada@example.com", password=PASSWORD, client=client)
        services.log_in_with_password(email="ada@example.com", phone=None, password=PASSWORD, client=client)
        login: Any = services.log_in_with_password(email=None, phone=PHONE, password=PASSWORD, client=client)
        services.change_password(
            access(login), login.user, old_password=PASSWORD, new_password=f"{PASSWORD}, too", client=client
        )
    assert scans == []


def test_known_device_is_found_by_indexes(grown: None, configure: Configure) -> None:
    """Its budgets are in a row of its own."""
    configure(RESEND_PAUSES=(), LIMITS={})
    ada = Visitor()
    ada.log_in_and_remember()
    with explained() as scans:
        ada.log_in()
        with pytest.raises(CodeRejected):
            ada.guess("000000")
    assert scans == []
