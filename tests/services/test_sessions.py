"""Opening, listing and ending sessions."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from securelogin import services
from securelogin.exceptions import ForeignToken, SessionEnded, SessionNotFound, SessionUserInactive
from securelogin.models import EndReason, Session
from securelogin.services import sessions, tables
from securelogin.tokens import AccessToken, read_access, read_refresh
from tests.factories import SessionFactory, UserFactory, tokens_of

from .beside import beside
from .conftest import Announcements, Configure
from .statements import statements_of
from .visitors import CLIENT, Visitor, access, refresh

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
NO_PAUSES = {"RESEND_PAUSES": (timedelta(0),), "SENDS_PER_HOUR": 1000, "SENDS_PER_DAY": 1000}


def token_of(session: Session) -> AccessToken:
    """Return an access token of a session."""
    return read_access(tokens_of(session).access_token)


def is_live(session: Session) -> bool:
    """Whether a call with the session's token goes through."""
    try:
        return bool(services.authenticate(token_of(session)) == session.user)
    except SessionEnded:
        return False


def reason_of(session: Session) -> str:
    """Return why a session ended; it must have, in our row and in simplejwt's blacklist."""
    session.refresh_from_db()
    assert session.ended_at is not None
    assert BlacklistedToken.objects.filter(token_id=session.token.pk).exists()
    return session.end_reason


# Open


def test_session_keeps_where_it_was_opened(ada: Visitor) -> None:
    """Address, user agent and device name are what the call told; no token's text is kept."""
    session = ada.log_in().session
    session.refresh_from_db()
    assert (session.ip_address, session.user_agent, session.device) == ("192.0.2.1", "tests", "a phone")
    token = OutstandingToken.objects.get()
    assert (token.jti, token.token, token.user) == (str(session.pk), "", session.user)
    assert token.expires_at == session.expires_at == session.created_at + timedelta(days=365)


def test_call_writes_nothing(ada: Visitor, clock: time_machine.Traveller) -> None:
    """The last use is the last refresh: to be called costs a session no row."""
    login = ada.log_in()
    clock.shift(60)
    assert services.authenticate(access(login)) == login.user
    login.session.refresh_from_db()
    assert login.session.rotated_at == login.session.created_at


# Live


def test_session_is_over_with_its_absolute_end(clock: time_machine.Traveller) -> None:
    """A token issued in the last second still does, the second itself does not."""
    session = SessionFactory()
    clock.shift(365 * DAY - SECOND)
    token = token_of(session)
    assert services.authenticate(token) == session.user
    clock.shift(1)
    with pytest.raises(SessionEnded):
        services.authenticate(token)


def test_inactive_user_has_no_live_session() -> None:
    """From the next call on, and it says so; an activated one has them again (D5)."""
    session = SessionFactory()
    users = get_user_model().objects.filter(pk=session.user.pk)
    users.update(is_active=False)
    with pytest.raises(SessionUserInactive):
        services.authenticate(token_of(session))
    assert not services.live_sessions(session.user).exists()
    users.update(is_active=True)
    assert is_live(session)


@pytest.mark.parametrize("is_ours", [True, False])
def test_stock_blacklist_ends_a_session(is_ours: bool) -> None:
    """simplejwt's ``blacklist()`` and a row made in its admin end a session just the same, and store no text."""
    session = SessionFactory()
    if is_ours:
        read_refresh(tokens_of(session).refresh_token).blacklist()
    else:
        BlacklistedToken.objects.create(token=session.token)
    assert not is_live(session)
    assert OutstandingToken.objects.get().token == ""
    session.refresh_from_db()
    assert session.ended_at is None


def test_taking_a_token_off_the_blacklist_revives_nothing_that_we_ended() -> None:
    """What we ended is written in our own row."""
    session = SessionFactory()
    services.logout(token_of(session))
    BlacklistedToken.objects.all().delete()
    assert not is_live(session)


def test_session_of_another_user_is_not_ones_own() -> None:
    """``sid`` is a name, not a credential: with another ``sub`` it is nothing."""
    mine, other = SessionFactory(), SessionFactory()
    token = token_of(mine)
    token.payload["sid"] = str(other.pk)
    with pytest.raises(SessionEnded):
        services.authenticate(token)


def test_session_of_another_user_is_not_told_about() -> None:
    """Not even that its user was closed: with another ``sub`` it looks like one that ended."""
    mine, other = SessionFactory(), SessionFactory()
    token = token_of(mine)
    token.payload["sid"] = str(other.pk)
    get_user_model().objects.filter(pk=other.user.pk).update(is_active=False)
    with pytest.raises(SessionEnded) as caught:
        services.authenticate(token)
    assert type(caught.value) is SessionEnded


def test_live_sessions_are_ones_own_the_newest_first(clock: time_machine.Traveller) -> None:
    """Ended, blacklisted, expired and foreign ones are left out (F2)."""
    user = UserFactory()
    SessionFactory()
    expired = SessionFactory(user=user, expires_at=timezone.now() + SECOND)
    first = SessionFactory(user=user)
    clock.shift(60)
    second, ended, blacklisted = (SessionFactory(user=user) for _ in range(3))
    services.logout(token_of(ended))
    BlacklistedToken.objects.create(token=blacklisted.token)
    assert list(services.live_sessions(user)) in ([second, first],)
    assert expired.expires_at < timezone.now()


def test_ended_session_of_an_inactive_user_has_ended() -> None:
    """What was logged out does not come back when its user is made active, and says so."""
    session = SessionFactory()
    services.logout(token_of(session))
    get_user_model().objects.filter(pk=session.user.pk).update(is_active=False)
    with pytest.raises(SessionEnded) as caught:
        services.authenticate(token_of(session))
    assert type(caught.value) is SessionEnded


def test_refused_call_costs_two_whatever_stands_in_the_way() -> None:
    """The second look finds session and user in one query."""
    session = SessionFactory()
    token = token_of(session)
    get_user_model().objects.filter(pk=session.user.pk).update(is_active=False)

    def call() -> None:
        with pytest.raises(SessionUserInactive):
            services.authenticate(token)

    assert len(statements_of(call)) == 2


def test_sessions_of_one_moment_are_listed_in_one_order(clock: time_machine.Traveller) -> None:
    """By key: a list that is asked for twice does not jump."""
    user = UserFactory()
    for _ in range(8):
        SessionFactory(user=user)
    in_order = list(Session.objects.filter(user=user).order_by("pk"))
    assert list(services.live_sessions(user)) == in_order


# Log out


def test_logout_ends_the_session_and_no_other() -> None:
    """At once, for its access and its refresh token (F4)."""
    mine = SessionFactory()
    other = SessionFactory(user=mine.user)
    services.logout(token_of(mine))
    assert reason_of(mine) == EndReason.LOGOUT
    with pytest.raises(SessionEnded):
        services.refresh_tokens(read_refresh(tokens_of(mine).refresh_token))
    assert is_live(other)


def test_logout_again_changes_nothing(clock: time_machine.Traveller) -> None:
    """The first end is the one that is remembered (F4)."""
    session = SessionFactory()
    services.logout(token_of(session))
    session.refresh_from_db()
    ended_at = session.ended_at
    clock.shift(60)
    services.logout(token_of(session))
    services.logout_all(token_of(session))
    session.refresh_from_db()
    assert (session.ended_at, session.end_reason) == (ended_at, EndReason.LOGOUT)
    assert BlacklistedToken.objects.count() == 1


def test_logout_of_a_session_that_is_gone_is_no_error() -> None:
    """Its rows may have been cleared."""
    session = SessionFactory()
    token = token_of(session)
    session.token.delete()
    services.logout(token)


def test_logout_with_a_session_of_another_user_ends_nothing() -> None:
    """``sid`` and ``sub`` belong together, in what only ends things too."""
    mine, other = SessionFactory(), SessionFactory()
    token = token_of(mine)
    token.payload["sid"] = str(other.pk)
    services.logout(token)
    assert is_live(mine)
    assert is_live(other)


def test_logout_takes_an_expired_token(clock: time_machine.Traveller) -> None:
    """Who was away for an hour can still log out."""
    session = SessionFactory()
    text = tokens_of(session).access_token
    clock.shift(3600)
    services.logout(read_access(text, is_expired_ok=True))
    assert reason_of(session) == EndReason.LOGOUT


def test_logout_ends_the_refresh_tokens_session_too() -> None:
    """A refresh token of another session of the same user ends that one as well."""
    mine = SessionFactory()
    other, third = SessionFactory(user=mine.user), SessionFactory(user=mine.user)
    services.logout(token_of(mine), refresh_token=read_refresh(tokens_of(other).refresh_token))
    assert [is_live(each) for each in (mine, other, third)] == [False, False, True]


@pytest.mark.parametrize("verb", [services.logout, services.logout_all_other_sessions])
def test_refresh_token_of_another_user_is_refused(verb: Callable[..., Any]) -> None:
    """Nothing ends, of either."""
    mine, foreign = SessionFactory(), SessionFactory()
    with pytest.raises(ForeignToken):
        verb(token_of(mine), refresh_token=read_refresh(tokens_of(foreign).refresh_token))
    assert is_live(mine)
    assert is_live(foreign)


def test_logout_of_the_others_keeps_ones_own() -> None:
    """The session kept is the access token's, whatever the refresh token in the call; the count is of those ended."""
    mine = SessionFactory()
    others = [SessionFactory(user=mine.user) for _ in range(3)]
    services.logout(token_of(others[0]))
    foreign = SessionFactory()
    text = tokens_of(others[1]).refresh_token
    assert services.logout_all_other_sessions(token_of(mine), refresh_token=read_refresh(text)) == 2
    assert is_live(mine)
    assert is_live(foreign)
    assert [reason_of(each) for each in others] == [
        EndReason.LOGOUT,
        EndReason.LOGOUT_OTHERS,
        EndReason.LOGOUT_OTHERS,
    ]
    assert services.logout_all_other_sessions(token_of(mine)) == 0


def test_logout_of_all_ends_ones_own_too() -> None:
    """Every session of the user, and nobody else's."""
    mine = SessionFactory()
    other, foreign = SessionFactory(user=mine.user), SessionFactory()
    assert services.logout_all(token_of(mine)) == 2
    assert reason_of(mine) == reason_of(other) == EndReason.LOGOUT_ALL
    assert is_live(foreign)


def test_one_session_can_be_ended_by_its_id() -> None:
    """One's own and live; everything else is not there, without a difference (F3)."""
    mine = SessionFactory()
    other, foreign = SessionFactory(user=mine.user), SessionFactory()
    services.end_session(token_of(mine), other.pk)
    assert reason_of(other) == EndReason.LOGOUT
    for session_id in (other.pk, foreign.pk, uuid4()):
        with pytest.raises(SessionNotFound):
            services.end_session(token_of(mine), session_id)
    assert is_live(foreign)
    services.end_session(token_of(mine), mine.pk)
    assert not is_live(mine)


def test_session_past_its_end_does_not_end_again(clock: time_machine.Traveller) -> None:
    """What time ended is neither counted nor announced."""
    mine = SessionFactory()
    SessionFactory(user=mine.user, expires_at=timezone.now() + SECOND)
    clock.shift(2)
    assert services.logout_all_other_sessions(token_of(mine)) == 0


def test_user_without_rows_has_nothing_to_end() -> None:
    """A token outlives its account by minutes."""
    session = SessionFactory()
    token = token_of(session)
    session.user.delete()
    assert services.logout_all(token) == 0
    services.logout(token)


# Staff


def test_staff_ends_sessions_in_batches() -> None:
    """However many, with a word after each batch; what had ended stays as it was."""
    chosen = [SessionFactory() for _ in range(5)]
    kept = SessionFactory()
    services.logout(token_of(chosen[0]))
    steps: list[int] = []
    queryset = Session.objects.exclude(pk=kept.pk)
    assert services.revoke_sessions(queryset, batch=2, progress=steps.append) == 4
    assert steps == [2, 2]
    assert [reason_of(each) for each in chosen] == [EndReason.LOGOUT] + [EndReason.REVOKED] * 4
    assert is_live(kept)


def test_staff_ends_any_number_in_any_batches() -> None:
    """No session is passed over, whatever order the rows are in."""
    for _ in range(23):
        SessionFactory()
    steps: list[int] = []
    assert services.revoke_sessions(Session.objects.order_by("-created_at"), batch=5, progress=steps.append) == 23
    assert steps == [5, 5, 5, 5, 3]
    assert not Session.objects.live().exists()


def test_staff_ends_each_session_once_where_a_replica_lags() -> None:
    """A router may send the look at the chosen ones to a database that does not know yet what has ended."""
    for _ in range(5):
        SessionFactory()
    looks: list[str] = []

    def lag(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        if " LIMIT " in sql:
            looks.append(sql)
            assert len(looks) <= 4
            sql = re.sub(r"[^\s(]*ended_at\S* IS NULL", "1 = 1", sql)
        return execute(sql, *arguments)

    steps: list[int] = []
    with connection.execute_wrapper(lag):
        assert services.revoke_sessions(Session.objects.all(), batch=2, progress=steps.append) == 5
    assert steps == [2, 2, 1]


def test_batch_is_a_thousand_unless_told_otherwise() -> None:
    """Each batch is one transaction: as many rows as it locks at most."""
    user, now = UserFactory(), timezone.now()
    tokens = [OutstandingToken(jti=str(number), token="", expires_at=now) for number in range(1001)]
    OutstandingToken.objects.bulk_create(tokens)
    Session.objects.bulk_create(
        Session(user=user, token=token, created_at=now, rotated_at=now, expires_at=now + DAY)
        for token in OutstandingToken.objects.all()
    )
    steps: list[int] = []
    assert services.revoke_sessions(Session.objects.all(), progress=steps.append) == 1001
    assert steps == [1000, 1]


def test_many_sessions_end_at_once() -> None:
    """More than one statement names by key."""
    user = UserFactory()
    mine = SessionFactory(user=user)
    for _ in range(520):
        SessionFactory(user=user)
    assert services.logout_all(token_of(mine)) == 521
    assert BlacklistedToken.objects.count() == 521


# The most sessions a user may have


def test_oldest_unused_session_goes(ada: Visitor, configure: Configure, clock: time_machine.Traveller) -> None:
    """Over ``MAX_SESSIONS`` the one longest unused ends, not the one opened first (F6)."""
    configure(**NO_PAUSES, MAX_SESSIONS=2)
    first = ada.log_in()
    clock.shift(60)
    second = ada.log_in()
    clock.shift(60)
    services.refresh_tokens(refresh(first))
    clock.shift(60)
    third = ada.log_in()
    assert [is_live(each.session) for each in (first, second, third)] == [True, False, True]
    assert reason_of(second.session) == EndReason.EVICTED


def test_lower_limit_ends_as_many_as_are_over(ada: Visitor, configure: Configure) -> None:
    """The next login after the setting changed brings the user down to it; dead ones take no place."""
    configure(**NO_PAUSES)
    logins = [ada.log_in() for _ in range(5)]
    services.logout(access(logins[4]))
    configure(MAX_SESSIONS=3)
    ada.log_in()
    assert services.live_sessions(logins[0].user).count() == 3
    assert Session.objects.filter(end_reason=EndReason.EVICTED).count() == 2


def test_of_sessions_used_at_once_the_older_go(clock: time_machine.Traveller, configure: Configure) -> None:
    """And of those that were opened at once, the ones whose keys come last: the same whenever it is decided."""
    user, now = UserFactory(), timezone.now()
    for age in (1, 2):
        for _ in range(10):
            SessionFactory(user=user, created_at=now - age * DAY, rotated_at=now)
    newer = Session.objects.filter(created_at=now - DAY).order_by("pk")
    for limit, kept in ((11, {*newer}), (6, {*newer[:4]})):
        configure(MAX_SESSIONS=limit)
        sessions.open_session(user, client=CLIENT, amr=["pwd"], at=now)
        assert {*Session.objects.live().exclude(created_at=now)} == kept


def test_sessions_are_counted_at_the_moment_of_the_login(configure: Configure) -> None:
    """However long ago that is by now."""
    configure(MAX_SESSIONS=1)
    now = timezone.now()
    session = SessionFactory(created_at=now - DAY, expires_at=now - SECOND)
    sessions.open_session(session.user, client=CLIENT, amr=["pwd"], at=now - 2 * SECOND)
    assert reason_of(session) == EndReason.EVICTED


def test_limit_of_one_is_one(ada: Visitor, configure: Configure) -> None:
    """Only the newest session stays, and other users keep theirs."""
    configure(**NO_PAUSES, MAX_SESSIONS=1)
    foreign = SessionFactory()
    for _ in range(3):
        login = ada.log_in()
    assert list(services.live_sessions(login.user)) == [login.session]
    assert is_live(foreign)


# simplejwt's own housekeeping


def test_flushexpiredtokens_takes_whole_sessions(clock: time_machine.Traveller) -> None:
    """simplejwt's command takes a session's rows with its token, once its end is past, and no live one."""
    expired, live = SessionFactory(expires_at=timezone.now() + DAY), SessionFactory()
    services.logout(token_of(expired))
    token = token_of(expired)
    call_command("flushexpiredtokens", stdout=StringIO())
    assert Session.objects.count() == 2
    clock.shift(DAY)
    call_command("flushexpiredtokens", stdout=StringIO())
    assert list(Session.objects.all()) == [live]
    assert not BlacklistedToken.objects.exists()
    with pytest.raises(SessionEnded):
        services.authenticate(token)
    assert is_live(live)


# Announcements


@pytest.mark.django_db(transaction=True)
def test_ends_are_announced_once_for_each_session(ada: Visitor, configure: Configure, announced: Announcements) -> None:
    """With the reason, the session and its user; Django hears of a logout with the request and the user."""
    configure(**NO_PAUSES)
    first, second, third = (ada.log_in() for _ in range(3))
    announced.clear()
    services.logout(access(first), client=CLIENT)
    services.logout(access(first), client=CLIENT)
    assert sorted(announced.names()) == ["session_ended", "user_logged_out"]
    ended, left = announced.named("session_ended")[0], announced.named("user_logged_out")[0]
    assert (ended["sender"], ended["session_id"], ended["user_id"]) == (Session, first.session.pk, first.user.pk)
    assert ended["reason"] == EndReason.LOGOUT
    assert left["user"] == first.user
    announced.clear()
    services.logout_all_other_sessions(access(second))
    assert [each["session_id"] for each in announced.named("session_ended")] == [third.session.pk]
    assert announced.names() == ["session_ended"]
    services.logout_all(access(second))
    assert announced.names().count("user_logged_out") == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_reversed", [False, True])
def test_logout_of_two_sessions_is_one_logout(is_reversed: bool, announced: Announcements) -> None:
    """Whichever of the two ends first."""
    user = UserFactory()
    mine, other = sorted((SessionFactory(user=user) for _ in range(2)), key=lambda each: each.pk, reverse=is_reversed)
    services.logout(token_of(mine), refresh_token=read_refresh(tokens_of(other).refresh_token))
    assert sorted(announced.names()) == ["session_ended", "session_ended", "user_logged_out"]


@pytest.mark.django_db(transaction=True)
def test_eviction_is_announced(ada: Visitor, configure: Configure, announced: Announcements) -> None:
    """Whose session had to go can be told."""
    configure(**NO_PAUSES, MAX_SESSIONS=1)
    first = ada.log_in()
    announced.clear()
    ada.log_in()
    told = announced.named("session_ended")
    assert [(each["session_id"], each["reason"]) for each in told] == [(first.session.pk, EndReason.EVICTED)]


@pytest.mark.django_db(transaction=True)
def test_revocation_is_announced_with_each_owner(announced: Announcements) -> None:
    """One call ends sessions of many users; each announcement names its own."""
    chosen = [SessionFactory() for _ in range(3)]
    services.revoke_sessions(Session.objects.all(), batch=2)
    told = {each["session_id"]: each["user_id"] for each in announced.named("session_ended")}
    assert told == {each.pk: each.user_id for each in chosen}
    assert "user_logged_out" not in announced.names()


# Beside each other


@pytest.mark.django_db(transaction=True)
def test_login_that_commits_beside_logout_all_does_not_survive_it(ada: Visitor) -> None:
    """A logout of all waits for a login that has the user's lock, and ends its session too (F5)."""
    login = ada.log_in()
    token, user = access(login), login.user
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert tables.lock_user(user.pk)
            sessions.open_session(user, client=CLIENT, amr=["otp"], at=timezone.now())
            ending = beside(pool, lambda: services.logout_all(token))
            time.sleep(0.3)
        assert ending.result() == 2
    assert not Session.objects.live().exists()


@pytest.mark.django_db(transaction=True)
def test_two_logins_at_once_do_not_pass_max_sessions(ada: Visitor, configure: Configure) -> None:
    """A login waits for another that has the user's lock, and counts its session (F6)."""
    first = ada.log_in_and_remember()
    configure(MAX_SESSIONS=1)
    ada.ask()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert tables.lock_user(first.user.pk)
            sessions.open_session(first.user, client=CLIENT, amr=["otp"], at=timezone.now())
            login = beside(pool, lambda: ada.guess(ada.code()))
            time.sleep(0.3)
        kept = login.result().session.pk
    assert list(Session.objects.live().values_list("pk", flat=True)) == [kept]
    assert set(Session.objects.exclude(pk=kept).values_list("end_reason", flat=True)) == {EndReason.EVICTED}


@pytest.mark.django_db(transaction=True)
def test_logout_does_not_wait_for_the_users_lock(ada: Visitor) -> None:
    """Not even for a foreign key's: it holds its session, which who locks the user wants next (K4)."""
    login = ada.log_in()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert tables.lock_user(login.user.pk)
            leaving = beside(pool, lambda: services.logout(access(login)))
            if connection.features.has_select_for_update:  # SQLite locks the whole file
                leaving.result(timeout=5)
        leaving.result()
    assert reason_of(login.session) == EndReason.LOGOUT


@pytest.mark.django_db(transaction=True)
def test_refresh_beside_a_logout_is_refused_or_dead(ada: Visitor) -> None:
    """A refresh that waits for a logout's lock finds the session ended, and is no theft."""
    login = ada.log_in()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            services.logout(access(login))
            refreshing = beside(pool, lambda: services.refresh_tokens(refresh(login)))
            time.sleep(0.3)
        with pytest.raises(SessionEnded) as caught:
            refreshing.result()
    assert type(caught.value) is SessionEnded


@pytest.mark.django_db(transaction=True)
def test_account_that_is_made_beside_a_first_login_is_the_one(ada: Visitor) -> None:
    """Staff makes the account of a number in the moment of its first login: one account, and the login is in it."""
    ada.ask()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            user = UserFactory(phone=ada.phone)
            login = beside(pool, lambda: ada.guess(ada.code()))
            time.sleep(0.3)
        assert login.result().user == user
    assert get_user_model().objects.count() == 1
