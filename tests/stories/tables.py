"""The tables, read as they are and held against the model."""

from __future__ import annotations

import re
from collections import Counter as Tally
from collections.abc import Iterable
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session as DjangoSession
from django.db import models
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from securelogin.models import Counter, OneTimeCode, Session, User

from .model import Site
from .model_codes import Row

OURS: tuple[type[models.Model], ...] = (OneTimeCode, Counter, Session, BlacklistedToken, OutstandingToken, LogEntry)
DIGITS = re.compile(r"(?<![0-9a-f])\d+(?![0-9a-f])")
"""A number that is not a part of a digest."""


def empty() -> None:
    """Leave no row of an earlier story."""
    for model in (LogEntry, DjangoSession, Session, BlacklistedToken, OutstandingToken, User, OneTimeCode, Counter):
        model._default_manager.all().delete()


def check(site: Site, *, staff: Any) -> None:
    """Hold every row against the model."""
    _check_users(site, staff)
    _check_sessions(site)
    _check_codes(site)


def check_secrets(tokens: Iterable[str], codes: Iterable[str], phones: Iterable[str]) -> None:
    """No token's text, no code and no whole number is in any row, but the number in its user's own field."""
    texts = [text for model in OURS for text in _texts(model)]
    texts += _texts(User, but="phone")
    everything = "\n".join(texts)
    for token in tokens:
        assert token.rpartition(".")[2] not in everything, "a token is in a row"
    numbers = set(DIGITS.findall(everything))
    assert numbers.isdisjoint(codes), "a code is in a row"
    for phone in phones:
        assert phone.removeprefix("+1") not in everything, "a whole number is in a row"


def _texts(model: type[models.Model], *, but: str = "") -> list[str]:
    names = [field.attname for field in model._meta.concrete_fields if field.name != but]
    return [str(value) for row in model._default_manager.values_list(*names) for value in row if isinstance(value, str)]


def _check_users(site: Site, staff: Any) -> None:
    real = {user.pk: (user.phone, user.is_active, user.username) for user in User.objects.exclude(pk=staff.pk)}
    assert real == {pk: (user.phone, user.is_active, user.display_name) for pk, user in site.users.items()}
    held = Tally(phone for phone, _is_active, _name in real.values() if phone)
    assert all(count == 1 for count in held.values()), "two users have one number"


def _check_sessions(site: Site) -> None:
    blacklisted = set(BlacklistedToken.objects.values_list("token_id", flat=True))
    rows = list(Session.objects.select_related("token"))
    assert {row.pk for row in rows} == set(site.sessions), "sessions came or went"
    for row in rows:
        model = site.sessions[row.pk]
        expected = (model.user, model.generation, model.rotated_at, model.expires_at, model.end, model.is_blacklisted)
        is_out = row.token_id in blacklisted
        assert (row.user_id, row.generation, row.rotated_at, row.expires_at, row.end_reason, is_out) == expected
        assert (row.ended_at is not None) == bool(model.end), "ended without a reason, or a reason without an end"
        assert (row.token.jti, row.token.token) == (str(row.pk), ""), "an outstanding token is not its session's"


def _check_codes(site: Site) -> None:
    rows = {row.key: row for row in OneTimeCode.objects.all()}
    models = {row.name_at_rest: row for row in site.rows.values()}
    assert set(rows) == set(models), "rows of codes came or went"
    for key, model in models.items():
        real, expected = _of_table(rows[key]), _of_model(model)
        for name, value in expected.items():
            assert real[name] == value, (name, key)


def _of_table(row: OneTimeCode) -> dict[str, Any]:
    return {
        "live": (row.expires_at, row.guesses, row.consumed_at is not None),
        "resend_at": row.resend_at,
        "sends": [(row.sends_in_hour, row.hour_began_at), (row.sends_in_day, row.sending_day_began_at)],
        "failures": [(row.failures_in_day, row.day_began_at), (row.failures_in_month, row.month_began_at)],
        "in_a_row": (row.failures_in_a_row, row.disabled_at is not None),
        "name": (row.display_name, row.name_expires_at),
    }


def _of_model(row: Row) -> dict[str, Any]:
    return {
        "live": (row.expires_at, row.guesses, row.is_used),
        "resend_at": row.resend_at,
        "sends": [(window.count, window.began) for window in row.sends],
        "failures": [(window.count, window.began) for window in row.failures],
        "in_a_row": (row.in_a_row, row.is_disabled),
        "name": (row.display_name, row.name_expires_at),
    }


def names_left() -> set[str]:
    """Return the names of the rows of codes that there are."""
    return set(OneTimeCode.objects.values_list("key", flat=True))


def sessions_left() -> set[Any]:
    """Return the ids of the sessions that there are."""
    return set(Session.objects.values_list("pk", flat=True))
