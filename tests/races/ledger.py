"""Reads ``Books`` from the tables, past the API."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from django.contrib.auth import get_user_model
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from securelogin import codes, conf, tokens
from securelogin.models import OneTimeCode, Session
from securelogin.phones import E164

from .books import Books
from .supplies import Lines


class Ledger:
    """Reads what is known about a number; ``events`` is the file of announcements."""

    def __init__(self, events: Path) -> None:
        self._lines = Lines(events)
        self._announced: Counter[tuple[str, str]] = Counter()

    def read(self, phone: E164) -> Books:
        """Read the books of a number."""
        self._announced.update((entry["signal"], entry["session"]) for entry in self._lines.new())
        sessions = list(Session.objects.filter(user__phone=phone).order_by("pk"))
        jtis = [str(session.pk) for session in sessions]
        row, password_row = _row(codes.row_key(phone, codes.ANYONE)), _row(codes.password_row_key(phone))
        return Books(
            users=get_user_model()._default_manager.filter(phone=phone).count(),
            sessions=len(sessions),
            live=Session.objects.live().filter(user__phone=phone).count(),
            generations=tuple(session.generation for session in sessions),
            ended_for=tuple(session.end_reason for session in sessions if session.ended_at),
            outstanding=OutstandingToken.objects.filter(user__phone=phone).count(),
            blacklisted=BlacklistedToken.objects.filter(token__securelogin_session__user__phone=phone).count(),
            guesses=row.guesses,
            failures_in_day=row.failures_in_day,
            failures_in_a_row=row.failures_in_a_row,
            password_failures=password_row.failures_in_day,
            reuses=sum(self._announced["refresh_token_reused", jti] for jti in jtis),
            endings=sum(self._announced["session_ended", jti] for jti in jtis),
        )


def code(phone: E164, device_token: str | None) -> str:
    """Compute the code that the row of a device, or of anyone, holds; zeros where there is none."""
    device = tokens.read_device(phone, device_token)
    asker = codes.device_asker(device.id) if device else codes.ANYONE
    row = _row(codes.row_key(phone, asker))
    return row.code(phone=phone, asker=asker, purpose=codes.Purpose.LOGIN) or "0" * conf.current().CODE_LENGTH


def _row(key: str) -> OneTimeCode:
    return OneTimeCode.objects.filter(key=key).first() or OneTimeCode()
