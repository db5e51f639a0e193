"""A database that refuses new accounts, as one does whose user model wants more than ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection


@contextmanager
def refused_accounts(*, name: str | None = None) -> Iterator[list[str]]:
    """Refuse every new account, or those of that name; gives the statements that were refused."""
    refused: list[str] = []

    def refuse(execute: Any, sql: str, parameters: Any, *arguments: Any) -> Any:
        is_account = sql.startswith("INSERT") and get_user_model()._meta.db_table in sql
        if is_account and (name is None or name in parameters):
            refused.append(sql)
            raise IntegrityError("somebody has that")
        return execute(sql, parameters, *arguments)

    with connection.execute_wrapper(refuse):
        yield refused
