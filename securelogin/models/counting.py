"""The statements of a code's row: an ask, a guess that is counted, used up or forgiven. ``OneTimeCode`` runs them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Case, F, IntegerField, Q, Value, When
from django.db.models.expressions import Combinable

from .compiled import Insert, Param, Select, Update, Upsert

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MONTH = timedelta(days=30)
YEAR = timedelta(days=365)

FAILURE_WINDOWS = (("failures_in_day", "day_began_at", DAY), ("failures_in_month", "month_began_at", MONTH))

BUDGETS = ("CODE_MAX_GUESSES", "FAILURES_PER_DAY", "FAILURES_PER_MONTH", "FAILURES_IN_A_ROW")
"""The settings that ``COUNT`` and ``COUNT_AT_CODE`` take."""

ASK_FIELDS = (
    "purpose",
    "nonce",
    "key_id",
    "provider",
    "provider_id",
    "code_length",
    "expires_at",
    "guesses",
    "consumed_at",
    "sends_in_hour",
    "hour_began_at",
    "sends_in_day",
    "sending_day_began_at",
    "resend_at",
    "touched_at",
)
"""What ``OneTimeCode.renew`` changes."""


def _model() -> type[models.Model]:
    return apps.get_model("securelogin", "OneTimeCode")


def _param(name: str) -> Param:
    return Param(name, _model()._meta.get_field(name))


def _at() -> Param:
    return Param("at", _model()._meta.get_field("touched_at"))


def _row(**conditions: Any) -> models.QuerySet[Any]:
    return _model()._default_manager.filter(key=_param("key"), **conditions)


_NUMBER = IntegerField()


def _budget(name: str) -> Param:
    return Param(name, _NUMBER)


def _with_room() -> models.QuerySet[Any]:
    at = _at()
    day = Q(day_began_at=None) | Q(day_began_at__lte=at - DAY) | Q(failures_in_day__lt=_budget("FAILURES_PER_DAY"))
    month = Q(month_began_at=None) | Q(month_began_at__lte=at - MONTH)
    month |= Q(failures_in_month__lt=_budget("FAILURES_PER_MONTH"))
    return _row(disabled_at=None, failures_in_a_row__lt=_budget("FAILURES_IN_A_ROW")).filter(day, month)


def _at_code() -> models.QuerySet[Any]:
    guesses = _budget("CODE_MAX_GUESSES")
    return _with_room().filter(nonce=_param("nonce"), consumed_at=None, expires_at__gt=_at(), guesses__lt=guesses)


def _failed() -> dict[str, Any]:
    """MariaDB evaluates SET from left to right: what reads the old count or the old start goes before it."""
    at = _at()
    is_last = When(failures_in_a_row__gte=_budget("FAILURES_IN_A_ROW") - 1, then=at)
    values: dict[str, Any] = {"disabled_at": Case(is_last), "failures_in_a_row": F("failures_in_a_row") + 1}
    for count, began, length in FAILURE_WINDOWS:
        is_open = {f"{began}__gt": at - length}
        values[count] = Case(When(**is_open, then=F(count) + 1), default=Value(1))
        values[began] = Case(When(**is_open, then=F(began)), default=at)
    return {**values, "failed_at": at, "touched_at": at}


def _forgiven(in_a_row: Combinable) -> dict[str, Any]:
    counts = {count: _one_less(count) for count, _began, _length in FAILURE_WINDOWS}
    return {**counts, "failures_in_a_row": in_a_row, "disabled_at": None}


def _one_less(count: str) -> Case:
    return Case(When(**{f"{count}__gt": 0}, then=F(count) - 1), default=Value(0))


def _used_up() -> Mapping[str, Any]:
    return {"consumed_at": _at(), "display_name": "", "name_expires_at": None, **_forgiven(Value(0))}


ROW = Select(_row)
"""The row of a ``key``."""

RENEW = Update(lambda _size: _row(), lambda: {name: _param(name) for name in ASK_FIELDS})
"""Write what ``renew`` changed: ``key`` and ``ASK_FIELDS``."""

COUNT = Update(lambda _size: _with_room(), _failed)
"""Count a failure: ``key``, ``at`` and ``BUDGETS``."""

COUNT_AT_CODE = Update(lambda _size: _at_code(), lambda: {**_failed(), "guesses": F("guesses") + 1})
"""Count a failure and a guess at the live code of a ``nonce``."""

CONSUME = Update(lambda _size: _row(nonce=_param("nonce"), consumed_at=None), _used_up)
"""Use the code of a ``key`` and ``nonce`` up ``at`` a moment."""

FORGIVE = Update(lambda _size: _row(), lambda: _forgiven(_one_less("failures_in_a_row")))
"""Give a failure of a ``key`` back."""

FORGIVE_ALL = Update(lambda _size: _row(), lambda: _forgiven(Value(0)))
"""The same, and end the failures in a row."""


@lru_cache(maxsize=16)
def touch(names: tuple[str, ...]) -> Insert:
    """Return the upsert of a ``key``, ``touched_at`` a moment, with fields of these names."""
    fields = ("touched_at", *names)
    return Insert(lambda _size: _touched(fields), unique="key", update=fields)


def _touched(names: tuple[str, ...]) -> list[models.Model]:
    return [_model()(**{name: _param(name) for name in ("key", *names)})]


TOUCH = Upsert(lambda _size: _touched(("touched_at",)), unique="key", update=("touched_at",))
"""Make or touch the row of a ``key``, ``touched_at`` a moment, and read it."""
