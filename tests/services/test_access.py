"""Who is let in with an access token, for each ``ACCESS_CHECK``: what is asked, and when an end is noticed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
import redis
import time_machine
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test import Client as HTTPClient
from django.test.utils import isolate_apps
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from securelogin import remembered, services
from securelogin.exceptions import RefreshTokenReused, SessionEnded
from securelogin.models import Session
from securelogin.tokens import AccessToken
from tests.factories import SessionFactory, UserFactory
from tests.valkey import Valkey

from .conftest import Configure
from .statements import statements_of
from .visitors import Visitor, access, refresh

pytestmark = pytest.mark.django_db(transaction=True)

REDIS = "django.core.cache.backends.redis.RedisCache"
OPTIONS = {"socket_timeout": 0.25, "socket_connect_timeout": 0.25}


@pytest.fixture(autouse=True)
def _not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with a cache that answered so far."""
    monkeypatch.setattr(remembered, "_lost_until", 0.0)


def use_cache(settings: Any, url: str) -> None:
    """Have a Redis remember."""
    settings.CACHES = {**settings.CACHES, "shared": {"BACKEND": REDIS, "LOCATION": url, "OPTIONS": OPTIONS}}
    settings.SECURELOGIN = {**settings.SECURELOGIN, "ACCESS_CHECK": "cache", "ACCESS_CACHE": "shared"}


@pytest.fixture
def cached(settings: Any, redis_url: str) -> Iterator[str]:
    """A site whose calls ask a Redis first; its URL."""
    use_cache(settings, redis_url)
    yield redis_url
    caches["shared"].close()


@pytest.fixture
def login(ada: Visitor) -> Any:
    """Somebody who is in."""
    return ada.log_in()


def questions(token: AccessToken) -> int:
    """Let a call in, and return how often the database was asked."""
    return len(statements_of(lambda: services.authenticate(token)))


def is_in(token: AccessToken) -> bool:
    """Whether a call goes through."""
    try:
        services.authenticate(token)
    except SessionEnded:
        return False
    return True


# Remembered


def test_second_call_asks_no_database(cached: str, login: Any) -> None:
    """The first one asked it."""
    token = access(login)
    assert [questions(token) for _ in range(3)] == [1, 0, 0]


def test_default_asks_the_database_each_time(login: Any) -> None:
    """Nobody gets a cache who did not ask for one."""
    token = access(login)
    assert [questions(token) for _ in range(2)] == [1, 1]
    assert not list(getattr(caches["default"], "_cache", ()))


def test_user_of_a_remembered_session_knows_the_key_and_reads_the_rest(cached: str, login: Any) -> None:
    """The row is not in the cache: a field that is looked at is as fresh as the database."""
    token = access(login)
    services.authenticate(token)
    user = services.authenticate(token)
    assert (user, user.pk, user.is_authenticated) == (login.user, login.user.pk, True)
    assert type(user) is get_user_model()
    assert user._state.db == login.session._state.db == "default"
    assert user.get_deferred_fields() == {field.attname for field in user._meta.concrete_fields} - {"id"}
    get_user_model().objects.filter(pk=user.pk).update(username="Ada")
    assert user.username == "Ada"


def test_cache_holds_neither_number_nor_token(cached: str, login: Any) -> None:
    """What is at rest there opens nothing and names nobody but by a key (P1)."""
    services.authenticate(access(login))
    services.logout(access(login))
    with redis.Redis.from_url(cached) as client:
        told = b" ".join(client.keys("*") + [client.get(key) or b"" for key in client.keys("*")]).decode()
    assert str(login.session.pk) in told
    for secret in (login.user.phone, login.user.phone[1:], login.pair.access_token, login.pair.refresh_token):
        assert secret not in told


def test_entry_of_one_user_is_none_of_another(cached: str, login: Any) -> None:
    """A token says whose session it means; the cache answers for both together."""
    services.authenticate(access(login))
    assert remembered.is_live(login.session.pk, login.user.pk, using="default")
    assert not remembered.is_live(login.session.pk, UserFactory().pk, using="default")
    assert not remembered.is_live(SessionFactory().pk, login.user.pk, using="default")


def test_entry_of_one_database_is_none_of_another(cached: str, login: Any) -> None:
    """Where each tenant has a database, a key may be another person's there."""
    services.authenticate(access(login))
    assert not remembered.is_live(login.session.pk, login.user.pk, using="other")


@pytest.mark.parametrize(
    ("age", "is_believed"), [(0, True), (5, True), (5.002, False), (-5, True), (-5.002, False), (600, False)]
)
def test_entry_counts_from_the_question(
    age: float, is_believed: bool, cached: str, login: Any, clock: time_machine.Traveller
) -> None:
    """Not from when it was written: a cache that stood still may write it long after. Nor is the future believed."""
    ids = (login.session.pk, login.user.pk)
    remembered.remember(*ids, using="default", asked_at=time.time() - age)
    assert remembered.is_live(*ids, using="default") is is_believed


def test_entry_that_somebody_else_wrote_is_none(cached: str, login: Any) -> None:
    """Whatever it holds."""
    token = access(login)
    services.authenticate(token)
    with redis.Redis.from_url(cached) as client:
        (entry,) = client.keys("*")
        for value in (b"1", b"yes", b"", b"\x80\x04N."):
            client.set(entry, value)
            assert questions(token) == 1


def test_cache_that_stood_still_brings_nothing_back(own_valkey: Valkey, settings: Any, ada: Visitor) -> None:
    """The entry that it could not write lay in its socket; the end of the session never came through (D5)."""
    use_cache(settings, own_valkey.url)
    login = ada.log_in()
    token, asked_at = access(login), time.time()
    caches["shared"].get("opens-a-connection")
    own_valkey.stop()
    remembered.remember(login.session.pk, login.user.pk, using="default", asked_at=asked_at)
    services.logout(token)
    time.sleep(remembered.LIFETIME)
    own_valkey.go_on()
    with redis.Redis.from_url(own_valkey.url) as client:
        assert [b":live:" in key for key in client.keys("*")] == [True]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(remembered, "_lost_until", 0.0)
        assert not is_in(token)
    caches["shared"].close()


def test_entry_is_believed_for_five_seconds(cached: str, login: Any) -> None:
    """And a mark for ten minutes, whatever the alias has as its time-out (D5)."""
    services.authenticate(access(login))
    services.logout(access(login))
    with redis.Redis.from_url(cached) as client:
        ends = sorted(client.ttl(key) for key in client.keys("*"))
    assert 0 <= ends[0] <= remembered.LIFETIME == 5
    assert 590 < ends[1] <= remembered.MARK_LIFETIME == 600
    assert len(ends) == 2


# What ends a session


def end_by_logout(login: Any, _others: Any) -> None:
    """By its owner."""
    services.logout(access(login))


def end_by_another_session(login: Any, other: Any) -> None:
    """By its owner, from elsewhere."""
    services.end_session(access(other), login.session.pk)


def end_the_others(login: Any, other: Any) -> None:
    """All but one."""
    assert services.logout_all_other_sessions(access(other)) == 1


def end_all(login: Any, other: Any) -> None:
    """All."""
    assert services.logout_all(access(other)) == 2


def end_by_reuse(login: Any, _other: Any) -> None:
    """A refresh token that was used before."""
    services.refresh_tokens(refresh(login))
    Session.objects.update(rotated_at=login.session.created_at.replace(year=2020))
    with pytest.raises(RefreshTokenReused):
        services.refresh_tokens(refresh(login))


def end_by_command(login: Any, _other: Any) -> None:
    """By an operator."""
    call_command("revoke_sessions", user=str(login.user.pk), verbosity=0)


def end_by_simplejwt(login: Any, _other: Any) -> None:
    """By simplejwt's own ``blacklist()``."""
    refresh(login).blacklist()


def end_by_a_row(login: Any, _other: Any) -> None:
    """By a row that staff makes in simplejwt's admin."""
    BlacklistedToken.objects.create(token=login.session.token)


def shut_out(login: Any, _other: Any) -> None:
    """By a user who is saved inactive."""
    user = get_user_model().objects.get(pk=login.user.pk)
    user.is_active = False
    user.save()


def change_password(login: Any, _other: Any) -> None:
    """By Django's own way to a new password."""
    user = get_user_model().objects.get(pk=login.user.pk)
    user.set_password("correct horse battery staple")
    user.save()


def delete(login: Any, _other: Any) -> None:
    """With its user."""
    get_user_model().objects.get(pk=login.user.pk).delete()


ENDS: list[Callable[[Any, Any], None]] = [
    end_by_logout,
    end_by_another_session,
    end_the_others,
    end_all,
    end_by_reuse,
    end_by_command,
    end_by_simplejwt,
    end_by_a_row,
    shut_out,
    change_password,
    delete,
]


@pytest.mark.parametrize("end", ENDS)
def test_end_is_noticed_by_the_next_call(
    end: Callable[[Any, Any], None], cached: str, configure: Configure, settings: Any
) -> None:
    """With a cache that is up an ended session goes on for no time at all."""
    configure(RESEND_PAUSES=(), ACCESS_CHECK="cache", ACCESS_CACHE="shared")
    login, other = Visitor().log_in(), Visitor().log_in()
    token = access(login)
    assert [questions(token) for _ in range(2)] == [1, 0]
    end(login, other)
    assert not is_in(token)


@pytest.mark.parametrize("end", ENDS)
def test_call_that_asked_before_the_end_remembers_nothing(
    end: Callable[[Any, Any], None], cached: str, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes its entry when the end is long over; the mark stands beside it."""
    configure(RESEND_PAUSES=(), ACCESS_CHECK="cache", ACCESS_CACHE="shared")
    login, other = Visitor().log_in(), Visitor().log_in()
    token, remember = access(login), remembered.remember

    def late(*ids: Any, **facts: Any) -> None:
        end(login, other)
        remember(*ids, **facts)

    with monkeypatch.context() as patch:
        patch.setattr(remembered, "remember", late)
        assert is_in(token)
    assert not is_in(token)


def test_end_that_is_rolled_back_is_none(cached: str, login: Any) -> None:
    """The mark is written after the commit, and would only have asked the database."""
    token = access(login)
    services.authenticate(token)
    with suppress(ZeroDivisionError), transaction.atomic():
        services.logout(token)
        raise ZeroDivisionError
    assert questions(token) == 0


def test_user_who_is_saved_again_is_let_in_by_the_database(cached: str, login: Any) -> None:
    """A mark asks; it refuses nobody."""
    token = access(login)
    services.authenticate(token)
    get_user_model().objects.get(pk=login.user.pk).save()
    assert [questions(token) for _ in range(3)] == [1, 1, 1]


def test_others_are_not_asked_about(cached: str, login: Any) -> None:
    """The end of one session costs another nothing."""
    other = SessionFactory()
    token = access(login)
    services.authenticate(token)
    services.revoke_sessions(Session.objects.filter(pk=other.pk))
    UserFactory().save()
    assert questions(token) == 0


def test_many_ends_are_few_words(cached: str) -> None:
    """Marks of a batch go together, or revoking a million sessions took a million calls."""
    SessionFactory.create_batch(20)
    calls: list[int] = []

    class Counting:
        def set_many(self, marks: Any, _timeout: int) -> None:
            calls.append(len(marks))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(remembered, "caches", {"shared": Counting()})
        assert services.revoke_sessions(Session.objects.all()) == 20
    assert calls == [20]


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """The alias of another connection."""
    connections["other"] = other = connection.copy("other")
    yield "other"
    other.close()
    del connections["other"]


@pytest.mark.parametrize(
    "tell",
    [
        lambda using: remembered.on_user(get_user_model()(), using=using),
        lambda using: remembered.remember("session", "a user", using=using, asked_at=time.time()),
        lambda using: remembered.on_blacklisted(SimpleNamespace(token=SimpleNamespace(jti="a session")), using=using),
    ],
)
def test_mark_waits_for_the_commit_of_its_own_database(
    tell: Callable[[str], None], cached: str, elsewhere: str
) -> None:
    """Of the one that the row is written in: no cache is spoken to with a transaction open (K6)."""
    with redis.Redis.from_url(cached) as client:
        with transaction.atomic(using=elsewhere):
            tell(elsewhere)
            assert client.dbsize() == 0
        assert client.dbsize() == 1


@pytest.mark.parametrize("end", [services.logout, services.logout_all])
def test_end_of_before_is_told_again(end: Callable[[AccessToken], Any], cached: str, login: Any) -> None:
    """Whose process died before it told, or has not yet: an answered logout is the end."""
    token = access(login)
    services.authenticate(token)
    Session.objects.filter(pk=login.session.pk).update(ended_at=login.session.created_at)
    assert is_in(token)
    end(token)
    assert not is_in(token)


def test_proxy_of_the_user_model_is_heard(
    cached: str, login: Any, monkeypatch: pytest.MonkeyPatch, isolated: None
) -> None:
    """A signal names the class that was saved, and no class above it."""

    class Member(get_user_model()):  # type: ignore[misc]  # the stubs know no model that is found at run time
        class Meta:
            app_label, proxy = "securelogin", True

    monkeypatch.setattr(apps, "get_models", lambda: [get_user_model(), Member])
    apps.get_app_config("securelogin").ready()
    token = access(login)
    services.authenticate(token)
    member = Member.objects.get(pk=login.user.pk)
    member.is_active = False
    member.save()
    assert not is_in(token)


@pytest.fixture
def isolated() -> Iterator[None]:
    """A registry of its own for the models of a test."""
    with isolate_apps("securelogin"):
        yield


def test_key_in_another_spelling_is_the_same(cached: str, login: Any) -> None:
    """A host may save a user whom it read nowhere."""
    token = access(login)
    services.authenticate(token)
    user = get_user_model()(pk=login.user.pk.hex.upper(), phone=login.user.phone, is_active=False)
    user.save(force_update=True)
    assert not is_in(token)


@pytest.fixture
def by_hand() -> Iterator[None]:
    """A host that commits by itself."""
    transaction.set_autocommit(False)
    yield
    transaction.rollback()
    transaction.set_autocommit(True)


@pytest.mark.parametrize("end", [shut_out, delete, end_by_a_row])
def test_host_may_commit_by_hand(
    end: Callable[[Any, Any], None], cached: str, login: Any, by_hand: None, configure: Configure
) -> None:
    """Django takes no handlers then: the cache is told at once, and told nothing that may be undone."""
    token = access(login)
    assert [questions(token) for _ in range(2)] == [1, 1]
    end(login, None)
    transaction.commit()
    assert not is_in(token)
    configure(ACCESS_CHECK="session")
    UserFactory().save()


def test_what_a_transaction_saw_is_remembered_after_its_commit(cached: str, login: Any) -> None:
    """It may have let the user in itself, and be undone."""
    token = access(login)
    with suppress(ZeroDivisionError), transaction.atomic():
        assert questions(token) == 1
        raise ZeroDivisionError
    with transaction.atomic():
        assert questions(token) == 1
    assert questions(token) == 0


def test_blacklisted_row_that_did_not_stay_is_no_error(cached: str, login: Any) -> None:
    """Its token is looked at in time, and those who wait for the commit after us are called."""
    called: list[bool] = []
    with transaction.atomic():
        BlacklistedToken(token_id=login.session.token_id).save()
        OutstandingToken.objects.filter(pk=login.session.token_id).delete()
        transaction.on_commit(lambda: called.append(True))
    assert called
    assert not BlacklistedToken.objects.exists()


def test_default_is_told_nothing(login: Any) -> None:
    """And pays no query for it."""
    token_id = login.session.token_id
    assert len(statements_of(lambda: BlacklistedToken(token_id=token_id).save())) == 1


def test_view_cannot_ask_a_cache_that_hears_nothing(cached: str, login: Any, configure: Configure) -> None:
    """Where ``ACCESS_CHECK`` is another, nobody says what ended: a class with "cache" asks the database."""
    token = access(login)
    services.authenticate(token)
    for check in ("session", "none"):
        configure(ACCESS_CHECK=check)
        assert len(statements_of(lambda: services.authenticate(token, access_check="cache"))) == 1


class Elsewhere:
    """Has our tables asked through the other connection."""

    def db_for_read(self, _model: Any, **_hints: Any) -> str:
        return "other"

    db_for_write = db_for_read


@pytest.mark.parametrize("end", [services.logout, services.logout_all])
def test_end_of_before_is_told_after_the_commit_of_its_own_database(
    end: Callable[[AccessToken], Any], cached: str, login: Any, elsewhere: str, settings: Any
) -> None:
    """Not of the default one."""
    Session.objects.filter(pk=login.session.pk).update(ended_at=login.session.created_at)
    settings.DATABASE_ROUTERS = [Elsewhere()]
    with redis.Redis.from_url(cached) as client:
        with transaction.atomic(using=elsewhere):
            end(access(login))
            assert client.dbsize() == 0
        assert client.dbsize() == 1


def test_host_may_commit_by_hand_in_another_database(cached: str, elsewhere: str) -> None:
    """Each connection has a way of its own."""
    transaction.set_autocommit(False, using=elsewhere)
    with redis.Redis.from_url(cached) as client:
        remembered.remember("session", "user", using=elsewhere, asked_at=time.time())
        assert client.dbsize() == 0
        remembered.on_user(get_user_model()(), using=elsewhere)
        assert client.dbsize() == 1
    transaction.set_autocommit(True, using=elsewhere)


# What is not heard of


def test_end_that_nobody_hears_of_is_noticed_within_five_seconds(cached: str, login: Any) -> None:
    """SQL by hand, ``update()``: the entry has to go first."""
    token = access(login)
    services.authenticate(token)
    get_user_model().objects.update(is_active=False)
    assert is_in(token)
    with redis.Redis.from_url(cached) as client:
        (entry,) = client.keys("*")
        client.pexpire(entry, 1)
    time.sleep(0.01)
    assert not is_in(token)


# A cache that fails


def test_flushed_cache_lets_nobody_in(cached: str, login: Any) -> None:
    """Marks are gone, and so are the entries that they would contradict."""
    token = access(login)
    services.authenticate(token)
    services.logout(token)
    with redis.Redis.from_url(cached) as client:
        client.flushdb()
    assert not is_in(token)


def test_dead_cache_costs_a_query_and_lets_nobody_in(
    own_valkey: Valkey, settings: Any, ada: Visitor, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told once, without an address, and found again when it is back."""
    use_cache(settings, own_valkey.url)
    login = ada.log_in()
    token = access(login)
    assert [questions(token) for _ in range(2)] == [1, 0]
    own_valkey.kill()
    assert [questions(token) for _ in range(3)] == [1, 1, 1]
    told = [record.getMessage() for record in caplog.records if record.name == "securelogin.remembered"]
    assert told == ["the cache of live sessions does not answer: ConnectionError"]
    services.logout(token)
    assert not is_in(token)
    own_valkey.start()
    monkeypatch.setattr(remembered, "_lost_until", 0.0)
    assert not is_in(token)
    caches["shared"].close()


def test_end_is_told_to_a_cache_that_failed_a_moment_ago(
    cached: str, login: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls leave it alone for five seconds; if it is back before, it may still say that the session is live."""
    token = access(login)
    services.authenticate(token)
    with monkeypatch.context() as patch:
        patch.setattr(remembered, "_lost_until", time.monotonic() + 100)
        assert questions(token) == 1
        services.logout(token)
    assert not is_in(token)


def test_cache_that_fails_is_left_alone_for_five_seconds(
    settings: Any, login: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And asked again after them."""
    use_cache(settings, "redis://127.0.0.1:1/0")
    services.authenticate(access(login))
    assert 0 < remembered._lost_until - time.monotonic() <= remembered.PAUSE == 5


def test_cache_that_hangs_holds_one_call_up(own_valkey: Valkey, settings: Any, ada: Visitor) -> None:
    """With the time-outs of its options; then it is left alone for a while."""
    use_cache(settings, own_valkey.url)
    token = access(ada.log_in())
    services.authenticate(token)
    own_valkey.stop()
    began = time.monotonic()
    assert [questions(token) for _ in range(10)] == [1] * 10
    assert time.monotonic() - began < 2
    caches["shared"].close()


def test_alias_that_is_gone_costs_a_query(configure: Configure, login: Any) -> None:
    """As a cache that is down; the check says it before (E028)."""
    configure(ACCESS_CHECK="cache", ACCESS_CACHE="nowhere")
    assert [questions(access(login)) for _ in range(2)] == [1, 1]
    assert remembered.is_live(login.session.pk, login.user.pk, using="default") is False


def test_cache_of_the_process_is_told_too(configure: Configure, login: Any) -> None:
    """Django's default cache: within one process the bound is the same."""
    configure(ACCESS_CHECK="cache")
    assert isinstance(caches["default"], LocMemCache)
    token = access(login)
    assert [questions(token) for _ in range(2)] == [1, 0]
    services.logout(token)
    assert not is_in(token)


# Nobody is asked


def test_nobody_is_asked(configure: Configure, login: Any) -> None:
    """Neither database nor cache; an end is noticed when the token expires."""
    configure(ACCESS_CHECK="none")
    token = access(login)
    with connection.execute_wrapper(lambda *_arguments: pytest.fail("asked")):
        user = services.authenticate(token)
    assert (user, user.phone) == (login.user, login.user.phone)
    services.logout(token)
    assert is_in(token)
    assert not list(getattr(caches["default"], "_cache", ()))


@pytest.mark.parametrize("check", ["cache", "none"])
def test_own_routes_ask_the_database_always(check: str, client: HTTPClient, configure: Configure, ada: Visitor) -> None:
    """Whoever was shut out, though nobody heard of it, ends no sessions and sees none."""
    configure(ACCESS_CHECK=check)
    login = ada.log_in()
    headers = {"Authorization": f"Bearer {login.pair.access_token}"}
    assert client.get("/api/auth/sessions", headers=headers).status_code == 200
    assert client.post("/api/auth/op", headers=headers).status_code == 200
    get_user_model().objects.update(is_active=False)
    assert client.get("/api/auth/sessions", headers=headers).status_code == 401
    assert client.post("/api/auth/logout_all", headers=headers).status_code == 401
    assert client.post("/api/auth/op", headers=headers).status_code == 200


def test_caller_may_ask_for_more(configure: Configure, login: Any) -> None:
    """A view of the host's that is dear."""
    configure(ACCESS_CHECK="none")
    token = access(login)
    services.logout(token)
    assert is_in(token)
    with pytest.raises(SessionEnded):
        services.authenticate(token, access_check="session")


def test_key_of_a_user_may_be_any_text(cached: str) -> None:
    """Caches take no blanks in their keys, and some no long ones."""
    session = SessionFactory().pk
    for name in ("a b", "é" * 300, "\n", ""):
        remembered.remember(session, name, using="default", asked_at=time.time())
        assert remembered.is_live(session, name, using="default")
    remembered.forget(users=["a b"])
    assert not remembered.is_live(session, "a b", using="default")
