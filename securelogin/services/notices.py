"""What the owner of an account should hear of (NIST SP 800-63B-4 section 4.6): a signal, which the project sends on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import Error
from django.utils import timezone

from .. import events, limits, signals
from ..addresses import Client
from ..events import Event
from ..exceptions import RetryLater, Unavailable
from ..limits import Hit
from ..phones import E164
from .tables import users
from .transactions import with_retries

logger = logging.getLogger("securelogin.services")

T = TypeVar("T")


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


def announce_lock(
    user: AbstractBaseUser | None, window: str, *, key: str, client: Client | None, phone: E164 | None = None
) -> None:
    """Announce the failure that spent a budget of the row ``key``, and tell the owner.

    Where there is none it costs the same, so that nobody learns by the time whether there is.
    """
    user_id = user.pk if user is not None else None
    events.announce(Event.LOGIN_LOCK, client=client, phone=phone, user_id=user_id, window=window)
    notice = Notice.DISABLED if window == "FAILURES_IN_A_ROW" else Notice.LOCKED
    if user is not None:
        notify(user, notice, client)
    else:
        _may_tell(key, notice)


def notify(user: AbstractBaseUser, notice: Notice, client: Client | None) -> None:
    """Send ``signals.owner_notice``, as often as ``notice_user`` lets it through. Call it after the commit.

    Costs nothing where nobody listens. A database that is gone is logged: what was done is done all the same.
    """
    if _may_tell(user.pk, notice):
        signals.owner_notice.send_robust(get_user_model(), user=user, notice=notice, client=client)


def notify_user_of(user_id: Any, notice: Notice, client: Client | None) -> None:
    """Do the same for a user that is known by primary key only."""
    if not _has_listeners():
        return
    user = _after_commit(notice, lambda: users().filter(pk=user_id).first())
    if user is not None:
        notify(user, notice, client)


def _may_tell(owner: object, notice: Notice) -> bool:
    hit = Hit("notice_user", f"{owner}:{notice.value}")

    def take() -> bool:
        try:
            limits.take([hit], at=timezone.now())
        except RetryLater:
            return False
        return True

    return _has_listeners() and _after_commit(notice, take) is True


def _has_listeners() -> bool:
    return signals.owner_notice.has_listeners(get_user_model())


def _after_commit(notice: Notice, story: Callable[[], T]) -> T | None:
    try:
        return with_retries(story)
    except (Error, Unavailable) as error:
        logger.error("nobody was told of %s: %s", notice.value, type(error).__name__)
        return None
