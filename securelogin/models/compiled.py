"""Statements that the ORM writes once and that are run many times, each with one cursor call.

``Param`` stands in a queryset where a value will be. What the compiler of Django makes of it is kept: the SQL, which
parameter is which, and how a row is read. Nothing of a connection is kept, so threads and databases share nothing but
text. It leans on what Django does not promise, so every statement is held against the plain queryset in tests, on
every Django and database.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.core.signals import setting_changed
from django.db import connections
from django.db.models import AutoField, Expression, Model, QuerySet
from django.db.models.constants import OnConflict
from django.db.models.sql import InsertQuery, UpdateQuery

from .rows import Converting, converted, converters_of, decoy_of


class Param(Expression):
    """A value that comes later, under a name; it is adapted as a value of ``field`` is.

    What is added to it, or taken from it, is so before the database sees it.
    """

    def __init__(self, name: str, field: Any, shift: Any = None) -> None:
        super().__init__(output_field=field)
        self.name, self.shift = name, shift
        self.key = (name, field, shift)

    # What is added is known before the database is asked, so a sum is a parameter too and no expression.
    def __add__(self, other: Any) -> Param:  # type: ignore[override]
        return Param(self.name, self.output_field, other)

    def __sub__(self, other: Any) -> Param:  # type: ignore[override]
        return Param(self.name, self.output_field, -other)

    # The stubs know values as parameters only; what stands here is put in the place of one.
    def as_sql(self, _compiler: Any, _connection: Any, **_options: Any) -> tuple[str, Any]:  # type: ignore[override]
        """Put itself where its value will be."""
        return "%s", [self]

    def adapt(self, values: Mapping[str, Any], connection: Any) -> Any:
        """Return its value as the database takes it."""
        value = values[self.name]
        return self.output_field.get_db_prep_value(value if self.shift is None else value + self.shift, connection)


class _Prepared:
    """SQL, and its parameters, of which a value that stands in several places is adapted once."""

    def __init__(self, sql: str, params: Sequence[Any]) -> None:
        self.sql = sql
        found = {param.key if isinstance(param, Param) else place: param for place, param in enumerate(params)}
        self._wanted = tuple(found.values())
        places = {key: place for place, key in enumerate(found)}
        self._places = [places[p.key if isinstance(p, Param) else place] for place, p in enumerate(params)]

    def execute(self, cursor: Any, connection: Any, values: Mapping[str, Any]) -> None:
        adapted = [p.adapt(values, connection) if isinstance(p, Param) else p for p in self._wanted]
        cursor.execute(self.sql, [adapted[place] for place in self._places])


class _Statement(ABC):
    """Is compiled when it is first run on a database; one that names several rows, for each number of them."""

    def __init__(self) -> None:
        self._compiled: dict[tuple[str, int], Any] = {}
        _statements.append(self)

    def _for(self, using: str, size: int = 1) -> Any:
        found = self._compiled.get((using, size))
        if found is None:
            found = self._compiled[using, size] = self._compile(using, size)
        return found

    @abstractmethod
    def _compile(self, using: str, size: int) -> Any:
        """Return what ``run`` and its like need."""

    def forget(self) -> None:
        """Compile anew the next time."""
        self._compiled.clear()


@dataclass(frozen=True)
class _Rows:
    statement: _Prepared
    model: type[Model]
    names: Sequence[str]
    converters: Sequence[Converting]
    decoy: Sequence[Any] | None
    """A row as that of a new instance would be."""

    def read(self, row: Sequence[Any], connection: Any) -> Sequence[Any]:
        if not self.converters:
            return row
        values = list(row)
        for index, expression, converters in self.converters:
            values[index] = converted(values[index], expression, converters, connection)
        return values

    def make(self, row: Sequence[Any], using: str, connection: Any) -> Any:
        return self.model.from_db(using, self.names, self.read(row, connection))


class Select(_Statement):
    """Reads whole instances of one model, or with ``values_list()`` tuples.

    ``has_decoy``: where ``first`` finds none, it makes one and throws it away, so that its time tells nothing.
    """

    def __init__(self, make: Callable[[], QuerySet[Any]], *, has_decoy: bool = False) -> None:
        super().__init__()
        self._make, self._has_decoy = make, has_decoy

    def first(self, using: str, **values: Any) -> Any:
        """Return the first instance, or None."""
        rows, connection = self._for(using), connections[using]
        with connection.cursor() as cursor:
            rows.statement.execute(cursor, connection, values)
            row = cursor.fetchone()
        if row is not None:
            return rows.make(row, using, connection)
        if rows.decoy is not None:
            with suppress(Exception):  # whatever the project's model says of a row that is not there
                rows.make(rows.decoy, using, connection)
        return None

    def tuples(self, using: str, **values: Any) -> list[tuple[Any, ...]]:
        """Return all rows."""
        rows, connection = self._for(using), connections[using]
        with connection.cursor() as cursor:
            rows.statement.execute(cursor, connection, values)
            return [tuple(rows.read(row, connection)) for row in cursor.fetchall()]

    def _compile(self, using: str, size: int) -> _Rows:
        queryset = self._make()
        compiler = queryset.query.get_compiler(using)
        sql, params = compiler.as_sql()
        model = queryset.model
        names = [field.attname for field in model._meta.concrete_fields]
        converters = list(converters_of(compiler, [expression for expression, _sql, _alias in compiler.select]))
        decoy = None
        if self._has_decoy:
            with suppress(Exception):  # a model of the project's may refuse to be empty
                decoy = decoy_of(model(), converters, connections[using])
        return _Rows(_Prepared(sql, params), model, names, converters, decoy)


class Update(_Statement):
    """Writes to the rows of a queryset. ``make`` takes the number of rows that are named."""

    def __init__(self, make: Callable[[int], QuerySet[Any]], changes: Callable[[], Mapping[str, Any]]) -> None:
        super().__init__()
        self._make, self._changes = make, changes

    def run(self, using: str, size: int = 1, **values: Any) -> int:
        """Return how many rows were changed."""
        statement, connection = self._for(using, size), connections[using]
        with connection.cursor() as cursor:
            statement.execute(cursor, connection, values)
            return int(cursor.rowcount)

    def _compile(self, using: str, size: int) -> _Prepared:
        query: Any = self._make(size).query.chain(UpdateQuery)
        query.add_update_values(self._changes())
        return _Prepared(*query.get_compiler(using).as_sql())


class _Inserting(_Statement):
    def __init__(
        self, make: Callable[[int], Sequence[Model]], *, unique: str | None = None, update: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self._make, self._unique, self._update = make, unique, update

    def _compiler(self, using: str, size: int) -> Any:
        instances = self._make(size)
        meta = instances[0]._meta
        query = InsertQuery(
            type(instances[0]),
            on_conflict=OnConflict.UPDATE if self._unique else None,
            update_fields=[meta.get_field(name) for name in self._update],
            unique_fields=[meta.get_field(self._unique)] if self._unique and _takes_target(using) else [],
        )
        fields = [field for field in meta.concrete_fields if not isinstance(field, AutoField)]
        query.insert_values(fields, list(instances), raw=True)  # or auto_now_add would be the moment of compiling
        return query.get_compiler(using)


class Insert(_Inserting):
    """Writes instances. With ``unique`` over those that have the same, which get the fields in ``update``."""

    def run(self, using: str, size: int = 1, **values: Any) -> None:
        """Write so many instances."""
        statement, connection = self._for(using, size), connections[using]
        with connection.cursor() as cursor:
            statement.execute(cursor, connection, values)

    def _compile(self, using: str, size: int) -> _Prepared:
        ((sql, params),) = self._compiler(using, size).as_sql()
        return _Prepared(sql, params)


class Upsert(_Inserting):
    """Writes one instance, over the one that has the same ``unique``, and reads what is there then."""

    def row(self, using: str, **values: Any) -> Any:
        """Return the instance."""
        rows, connection = self._for(using), connections[using]
        with connection.cursor() as cursor:
            rows.statement.execute(cursor, connection, values)
            return rows.make(cursor.fetchone(), using, connection)

    def _compile(self, using: str, size: int) -> _Rows:
        compiler = self._compiler(using, size)
        meta = compiler.query.get_meta()
        compiler.returning_fields = meta.concrete_fields
        columns = [field.get_col(meta.db_table) for field in meta.concrete_fields]
        names = [field.attname for field in meta.concrete_fields]
        ((sql, params),) = compiler.as_sql()
        return _Rows(_Prepared(sql, params), meta.model, names, list(converters_of(compiler, columns)), None)


def _takes_target(using: str) -> bool:
    """Whether an upsert names its unique fields; MariaDB takes them from the indexes and refuses to be told."""
    return bool(connections[using].features.supports_update_conflicts_with_target)


_statements: list[_Statement] = []


def forget() -> None:
    """Compile every statement anew the next time: something that a queryset asked for has changed."""
    for statement in _statements:
        statement.forget()


def _on_setting(*, setting: str, **_facts: Any) -> None:
    if setting in {"AUTH_USER_MODEL", "DATABASES", "USE_TZ"}:
        forget()


setting_changed.connect(_on_setting)
