"""The project's slot in a bench that drives several servers alike: an application, and tables filled in bulk."""

from __future__ import annotations

import os
import re
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
import django

django.setup()

import outbox
import seeding
import versions as installed
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from securelogin.sms.base import BaseSMSBackend

CODE = re.compile(r"(?<!\d)\d{6}(?!\d)")


class SMSBackend(BaseSMSBackend):
    """Hand the code to the bench."""

    def send(self, *, to: str, body: str) -> None:
        """Find the code in the text."""
        outbox.put(CODE.findall(body)[-1])


class Protected(APIView):
    """A protected view of the project's own."""

    def post(self, request: Request) -> Response:
        """Answer whoever is let in."""
        return Response({"message": "test op successful"})


urlpatterns = [
    path("api/auth/op", Protected.as_view()),
    path("api/auth/", include("securelogin.urls")),
]
application = outbox.expose_code(get_wsgi_application())


def setup(users: int, sessions: int) -> None:
    """Make the tables; fill them with users of the bench's numbers and with sessions, every other one ended."""
    seeding.migrate()
    is_postgres = connection.vendor == "postgresql"
    sql = seeding.Dialect("pg" if is_postgres else "sqlite")
    jti = f"({sql.uuid})::text" if is_postgres else _dashed(sql.uuid)
    later = f"CASE WHEN i % 2 = 0 THEN {sql.now} END"
    owner = f"(SELECT u.id FROM bench_users u WHERE u.number = 1 + i % {users})"
    statements = [
        f"""INSERT INTO securelogin_user
        (id, password, is_superuser, phone, username, is_staff, is_active, date_joined)
        SELECT {sql.uuid}, '!', {sql.false}, {sql.phone}, '', {sql.false}, {sql.true}, {sql.now}
        FROM {sql.series(users)}"""
    ]
    if sessions:
        statements += [
            f"CREATE TEMPORARY TABLE bench_users AS SELECT i AS number, {sql.uuid} AS id FROM {sql.series(users)}",
            "CREATE INDEX bench_users_number ON bench_users (number)",
            f"""INSERT INTO token_blacklist_outstandingtoken (id, user_id, jti, token, created_at, expires_at)
            SELECT i, {owner}, {jti}, '', {sql.now}, {sql.later} FROM {sql.series(sessions)}""",
            """INSERT INTO token_blacklist_blacklistedtoken (token_id, blacklisted_at)
            SELECT id, created_at FROM token_blacklist_outstandingtoken WHERE id % 2 = 0""",
            f"""INSERT INTO securelogin_session
            (id, user_id, token_id, generation, rotated_at, created_at, expires_at, user_agent, device,
             ended_at, end_reason)
            SELECT {sql.uuid}, {owner}, i, 0, {sql.now}, {sql.now}, {sql.later}, '', '',
            {later}, CASE WHEN i % 2 = 0 THEN 'logout' ELSE '' END FROM {sql.series(sessions)}""",
        ]
        if is_postgres:
            name = "pg_get_serial_sequence('token_blacklist_outstandingtoken', 'id')"
            statements.append(f"SELECT setval({name}, {sessions})")
    seeding.dj_execute(statements)


def _dashed(hexadecimal: str) -> str:
    parts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
    return " || '-' || ".join(f"substr({hexadecimal}, {start}, {length})" for start, length in parts)


def versions() -> Any:
    """Name what is installed."""
    names = ("Django", "djangorestframework", "djangorestframework_simplejwt", "PyJWT", "psycopg", "django-securelogin")
    return installed.of(*names)
