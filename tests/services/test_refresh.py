"""Rotating refresh tokens: one lineage, honest repeats, and what a thief leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from securelogin import services
from securelogin.exceptions import (
    RefreshTokenExpired,
    RefreshTokenReused,
    SessionEnded,
    SessionUserInactive,
    TokenInvalid,
    Unavailable,
)
from securelogin.models import EndReason, Session
from securelogin.tokens import RefreshToken, TokenPair, read_access, read_refresh
from tests.factories import SessionFactory, tokens_of

from .conftest import Announcements, Configure
from .statements import statements_of

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
KEY = "a-key-of-the-client-0001"
OTHER_KEY = "a-key-of-the-client-0002"


@pytest.fixture
def session(clock: time_machine.Traveller) -> Session:
    """A live session, opened when the clock stood."""
    made: Session = SessionFactory()
    return made


def first(session: Session) -> RefreshToken:
    """Return the refresh token of a session's current generation, as it was issued with the session."""
    return read_refresh(tokens_of(session, at=session.created_at).refresh_token)


def rotate(token: RefreshToken, key: str | None = None) -> RefreshToken:
    """Refresh and return the next token."""
    return read_refresh(services.refresh_tokens(token, idempotency_key=key).refresh_token)


def is_reused(token: RefreshToken, key: str | None = None) -> bool:
    """Whether a refresh is taken for a theft, which it must be told as, or served."""
    try:
        services.refresh_tokens(token, idempotency_key=key)
    except RefreshTokenReused:
        return True
    return False


# Rotation


def test_refresh_answers_the_next_generation(session: Session, clock: time_machine.Traveller) -> None:
    """A refresh moves the session on: new tokens of the same session, the access token not fresh."""
    clock.shift(60)
    pair = services.refresh_tokens(first(session))
    session.refresh_from_db()
    access, refresh = read_access(pair.access_token), read_refresh(pair.refresh_token)
    assert (session.generation, refresh.generation) == (1, 1)
    assert session.rotated_at == session.created_at + 60 * SECOND
    assert access.session_id == refresh.session_id == session.pk
    assert access["fresh"] is False
    assert access["auth_time"] == int(session.created_at.timestamp())
    assert services.authenticate(access) == session.user


def test_session_keeps_one_outstanding_token_without_text(session: Session) -> None:
    """However often it refreshes, a session is two rows, and no token's text is in them (E7)."""
    token = first(session)
    for _ in range(5):
        token = rotate(token)
    assert OutstandingToken.objects.get() == session.token
    assert (session.token.jti, session.token.token) == (str(session.pk), "")
    assert token["jti"] == str(session.pk)
    assert not BlacklistedToken.objects.exists()


def test_refresh_does_not_make_fresh_again(session: Session, clock: time_machine.Traveller) -> None:
    """``auth_time`` stays the login's through any number of refreshes."""
    token = first(session)
    for _ in range(3):
        clock.shift(DAY)
        token = rotate(token)
    assert token["auth_time"] == int(session.created_at.timestamp())
    assert token["amr"] == ["otp", "sms"]


# Repeats


@pytest.mark.parametrize("after", [0, 29, 30, -5, -10])
def test_repeat_within_the_grace_is_answered_alike(
    after: int, session: Session, clock: time_machine.Traveller, announced: Announcements
) -> None:
    """A lost answer is given again for thirty seconds, by whichever machine's clock, and writes nothing (E3)."""
    token = first(session)
    rotated = rotate(token)
    clock.shift(after)
    writes = [
        each
        for each in statements_of(lambda: services.refresh_tokens(token))
        if "SELECT" not in each.upper().split() and "UPDATE" not in each.upper()
    ]
    assert writes == []
    repeated = rotate(token)
    assert repeated.generation == rotated.generation == 1
    assert repeated["exp"] == rotated["exp"]
    session.refresh_from_db()
    assert session.generation == 1
    assert announced.names() == []


@pytest.mark.parametrize("after", [30.001, 31, -31])
def test_repeat_after_the_grace_is_reuse(after: float, session: Session, clock: time_machine.Traveller) -> None:
    """Then the answer was not lost but stolen (E3)."""
    token = first(session)
    rotate(token)
    clock.shift(after)
    assert is_reused(token)


@pytest.mark.parametrize("after", [0, 0.001])
def test_no_grace_where_there_is_none(
    after: float, session: Session, clock: time_machine.Traveller, configure: Configure
) -> None:
    """``REFRESH_GRACE`` of zero serves every token once, in the same instant too (E2)."""
    configure(REFRESH_GRACE=timedelta(0))
    token = first(session)
    rotate(token)
    clock.shift(after)
    assert is_reused(token)


def test_repeat_is_reuse_once_its_successor_was_used(session: Session) -> None:
    """Within the grace too: who used the successor had the answer (E3)."""
    token = first(session)
    rotate(rotate(token))
    assert is_reused(token)


@pytest.mark.parametrize(("after", "is_theft"), [(60, False), (86_400, False), (86_401, True)])
def test_repeat_with_the_same_key_is_answered_for_a_day(
    after: int, is_theft: bool, session: Session, clock: time_machine.Traveller
) -> None:
    """An ``Idempotency-Key`` says that it is the same call, for 24 hours."""
    token = first(session)
    rotated = rotate(token, KEY)
    clock.shift(after)
    if is_theft:
        assert is_reused(token, KEY)
        return
    repeated = rotate(token, KEY)
    assert (repeated.generation, repeated["exp"]) == (1, rotated["exp"])
    assert rotate(repeated).generation == 2


@pytest.mark.parametrize("key", [None, OTHER_KEY, ""])
def test_repeat_without_the_key_is_reuse(key: str | None, session: Session, clock: time_machine.Traveller) -> None:
    """A thief who has the token but not the key is found out."""
    token = first(session)
    rotate(token, KEY)
    clock.shift(60)
    assert is_reused(token, key)


def test_key_opens_nothing_where_none_was_given(session: Session, clock: time_machine.Traveller) -> None:
    """Null equals nothing: a key in the repeat does not make up for one in the call."""
    token = first(session)
    rotate(token)
    clock.shift(60)
    assert is_reused(token, KEY)


def test_key_of_an_earlier_rotation_opens_nothing(session: Session, clock: time_machine.Traveller) -> None:
    """Only the rotation that made the current generation is repeated."""
    token = first(session)
    rotate(rotate(token, KEY), OTHER_KEY)
    clock.shift(60)
    assert is_reused(token, KEY)


def test_key_of_two_rotations_running_is_none(session: Session, clock: time_machine.Traveller) -> None:
    """A client that always sends the same key has no key; a third rotation with it counts again."""
    second = rotate(first(session), KEY)
    third = rotate(second, KEY)
    fourth = rotate(third, KEY)
    clock.shift(60)
    assert rotate(third, KEY).generation == fourth.generation
    fifth = rotate(fourth, KEY)
    clock.shift(60)
    assert fifth.generation == 4
    assert is_reused(fourth, KEY)


def test_key_is_the_sessions_own(session: Session) -> None:
    """The same key in two sessions leaves two digests, and neither is the key."""
    other: Session = SessionFactory()
    for each in (session, other):
        rotate(first(each), KEY)
        each.refresh_from_db()
    assert session.retry_digest != other.retry_digest
    assert KEY not in str(session.retry_digest)


def test_key_survives_a_new_secret_key(session: Session, clock: time_machine.Traveller, settings: Any) -> None:
    """A repeat is known by the key that its call was digested with."""
    token = first(session)
    rotate(token, KEY)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key that is long enough for every check there may ever be"
    clock.shift(60)
    assert rotate(token, KEY).generation == 1


# Reuse


@pytest.mark.django_db(transaction=True)
def test_reuse_ends_the_session_and_no_other(
    session: Session, clock: time_machine.Traveller, announced: Announcements
) -> None:
    """Thief and owner both lose the session; the owner's other ones go on, and it is told once (E1)."""
    other: Session = SessionFactory(user=session.user)
    stolen = first(session)
    second = rotate(stolen)
    access = read_access(tokens_of(session).access_token)
    clock.shift(31)
    assert is_reused(stolen)
    session.refresh_from_db()
    assert session.end_reason == EndReason.REUSE
    for token in (stolen, second):
        with pytest.raises(SessionEnded) as caught:
            services.refresh_tokens(token)
        assert type(caught.value) is SessionEnded
    with pytest.raises(SessionEnded):
        services.authenticate(access)
    assert rotate(first(other)).generation == 1
    assert sorted(announced.names()) == ["refresh_token_reused", "session_ended"]
    assert announced.named("session_ended")[0]["reason"] == EndReason.REUSE
    assert announced.named("refresh_token_reused")[0]["session_id"] == session.pk


def test_theft_that_both_sides_continue_ends_at_the_second_use(session: Session, clock: time_machine.Traveller) -> None:
    """The thief refreshes first, the owner's next refresh tells."""
    token = first(session)
    thiefs = rotate(token)
    clock.shift(600)
    assert is_reused(token)
    with pytest.raises(SessionEnded):
        rotate(thiefs)


def end_by_logout(session: Session) -> None:
    """Log out."""
    services.logout(read_access(tokens_of(session).access_token))


def end_by_stock_blacklist(session: Session) -> None:
    """Let simplejwt blacklist the refresh token."""
    read_refresh(tokens_of(session).refresh_token).blacklist()


def end_by_deletion(session: Session) -> None:
    """Take the rows away."""
    session.token.delete()


def end_by_owner_gone(session: Session) -> None:
    """Take the account away."""
    session.user.delete()


@pytest.mark.parametrize(
    "end", [end_by_logout, end_by_stock_blacklist, end_by_deletion, end_by_owner_gone], ids=lambda end: end.__name__
)
def test_ended_session_is_never_theft(
    end: Callable[[Session], None], session: Session, clock: time_machine.Traveller, announced: Announcements
) -> None:
    """A token of a session that has ended is refused without a word of theft, however old it is (E4)."""
    old = first(session)
    new = rotate(old)
    end(session)
    announced.clear()
    clock.shift(60)
    for token in (old, new):
        with pytest.raises(SessionEnded) as caught:
            services.refresh_tokens(token)
        assert type(caught.value) is SessionEnded
    assert announced.names() == []


def test_inactive_users_session_rests(session: Session) -> None:
    """It says why, ends nothing, and takes no old token for theft (E4)."""
    token = first(session)
    rotate(rotate(token))
    users = get_user_model().objects.filter(pk=session.user.pk)
    users.update(is_active=False)
    with pytest.raises(SessionUserInactive):
        services.refresh_tokens(token)
    session.refresh_from_db()
    assert session.ended_at is None


def test_token_of_another_user_opens_nothing(session: Session) -> None:
    """``sid`` and ``sub`` belong together."""
    other: Session = SessionFactory()
    token = first(session)
    token.payload["sub"] = str(other.user_id)
    with pytest.raises(SessionEnded):
        services.refresh_tokens(token)
    token.payload["sub"] = "17"
    with pytest.raises(TokenInvalid):
        services.refresh_tokens(token)


def test_token_ahead_of_its_row_goes_on(session: Session, clock: time_machine.Traveller) -> None:
    """After a restored backup honest tokens are ahead: they rotate, and their repeats are repeats."""
    token = first(session)
    for _ in range(3):
        token = rotate(token)
    Session.objects.filter(pk=session.pk).update(generation=1)
    assert rotate(token).generation == 4
    assert rotate(token).generation == 4
    clock.shift(31)
    assert is_reused(token)


# Two looks


def meanwhile(act: Callable[[], object]) -> Any:
    """Let somebody act, once, after the statement that rotates and before the look at why it did not."""
    done: list[object] = []

    def interfere(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        result = execute(sql, *arguments)
        if sql.startswith("UPDATE") and not done:
            done.append(True)
            act()
        return result

    return connection.execute_wrapper(interfere)


def test_call_reads_the_clock_once(session: Session, clock: time_machine.Traveller) -> None:
    """A repeat that comes in the last second of its session is answered, however slow the database is."""
    token = first(session)
    rotate(token)
    Session.objects.filter(pk=session.pk).update(expires_at=timezone.now() + SECOND)
    with meanwhile(lambda: clock.shift(2)):
        assert rotate(token).generation == 1


@pytest.mark.parametrize("generation", [1, 0])
def test_session_that_comes_back_to_life_meanwhile_is_no_theft(generation: int, session: Session) -> None:
    """A token that is not behind its row is asked to come again, and is good when it does."""
    token = rotate(first(session))
    Session.objects.filter(pk=session.pk).update(generation=generation)
    users = get_user_model().objects.filter(pk=session.user_id)
    users.update(is_active=False)
    with meanwhile(lambda: users.update(is_active=True)), pytest.raises(Unavailable):
        rotate(token)
    assert rotate(token).generation == 2


# Ends


def test_session_ends_after_a_year_however_often_it_refreshes(session: Session, clock: time_machine.Traveller) -> None:
    """No token's ``exp`` is past the session's end, and nothing moves it (E5)."""
    token = first(session)
    for _ in range(9):
        clock.shift(40 * DAY)
        token = rotate(token)
    assert token["exp"] == int(session.expires_at.timestamp())
    clock.shift(5 * DAY - SECOND)
    pair: TokenPair = services.refresh_tokens(token)
    assert pair.expires_at <= session.expires_at
    clock.shift(1)
    with pytest.raises(RefreshTokenExpired):
        services.refresh_tokens(read_refresh(pair.refresh_token, is_expired_ok=True))


def test_idle_session_ends_after_sixty_days(session: Session, clock: time_machine.Traveller) -> None:
    """A second before it refreshes, from then on its token is expired (E5)."""
    clock.shift(60 * DAY - SECOND)
    pair = services.refresh_tokens(first(session))
    clock.shift(60 * DAY - SECOND)
    assert read_refresh(pair.refresh_token).generation == 1
    clock.shift(1)
    with pytest.raises(RefreshTokenExpired):
        read_refresh(pair.refresh_token)


def test_generations_end_before_the_column_does(session: Session) -> None:
    """A token whose generation the column could not follow is none of ours."""
    Session.objects.filter(pk=session.pk).update(generation=2**31 - 1)
    session.refresh_from_db()
    with pytest.raises(TokenInvalid):
        first(session)
