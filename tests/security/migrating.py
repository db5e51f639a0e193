"""Migrate a database that holds a hundred thousand rows of codes: ``python -m tests.security.migrating``.

``DATABASE_URL`` names an empty one. Prints JSON: what stands in our tables before, after each way, and after the last.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import Any

import django
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

FIRST = ("securelogin", "0001_initial")
FEW, TIMES = 1000, 100

IDENTITIES = {
    "postgresql": "SELECT pg_relation_filenode('securelogin_onetimecode')",
    "mysql": "SELECT table_id FROM information_schema.innodb_sys_tables "
    "WHERE name = CONCAT(DATABASE(), '/securelogin_onetimecode')",
}
"""What a server gives a table anew when it writes all of it again. SQLite copies tables as a matter of course."""


quote = connection.ops.quote_name
key = quote("key")


def fill() -> None:
    """Write the rows as the first release would have: a few by its models, and so many times as many by the server."""
    apps = MigrationExecutor(connection).loader.project_state(FIRST).apps
    now = timezone.now()
    row: dict[str, Any] = {"touched_at": now, "expires_at": now + timedelta(minutes=5), "nonce": "0a" * 16}
    code = apps.get_model("securelogin", "OneTimeCode")
    code._default_manager.bulk_create(
        code(key=f"x{number:062x}", failures_in_month=number % 50, **row) for number in range(FEW)
    )
    user = apps.get_model("securelogin", "User")
    user._default_manager.bulk_create(user(phone=f"+1202555{number:04}", username="Ada") for number in range(100))
    others = ", ".join(quote(field.column) for field in code._meta.local_fields if field.name != "key")
    copy = (
        f"INSERT INTO securelogin_onetimecode ({key}, {others}) "  # noqa: S608 - names of columns
        f"SELECT REPLACE({key}, 'x', %s), {others} FROM securelogin_onetimecode WHERE {key} LIKE %s"
    )
    with connection.cursor() as cursor:
        for number in range(1, TIMES):
            cursor.execute(copy, [f"{number:02x}", "x%"])


def picture() -> dict[str, Any]:
    """Return what stands in the tables, and which table it is."""
    seen: dict[str, Any] = {}
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*), MIN({key}), MAX({key}), SUM(failures_in_month) FROM securelogin_onetimecode")  # noqa: S608
        seen["codes"] = [str(value) for value in cursor.fetchone()]
        cursor.execute("SELECT COUNT(*), MIN(phone), MAX(phone), MIN(username) FROM securelogin_user")
        seen["users"] = [str(value) for value in cursor.fetchone()]
        if connection.vendor in IDENTITIES:
            cursor.execute(IDENTITIES[connection.vendor])
            seen["table"] = str(cursor.fetchone()[0])
    return seen


def main() -> None:
    """Go from the first migration to the newest, back, and forth again."""
    call_command("migrate", *FIRST, verbosity=0)
    fill()
    pictures = [picture()]
    for target in ((), FIRST, ()):
        call_command("migrate", *target, verbosity=0)
        pictures.append(picture())
    json.dump(pictures, sys.stdout)


if __name__ == "__main__":
    django.setup()
    main()
