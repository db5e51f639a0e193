"""How sessions end by the clock, and what clearing leaves of them: nothing that comes back."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from securelogin import services
from securelogin.models import Session
from securelogin.models.sessions import KEEP_ENDED
from securelogin.services import maintenance
from securelogin.tokens import read_refresh
from tests.api.refusals import ACCESS_EXPIRED, REFRESH_EXPIRED, SESSION_ENDED, refusal_of
from tests.api.visitor import Visitor, claims_of
from tests.checks import ids, ours, run
from tests.factories import SessionFactory, UserFactory, tokens_of
from tests.services.beside import beside

pytestmark = pytest.mark.django_db

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "security.md"
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> Any:
    """A clock that stands until it is turned."""
    with time_machine.travel("2031-05-06 07:08:09+00:00", tick=False) as traveller:
        yield traveller


def walk_to_the_end(clock: Any, *, step: timedelta) -> timedelta:
    """Log in and refresh again and again until that is refused; returns how long it went well."""
    visitor = Visitor()
    body = visitor.log_in()
    session = Session.objects.get()
    end = int(session.expires_at.timestamp())
    while True:
        for name in ("access_token", "refresh_token"):
            assert claims_of(body[name])["exp"] <= end
        left = session.expires_at - timezone.now()
        if left <= step:
            break
        clock.shift(step)
        answer = visitor.post("refresh", {}, token=body["refresh_token"])
        assert answer.status_code == 200, answer.content
        body = answer.json()
    clock.shift(left - SECOND)
    body = visitor.post("refresh", {}, token=body["refresh_token"]).json()
    assert visitor.is_in(body["access_token"])
    clock.shift(SECOND)
    lasted = timezone.now() - session.created_at
    assert refusal_of(visitor.post("op", token=body["access_token"])) == ACCESS_EXPIRED
    assert refusal_of(visitor.post("refresh", {}, token=body["refresh_token"])) == REFRESH_EXPIRED
    clock.shift(SECOND)
    assert refusal_of(visitor.post("refresh", {}, token=body["refresh_token"])) == REFRESH_EXPIRED
    return lasted


def test_daily_refreshes_reach_the_absolute_end_and_not_beyond(clock: Any) -> None:
    """A session that is refreshed every day lasts a year, to the second, whatever its tokens say (E5)."""
    assert walk_to_the_end(clock, step=DAY) == timedelta(days=365)


def profile() -> dict[str, Any]:
    """Return the settings that the page gives for NIST's AAL1."""
    found = re.search(r"```python\n(SECURELOGIN = .*?)```", PAGE.read_text(), re.DOTALL)
    assert found, "the page has a block of settings"
    names: dict[str, Any] = {"timedelta": timedelta}
    exec(found[1], names)  # noqa: S102 - a block of our own page
    return dict(names["SECURELOGIN"])


def test_profile_of_the_page_is_what_it_says(clock: Any, settings: Any) -> None:
    """With the page's settings for AAL1 a session lasts thirty days, a token five minutes, and no check minds (E5)."""
    assert ids(run(**ours(**profile()))) == set()
    settings.SECURELOGIN = {**settings.SECURELOGIN, **profile()}
    assert walk_to_the_end(clock, step=DAY) == timedelta(days=30)
    claims = claims_of(tokens_of(SessionFactory()).access_token)
    assert 285 <= claims["exp"] - claims["iat"] <= 300


@pytest.mark.parametrize(("late", "is_refreshed"), [(-1, True), (0, False), (1, False)])
def test_idle_session_ends_to_the_second(late: int, is_refreshed: bool, clock: Any) -> None:
    """A second before sixty days without a refresh it goes on, from then on it does not (E5)."""
    visitor = Visitor()
    token = visitor.log_in()["refresh_token"]
    clock.shift(60 * DAY + late * SECOND)
    answer = visitor.post("refresh", {}, token=token)
    if is_refreshed:
        clock.shift(60 * DAY - SECOND)
        assert visitor.post("refresh", {}, token=answer.json()["refresh_token"]).status_code == 200
    else:
        assert refusal_of(answer) == REFRESH_EXPIRED


# Clearing


def left() -> tuple[int, int, int]:
    """Count sessions, outstanding and blacklisted tokens."""
    return Session.objects.count(), OutstandingToken.objects.count(), BlacklistedToken.objects.count()


@pytest.mark.parametrize("after", [-1, 1])
@pytest.mark.parametrize("is_revoked", [True, False])
def test_clearing_at_the_end_brings_nothing_back(after: int, is_revoked: bool, clock: Any) -> None:
    """Cleared a second before or after its end, a session's tokens are refused; only after it its rows go (E9)."""
    visitor, session = Visitor(), SessionFactory(expires_at=timezone.now() + DAY)
    pair = tokens_of(session)
    if is_revoked:
        visitor.post("logout", {}, token=pair.access_token)
    clock.shift(DAY + after * SECOND)
    assert services.clear().sessions == (0 if after < 0 else 1)
    assert left() == ((1, 1, int(is_revoked)) if after < 0 else (0, 0, 0))
    answer = visitor.post("refresh", {}, token=pair.refresh_token)
    if after < 0 and not is_revoked:
        assert answer.status_code == 200
    else:
        assert refusal_of(answer) == (SESSION_ENDED if after < 0 else REFRESH_EXPIRED)
    assert visitor.post("op", token=pair.access_token).status_code == 401


def test_unexpired_tokens_of_a_cleared_session_stay_dead(clock: Any) -> None:
    """A revoked session is cleared long before its refresh token expires: what is not there is not live (E9)."""
    visitor, session = Visitor(), SessionFactory()
    visitor.post("logout", {}, token=tokens_of(session).access_token)
    clock.shift(KEEP_ENDED + SECOND)
    pair = tokens_of(session)
    assert services.clear().sessions == 1
    assert left() == (0, 0, 0)
    for _ in range(2):
        assert refusal_of(visitor.post("op", token=pair.access_token)) == SESSION_ENDED
        assert refusal_of(visitor.post("refresh", {}, token=pair.refresh_token)) == SESSION_ENDED
        read_refresh(pair.refresh_token).blacklist()
    assert Session.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_clearing_twice_at_once_beside_refreshes() -> None:
    """Two runs in small batches take all that is dead and nothing else, while others refresh (E9)."""
    now, user = timezone.now(), UserFactory()
    for number in range(120):
        SessionFactory(user=user, created_at=now - DAY, expires_at=now - SECOND if number % 2 else now + DAY)
    live = [SessionFactory(user=user) for _ in range(4)]
    tokens = [tokens_of(session).refresh_token for session in live]
    with ThreadPoolExecutor(6) as pool:
        runs = [beside(pool, lambda: services.clear(batch=7)) for _ in range(2)]
        calls = [beside(pool, partial(services.refresh_tokens, read_refresh(text))) for text in tokens]
        assert all(call.result() for call in calls)
        assert all(run.result() for run in runs)
    assert left() == (64, 64, 0)
    assert services.clear().sessions == 0
    assert {Session.objects.get(pk=each.pk).generation for each in live} == {1}


def test_clearing_leaves_room_between_its_batches() -> None:
    """After a full batch the database is everyone else's for a moment: a refresh need not wait for all of them (E9)."""
    for _ in range(5):
        SessionFactory(expires_at=timezone.now() - SECOND)
    began = time.monotonic()
    assert services.clear(batch=2).sessions == 5
    assert time.monotonic() - began >= 2 * maintenance.PAUSE
