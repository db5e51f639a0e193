"""Sites that are broken in one place each: what the stories must notice, so that their silence means something."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db.models import F

from securelogin import codes
from securelogin.models import OneTimeCode, Session
from securelogin.models.codes import OneTimeCodeQuerySet
from securelogin.models.sessions import SessionQuerySet
from securelogin.services import accounts, guesses, rotation
from securelogin.services import codes as code_verbs
from securelogin.tokens import Device, RefreshToken

Break = Callable[[pytest.MonkeyPatch], None]
SECOND = timedelta(seconds=1)
FAILURES = ["failures_in_day", "failures_in_month", "failures_in_a_row"]


def forgive_an_older_generation(patch: pytest.MonkeyPatch) -> None:
    """Within the grace, take a token two generations old for a repeat."""
    is_repeat = rotation.is_repeat

    def one_more(session: Session, generation: int, **rest: Any) -> bool:
        return is_repeat(session, generation, **rest) or is_repeat(session, generation + 1, **rest)

    patch.setattr(rotation, "is_repeat", one_more)


def forget_to_look_whether_used(patch: pytest.MonkeyPatch) -> None:
    """Use a code up without the condition that nobody else did."""

    def consume(self: OneTimeCodeQuerySet, key: str, *, nonce: str, at: datetime) -> bool:
        self.filter(key=key, nonce=nonce).update(consumed_at=None)
        return real(self, key, nonce=nonce, at=at)

    real = OneTimeCodeQuerySet.consume
    patch.setattr(OneTimeCodeQuerySet, "consume", consume)


def let_a_new_code_reset_failures(patch: pytest.MonkeyPatch) -> None:
    """Begin every budget anew with each code."""

    def renew(self: OneTimeCode, **arguments: Any) -> None:
        real(self, **arguments)
        for name in FAILURES:
            setattr(self, name, 0)

    real = OneTimeCode.renew
    patch.setattr(OneTimeCode, "renew", renew)

    def save_ask(self: OneTimeCode, *, using: str) -> None:
        real_save(self, using=using)
        self.save(update_fields=FAILURES, using=using)

    real_save = OneTimeCode.save_ask
    patch.setattr(OneTimeCode, "save_ask", save_ask)


def end_no_other_sessions(patch: pytest.MonkeyPatch) -> None:
    """For one of the reasons, say which sessions end and end none."""

    def end_named(
        self: SessionQuerySet, ids: Iterable[UUID], user_id: Any, reason: str, **arguments: Any
    ) -> list[UUID]:
        if reason == "logout_others":
            return list(ids)
        return real(self, ids, user_id, reason, **arguments)

    real = SessionQuerySet.end_named
    patch.setattr(SessionQuerySet, "end_named", end_named)


def trust_the_device_of_a_former_owner(patch: pytest.MonkeyPatch) -> None:
    """Leave the user out of the question whose device it is."""

    def asker(_phone: Any, _user: Any, device: Device | None) -> str:
        return codes.device_asker(device.id) if device else codes.ANYONE

    patch.setattr(code_verbs, "asker_of", asker)
    patch.setattr(guesses, "asker_of", asker)


def forget_the_key_of_a_call(patch: pytest.MonkeyPatch) -> None:
    """Rotate without keeping the Idempotency-Key, so that an honest repeat is taken for a theft."""
    rotate = SessionQuerySet.rotate
    patch.setattr(SessionQuerySet, "rotate", lambda *args, **rest: rotate(*args, **{**rest, "retry_digest": None}))


def let_the_inactive_in(patch: pytest.MonkeyPatch) -> None:
    """Take a session for live whatever became of its user."""
    patch.setattr(SessionQuerySet, "live", lambda self, at=None: self.filter(ended_at=None))


def hide_the_row_of_a_former_key(patch: pytest.MonkeyPatch) -> None:
    """Make a new row after a new SECRET_KEY, with budgets of its own."""
    patch.setattr(accounts, "row_key", codes.row_key)


def take_codes_that_are_over(patch: pytest.MonkeyPatch) -> None:
    """Let a code live a second longer."""

    def count_failure(self: OneTimeCodeQuerySet, key: str, **arguments: Any) -> bool:
        late = {"expires_at__lte": arguments["at"], "expires_at__gt": arguments["at"] - SECOND}
        self.filter(key=key, **late).update(expires_at=F("expires_at") + SECOND)
        return real(self, key, **arguments)

    real = OneTimeCodeQuerySet.count_failure
    patch.setattr(OneTimeCodeQuerySet, "count_failure", count_failure)


def keep_sessions_of_a_changed_number(patch: pytest.MonkeyPatch) -> None:
    """Leave a user in who was given another number."""

    def end_named(
        self: SessionQuerySet, ids: Iterable[UUID], user_id: Any, reason: str, **arguments: Any
    ) -> list[UUID]:
        return [] if reason == "phone" else real(self, ids, user_id, reason, **arguments)

    real = SessionQuerySet.end_named
    patch.setattr(SessionQuerySet, "end_named", end_named)


def lengthen_the_grace(patch: pytest.MonkeyPatch) -> None:
    """Take a call that comes a second after the grace for a repeat."""
    is_repeat = rotation.is_repeat

    def later(session: Session, generation: int, *, at: datetime, **rest: Any) -> bool:
        return is_repeat(session, generation, at=max(session.rotated_at, at - SECOND), **rest)

    patch.setattr(rotation, "is_repeat", later)


def refresh_for_ever(patch: pytest.MonkeyPatch) -> None:
    """Never ask how old a refresh token is."""
    patch.setattr(RefreshToken, "is_expired", lambda _self, _at: False)


def leave_a_reused_session_open(patch: pytest.MonkeyPatch) -> None:
    """Refuse the old token, and let the thief or the owner go on with the new one."""
    patch.setattr(rotation, "_end_reused", lambda _session, _client: None)


def show_sessions_past_their_end(patch: pytest.MonkeyPatch) -> None:
    """Take a session for live although its absolute end has come."""
    patch.setattr(SessionQuerySet, "unended", lambda self, _at: self.filter(ended_at=None))
