"""Owners are told after the commit: what was done is done, also where nobody can be told any more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from securelogin import services
from securelogin.exceptions import RefreshTokenReused
from securelogin.services.notices import Notice, notify, notify_user_of
from tests.factories import UserFactory

from .conftest import Configure
from .visitors import PHONE, Visitor, refresh

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("told")]


def gone(word: str) -> Callable[..., Any]:
    """Answer as a database that cannot be had, where a statement or its values hold the word."""

    def answer(execute: Callable[..., Any], sql: str, params: Any, *arguments: Any) -> Any:
        if word in f"{sql} {params}":
            raise OperationalError("gone")
        return execute(sql, params, *arguments)

    return answer


def test_count_that_cannot_be_kept_is_logged(
    configure: Configure, told: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Untold for the owner, told in the log: of what, and why."""
    configure(LIMITS={"notice_user": "10/day"})
    user = UserFactory()
    with connection.execute_wrapper(gone("notice_user")):
        notify(user, Notice.PASSWORD, None)
    assert caplog.messages == ["nobody was told of password: OperationalError"]
    assert told == []


def test_owner_that_cannot_be_looked_up_is_logged(
    ada: Visitor, configure: Configure, told: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The session of a token that was used again is ended all the same."""
    configure(REFRESH_GRACE=timedelta(0))
    login = ada.log_in()
    services.refresh_tokens(refresh(login))
    caplog.clear()
    told.clear()
    with connection.execute_wrapper(gone("last_login")), pytest.raises(RefreshTokenReused):
        services.refresh_tokens(refresh(login))
    assert "nobody was told of reuse: OperationalError" in caplog.messages
    assert told == []
    login.session.refresh_from_db()
    assert login.session.ended_at is not None


def test_owner_who_is_gone_is_told_nothing(told: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    """Nor is that an error."""
    user = UserFactory(phone=PHONE)
    key = user.pk
    notify_user_of(key, Notice.REUSE, None)
    user.delete()
    notify_user_of(key, Notice.REUSE, None)
    assert [notice for _user, notice, _client in told] == [Notice.REUSE]
    assert caplog.messages == []


def test_notices_of_one_kind_leave_room_for_another(configure: Configure, told: list[Any]) -> None:
    """And those of one owner for another's: each is counted by itself."""
    configure(LIMITS={"notice_user": "1/day"})
    users = [UserFactory(), UserFactory()]
    for user in users:
        for notice in (Notice.LOCKED, Notice.LOCKED, Notice.REUSE):
            notify(user, notice, None)
    assert [(user, notice) for user, notice, _client in told] == [
        (user, notice) for user in users for notice in (Notice.LOCKED, Notice.REUSE)
    ]
