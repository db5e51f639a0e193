"""Reads ``Books`` from the tables, past the API."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from django.contrib.auth import get_user_model
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from securelogin import codes
from securelogin.models import OneTimeCode, Session
from securelogin.phones import E164

from .books import Books


def read(phone: E164, events: Path) -> Books:
    """Read what is known about a number; ``events`` is the file of announcements."""
    sessions = list(Session.objects.filter(user__phone=phone).order_by("pk"))
    jtis = [str(session.pk) for session in sessions]
    row, password_row = _row(codes.row_key(phone, codes.ANYONE)), _row(codes.password_row_key(phone))
    announced = _announced(events, set(jtis))
    return Books(
        users=get_user_model()._default_manager.filter(phone=phone).count(),
        sessions=len(sessions),
        live=Session.objects.live().filter(user__phone=phone).count(),
        generations=tuple(session.generation for session in sessions),
        ended_for=tuple(session.end_reason for session in sessions if session.ended_at),
        outstanding=OutstandingToken.objects.filter(user__phone=phone).count(),
        blacklisted=BlacklistedToken.objects.filter(token__jti__in=jtis).count(),
        guesses=row.guesses,
        failures_in_day=row.failures_in_day,
        failures_in_a_row=row.failures_in_a_row,
        password_failures=password_row.failures_in_day,
        reuses=announced["refresh_token_reused"],
        endings=announced["session_ended"],
    )


def _row(key: str) -> OneTimeCode:
    return OneTimeCode.objects.filter(key=key).first() or OneTimeCode()


def _announced(events: Path, sessions: set[str]) -> Counter[str]:
    if not events.exists():
        return Counter()
    entries = [json.loads(line) for line in events.read_text().splitlines()]
    return Counter(entry["signal"] for entry in entries if entry["session"] in sessions)
