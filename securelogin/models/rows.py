"""How rows are read, and rows of nobody: what is read where none was found, so that its time tells nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import DateTimeField, Model
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone

Converter = Callable[[Any, Any, Any], Any]
Converting = tuple[int, Any, Sequence[Converter]]
"""The index of a column, its expression, and what makes a value of what the driver gives."""


def converted(value: Any, expression: Any, converters: Sequence[Converter], connection: Any) -> Any:
    """Return the value that is made of what the driver gave."""
    for convert in converters:
        value = convert(value, expression, connection)
    return value


def converters_of(compiler: SQLCompiler, columns: list[Any]) -> Iterable[Converting]:
    """Yield what the columns of a query that was compiled are read by; nothing of its connection is in it."""
    found = compiler.get_converters(columns)
    for index, (converters, expression) in found.items():
        yield index, expression, [_free(converter, compiler.connection) for converter in converters]


def _free(converter: Converter, connection: Any) -> Converter:
    """Return a converter that is a method of this connection's ``ops`` as one that takes those of the connection."""
    if getattr(converter, "__self__", None) is not connection.ops:
        return converter
    return partial(_convert, converter.__name__)


def _convert(name: str, value: Any, expression: Any, connection: Any) -> Any:
    return getattr(connection.ops, name)(value, expression, connection)


def decoy_of(instance: Model, converters: Iterable[Converting], connection: Any) -> list[Any]:
    """Return the row that the instance would have, with a time where it has none yet: who logged in has them all."""
    of_column = {index: (expression, functions) for index, expression, functions in converters}
    row = []
    for index, field in enumerate(instance._meta.concrete_fields):
        forms = list(_forms(field, instance, connection))
        row.append(_readable(forms, *of_column[index], connection) if index in of_column else forms[0])
    return row


def _forms(field: Any, instance: Model, connection: Any) -> Iterable[Any]:
    """Yield the forms in which a driver may give the value; which it is, the converters know."""
    value = None if field.generated else getattr(instance, field.attname)
    if value is None and isinstance(field, DateTimeField):
        value = timezone.now()
    if value is None or hasattr(value, "resolve_expression"):  # the latter is the database's own default
        yield None
        return
    if isinstance(value, datetime):
        yield value.replace(tzinfo=None)
    with suppress(Exception):  # a default may be no value that the field takes
        yield field.get_db_prep_save(value, connection)
    yield str(value)


def _readable(forms: Iterable[Any], expression: Any, converters: Sequence[Converter], connection: Any) -> Any:
    for form in forms:
        with suppress(Exception):  # it is not that one
            converted(form, expression, converters, connection)
            return form
    return None
