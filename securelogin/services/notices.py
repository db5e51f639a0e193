"""What the owner of an account should hear of (NIST SP 800-63B-4 section 4.6): a signal, which the project sends on."""

from __future__ import annotations

from enum import Enum
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.utils import timezone

from .. import events, limits, signals
from ..addresses import Client
from ..events import Event
from ..exceptions import RetryLater
from ..limits import Hit
from ..phones import E164
from .tables import users
from .transactions import with_retries


class Notice(str, Enum):
    """What happened to the account."""

    NEW_DEVICE = "new_device"
    """A login without a token of a known device."""
    LOCKED = "locked"
    """Wrong guesses spent the budget of a day or of 30 days."""
    DISABLED = "disabled"
    """Wrong guesses in a row disabled codes until staff allows them again."""
    REUSE = "reuse"
    """An old refresh token came back: somebody has a copy. The session is ended."""
    PASSWORD = "password"
    """The password was changed."""


def announce_lock(user: AbstractBaseUser | None, window: str, *, client: Client, phone: E164 | None = None) -> None:
    """Announce the failure that spent a budget, and tell the owner where there is one."""
    user_id = user.pk if user is not None else None
    events.announce(Event.LOGIN_LOCK, client=client, phone=phone, user_id=user_id, window=window)
    if user is not None:
        notify(user, Notice.DISABLED if window == "FAILURES_IN_A_ROW" else Notice.LOCKED, client)


def notify(user: AbstractBaseUser, notice: Notice, client: Client | None) -> None:
    """Send ``signals.owner_notice``, as often as ``notice_user`` lets it through. Call it after the commit.

    Costs nothing where nobody listens.
    """
    if not signals.owner_notice.has_listeners(get_user_model()):
        return
    hit = Hit("notice_user", f"{user.pk}:{notice.value}")
    try:
        with_retries(lambda: limits.take([hit], at=timezone.now()))
    except RetryLater:
        return
    signals.owner_notice.send_robust(get_user_model(), user=user, notice=notice, client=client)


def notify_user_of(user_id: Any, notice: Notice, client: Client | None) -> None:
    """Do the same for a user that is known by primary key only."""
    if not signals.owner_notice.has_listeners(get_user_model()):
        return
    user = users().filter(pk=user_id).first()
    if user is not None:
        notify(user, notice, client)
