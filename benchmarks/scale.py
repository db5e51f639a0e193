"""A site of a million people: ``python -m benchmarks.scale``, or ``tox -e scale``. Fails where a bound is passed.

It fills an empty database, opens the admin's lists, revokes every session, makes all of it old, and clears it while
people log in.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from tests import databases

LIST_MS = 300
"""The most that a page of the admin may take."""
REVOKE_SECONDS, REVOKE_MB = 60, 300
"""The most that it may take to revoke a million sessions."""
LOGIN_MS = 100
"""What 99 of 100 calls of a login may take at most while rows are cleared."""


class Report:
    """What was measured, and what of it is over its bound."""

    def __init__(self) -> None:
        self.over = 0

    def say(self, what: str, value: float, unit: str, bound: float | None = None) -> None:
        """Print one figure beside its bound."""
        is_over = bound is not None and value > bound
        self.over += is_over
        told = "" if bound is None else f"  (at most {bound:g}){'  OVER' if is_over else ''}"
        print(f"{what:<58} {value:>10.1f} {unit}{told}", flush=True)


SERIES = {
    "postgresql": "generate_series(1, {n}) AS series(i)",
    "mysql": "(SELECT seq AS i FROM seq_1_to_{n}) AS series",
    "sqlite": "(WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {n}) SELECT i FROM s)",
}
TEXT = {
    "postgresql": "lpad(to_hex(i), 12, '0')",
    "mysql": "lpad(lower(hex(i)), 12, '0')",
    "sqlite": "printf('%%012x', i)",
}
"""``i`` in twelve digits."""
DIGITS = {
    "postgresql": "lpad(i::text, 8, '0')",
    "mysql": "lpad(i, 8, '0')",
    "sqlite": "printf('%%08d', i)",
}
"""``i`` in eight digits, the rest of a number."""


def fill(model: Any, number: int, **expressions: str) -> None:
    """Insert so many rows; a field that has no expression in ``i`` has its default."""
    from django.db import connection

    columns, values, params = [], [], []
    for field in model._meta.concrete_fields:
        columns.append(connection.ops.quote_name(field.column))
        if field.attname in expressions:
            values.append(expressions[field.attname])
        else:
            values.append("%s")
            params.append(field.get_db_prep_save(field.get_default(), connection))
    table, series = connection.ops.quote_name(model._meta.db_table), SERIES[connection.vendor].format(n=number)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {series}", params)


def _uuid(prefix: str) -> str:
    """Return the ``i``-th UUID under a prefix of eight digits, as the database keeps one."""
    from django.db import connection

    text = TEXT[connection.vendor]
    if connection.features.has_native_uuid_field:
        dashed = _joined(f"'{prefix}-0000-4000-8000-'", text)
        return f"CAST({dashed} AS uuid)" if connection.vendor == "postgresql" else dashed
    return _joined(f"'{prefix}000040008000'", text)


def _joined(*parts: str) -> str:
    from django.db import connection

    return f"CONCAT({', '.join(parts)})" if connection.vendor == "mysql" else " || ".join(parts)


def fill_all(people: int) -> None:
    """Make so many people with a session, a row of codes and a counter each."""
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.utils import timezone
    from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

    from securelogin.models import Counter, OneTimeCode, Session

    text = TEXT[connection.vendor]
    now = timezone.now()
    quoted = {
        name: "'" + str(connection.ops.adapt_datetimefield_value(moment)) + "'"
        for name, moment in (("now", now), ("end", now + timedelta(days=90)))
    }
    if connection.vendor == "postgresql":
        quoted = {name: f"CAST({value} AS timestamptz)" for name, value in quoted.items()}
    phone = _joined("'+1202'", DIGITS[connection.vendor])
    user, session = _uuid("00000001"), _uuid("00000002")
    dashed = _joined("'00000002-0000-4000-8000-'", text)
    fill(get_user_model(), people, id=user, phone=phone, password="'!'", date_joined=quoted["now"])
    fill(
        OutstandingToken,
        people,
        id="i",
        user_id=user,
        jti=dashed,
        token="''",
        created_at=quoted["now"],
        expires_at=quoted["end"],
    )
    fill(
        Session,
        people,
        id=session,
        user_id=user,
        token_id="i",
        rotated_at=quoted["now"],
        created_at=quoted["now"],
        expires_at=quoted["end"],
        user_agent="'Mozilla/5.0 (benchmark)'",
        device="'phone'",
    )
    fill(OneTimeCode, people, key=text, touched_at=quoted["now"])
    fill(Counter, people, key=_joined("'login_ip:'", text), count="1", expires_at=quoted["end"])
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            name = "pg_get_serial_sequence('token_blacklist_outstandingtoken', 'id')"
            cursor.execute(f"SELECT setval({name}, {people})")
            cursor.execute("ANALYZE")
        else:
            for model in (get_user_model(), OutstandingToken, Session, OneTimeCode, Counter):
                verb = "ANALYZE" if connection.vendor == "sqlite" else "ANALYZE TABLE"
                cursor.execute(f"{verb} {connection.ops.quote_name(model._meta.db_table)}")


def lists(report: Report, people: int) -> None:
    """Open the admin's lists as a member of staff does, each five times."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    staff = get_user_model().objects.create_superuser(phone="+12025550100", password=uuid4().hex)
    client = Client(SERVER_NAME="127.0.0.1", raise_request_exception=True)
    client.force_login(staff)
    someone = f"+1202{people // 2:08}"
    user_id = get_user_model().objects.get(phone=someone).pk
    last = people // 100
    pages = {
        "users": "user/",
        "users: the last page": f"user/?p={last}",
        "users: a number": f"user/?q=%2B{someone[1:]}",
        "users: staff": "user/?is_staff__exact=1",
        "users: inactive": "user/?is_active__exact=0",
        "users: nobody's number": "user/?q=%2B12025550199",
        "one user": f"user/{user_id}/change/",
        "sessions": "session/",
        "sessions: the last page": f"session/?p={last}",
        "sessions: of a number": f"session/?q=%2B{someone[1:]}",
        "sessions: live": "session/?state=live",
        "sessions: ended": "session/?state=ended",
        "sessions: expired": "session/?state=expired",
        "sessions: inactive": "session/?state=inactive",
        "sessions: logged out": "session/?end_reason__exact=logout",
    }
    for title, path in pages.items():
        spent = []
        for _ in range(5):
            began = time.perf_counter()
            response = client.get(f"/admin/securelogin/{path}")
            assert response.status_code == 200, (path, response.status_code)
            spent.append((time.perf_counter() - began) * 1000)
        report.say(f"admin, {title}", statistics.median(spent), "ms", LIST_MS)


def run(*arguments: str) -> tuple[float, float]:
    """Run a command; returns its seconds and the most memory it had, in MB."""
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "manage.py", *arguments])
    _pid, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{arguments[0]} failed")
    unit = 1 if platform.system() == "Darwin" else 1024
    return time.monotonic() - began, usage.ru_maxrss * unit / 1e6


@contextmanager
def visitors() -> Iterator[Callable[[], list[float]]]:
    """Have people log in, in a process of its own; the call returns what each of their calls took, in ms."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.scale", "--visit"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def taken() -> list[float]:
        told, _errors = process.communicate()
        found: list[float] = json.loads(told)
        return found

    try:
        yield taken
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def visit() -> None:
    """Log in, ten times a second, until the input ends; prints what each call took."""
    import select

    from django.db import connection

    from tests.api.visitor import Visitor, sent_code

    connection.ensure_connection()
    visitor, spent = Visitor(), []
    for number in count():
        if select.select([sys.stdin], [], [], 0.1)[0]:
            break
        phone = f"+1{201 + number // 100 % 700}5550{100 + number % 100}"
        began = time.perf_counter()
        asked = visitor.ask(phone)
        spent.append((time.perf_counter() - began) * 1000)
        if asked.status_code != 200:
            continue  # an area that does not exist, or a number that was sent a code a moment ago
        began = time.perf_counter()
        answer = visitor.guess(sent_code(), userid=asked.json()["userid"], phone=phone)
        spent.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, answer.content
    print(json.dumps(spent[20:]))


def make_old() -> None:
    """Put everything a year back, so that all of it is over."""
    from django.db.models import F
    from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

    from securelogin.models import Counter, OneTimeCode, Session

    year = timedelta(days=400)
    Session.objects.update(
        created_at=F("created_at") - year, rotated_at=F("rotated_at") - year, ended_at=F("ended_at") - year
    )
    OutstandingToken.objects.update(created_at=F("created_at") - year, expires_at=F("expires_at") - year)
    BlacklistedToken.objects.update(blacklisted_at=F("blacklisted_at") - year)
    OneTimeCode.objects.update(touched_at=F("touched_at") - year)
    Counter.objects.update(expires_at=F("expires_at") - year)


def measure(people: int) -> int:
    """Do all of it on the database that the settings name; returns how many bounds were passed."""
    from django.core.management import call_command
    from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

    from securelogin.models import Counter, OneTimeCode, Session

    report = Report()
    call_command("migrate", verbosity=0)
    began = time.monotonic()
    fill_all(people)
    report.say(f"filling {people} people", time.monotonic() - began, "s")
    lists(report, people)

    scale = people / 1_000_000
    seconds, memory = run("revoke_sessions", "--all", "--no-input", "--verbosity", "0")
    report.say(f"revoke_sessions --all on {people} sessions", seconds, "s", max(REVOKE_SECONDS * scale, 5))
    report.say("  memory", memory, "MB", REVOKE_MB)
    assert not Session.objects.filter(ended_at=None).exists()

    make_old()
    models = (Session, OutstandingToken, BlacklistedToken, OneTimeCode, Counter)
    before = sum(model.objects.count() for model in models)
    with visitors() as taken:
        seconds, memory = run("clear_securelogin", "--verbosity", "1")
        spent = taken()
    report.say(f"clear_securelogin on {before} dead rows", seconds, "s")
    report.say("  memory", memory, "MB", REVOKE_MB)
    report.say(f"  a call of a login meanwhile, median of {len(spent)}", statistics.median(spent), "ms")
    report.say("  the slowest in a hundred", statistics.quantiles(spent, n=100)[98], "ms", LOGIN_MS)
    left = Session.objects.filter(ended_at__isnull=False).count()
    report.say("  dead sessions left", left, "", 0)
    return report.over


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--database", choices=list(databases.SERVERS), default="postgres")
    parser.add_argument("--visit", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.visit or options.measure:
        import django

        django.setup()
        if options.visit:
            visit()
            return 0
        return 1 if measure(options.people) else 0
    with databases.SERVERS[options.database]() as server, databases.empty_database(server) as url:
        environ: Mapping[str, str] = {
            **os.environ,
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
        }
        command = [sys.executable, "-m", "benchmarks.scale", "--measure", "--people", str(options.people)]
        return subprocess.run(command, env=environ, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
