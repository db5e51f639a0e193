"""Tests of securelogin.limits: windows that begin with their first hit, exact, in the table and in Redis."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
import redis
from django.db import connection, connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from securelogin import conf, keys, limits
from securelogin.exceptions import RetryLater, TooManyAttempts, TooManyRequests
from securelogin.limits import Hit, Window
from securelogin.models import Counter
from tests.valkey import Valkey

if TYPE_CHECKING:
    from pytest_django import Settings

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)

IP = Hit("login_ip", "198.51.100.7")
STRANGER = Hit("login_ip", "198.51.100.8")
RANGE = Hit("login_range", "+1202555")
SITE = Hit("login_site", "")

OFF: dict[str, str | None] = dict.fromkeys(conf.DEFAULT_LIMITS)
"""Every limit switched off."""

Set = Callable[..., None]
"""Sets limits by name; all others are off."""


@pytest.fixture(autouse=True)
def _redis_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test find a Redis lost that another one killed."""
    monkeypatch.setattr(limits, "_lost_until", 0.0)


@pytest.fixture(params=["database", "redis"])
def storage(request: pytest.FixtureRequest) -> str:
    """Where the hits are counted: each in turn."""
    return "database" if request.param == "database" else str(request.getfixturevalue("redis_url"))


@pytest.fixture
def set_limits(storage: str, settings: Settings) -> Set:
    """Return what sets the limits of a test, counted in either storage."""

    def set_them(**notations: str | None) -> None:
        settings.SECURELOGIN = {"LIMITS": {**OFF, **notations}, "LIMITS_STORAGE": storage}

    return set_them


def _in_table(**notations: str | None) -> dict[str, Any]:
    return {"LIMITS": {**OFF, **notations}}


def _passes(*hits: Hit, at: datetime = NOON) -> bool:
    try:
        limits.take(hits, at=at)
    except RetryLater:
        return False
    return True


def _wait(*hits: Hit, at: datetime = NOON) -> int:
    with pytest.raises(RetryLater) as caught:
        limits.take(hits, at=at)
    return caught.value.retry_after


def _at_once(story: Callable[[int], bool], count: int) -> list[bool]:
    """Run a story in so many threads that begin together; an error in one of them is an error here."""
    barrier = threading.Barrier(count)
    outcomes: list[bool] = []
    errors: list[Exception] = []

    def run(number: int) -> None:
        try:
            barrier.wait(30)
            outcomes.append(story(number))
        except Exception as error:  # a thread's error would be nobody's
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if errors:
        raise errors[0]
    return outcomes


# The notation


@pytest.mark.parametrize(
    ("notation", "windows"),
    [
        ("20/hour", [(20, HOUR)]),
        ("20 per hour", [(20, HOUR)]),
        ("5/2 hours", [(5, 2 * HOUR)]),
        ("1/second;100/day", [(1, SECOND), (100, 24 * HOUR)]),
        ("1/second, 100/day", [(1, SECOND), (100, 24 * HOUR)]),
        ("0/hour", [(0, HOUR)]),
    ],
)
def test_notation_is_that_of_the_library(notation: str, windows: list[tuple[int, timedelta]]) -> None:
    """One or several amounts, each with the length of its window."""
    assert limits.parse(notation) == windows


@pytest.mark.parametrize("notation", ["", " ", "20", "hour", "20/fortnight", "-1/hour", "1.5/hour", "20/hour;", "None"])
def test_other_notations_are_errors(notation: str) -> None:
    """A limit that cannot be read is none, and says so."""
    with pytest.raises(ValueError, match=r"parse|granularity"):
        limits.parse(notation)


# One after the other, in both storages


@pytest.mark.django_db
def test_exactly_as_many_pass_as_the_limit_says(set_limits: Set) -> None:
    """Seven pass, the eighth does not, and refused calls make the window no longer."""
    set_limits(login_ip="7/hour")
    assert [_passes(IP) for _ in range(12)] == [True] * 7 + [False] * 5


@pytest.mark.django_db
@pytest.mark.parametrize("limit", ["0/hour", None])
def test_none_lets_everything_through_and_zero_nothing(set_limits: Set, limit: str | None) -> None:
    """To switch off and to shut are two things."""
    set_limits(login_ip=limit)
    assert [_passes(IP) for _ in range(3)] == [limit is None] * 3


@pytest.mark.django_db
def test_each_value_is_counted_for_itself(set_limits: Set) -> None:
    """A spent address is nobody else's; nor is the same address under another limit."""
    set_limits(login_ip="1/hour", verify_ip="1/hour")
    assert _passes(IP)
    assert not _passes(IP)
    assert _passes(STRANGER)
    assert _passes(Hit("verify_ip", IP.value))


@pytest.mark.django_db
def test_call_without_room_in_one_window_counts_in_none(set_limits: Set) -> None:
    """A refused address spends nothing of what it shares with everyone."""
    set_limits(login_ip="1/hour", login_range="3/hour", login_site="3/hour")
    assert [_passes(IP, RANGE, SITE) for _ in range(10)] == [True] + [False] * 9
    assert [_passes(STRANGER, RANGE, SITE)] + [_passes(RANGE, SITE) for _ in range(2)] == [True, True, False]


@pytest.mark.django_db
def test_order_of_hits_does_not_matter(set_limits: Set) -> None:
    """The same hits in any order are the same keys."""
    set_limits(login_ip="2/hour", login_range="2/hour", login_site="2/hour")
    assert [_passes(IP, RANGE, SITE), _passes(SITE, RANGE, IP), _passes(RANGE, SITE, IP)] == [True, True, False]


@pytest.mark.django_db
def test_no_hits_are_no_question(set_limits: Set) -> None:
    """With every limit off, or nothing to count, no storage is asked."""
    set_limits()
    with CaptureQueriesContext(connection) as queries:
        assert _passes(IP, RANGE, SITE)
        assert _passes()
    assert len(queries) == 0


@pytest.mark.django_db
def test_longer_window_holds_where_a_shorter_begins_anew(set_limits: Set) -> None:
    """Of several windows of one limit each must have room."""
    set_limits(login_ip="2/hour;3/day")
    assert [_passes(IP) for _ in range(3)] == [True, True, False]
    assert limits.parse("2/hour;3/day")[1] == (3, timedelta(days=1))


@pytest.mark.django_db
def test_longest_wait_of_several_spent_windows_is_told(set_limits: Set) -> None:
    """Who waits as long as told finds room in all of them, wherever their names stand in the alphabet."""
    set_limits(login_ip="1/hour;1/2 hours", login_range="1/3 hours", login_site="1/hour")
    assert _passes(IP, RANGE, SITE)
    assert _wait(IP, RANGE, SITE) == 3 * 3600
    assert _wait(IP) == 2 * 3600


@pytest.mark.django_db
@pytest.mark.parametrize("notation", ["5/hour;2/hour", "2/hour;5/60 minutes", "2/hour;2/hour", "9/3600 seconds;2/hour"])
def test_of_two_windows_of_one_length_the_stricter_counts(set_limits: Set, notation: str) -> None:
    """They are one window: no hit is counted twice in it."""
    set_limits(login_ip=notation)
    assert [_passes(IP) for _ in range(4)] == [True, True, False, False]


@pytest.mark.django_db
def test_same_hit_twice_is_one_hit(set_limits: Set) -> None:
    """One call is one event for one window."""
    set_limits(login_ip="2/hour")
    assert [_passes(IP, IP) for _ in range(3)] == [True, True, False]


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(conf.DEFAULT_LIMITS))
def test_limits_on_guessing_refuse_as_attempts(set_limits: Set, name: str) -> None:
    """Guessing has its own error; address, range and site share the other. Both name the limit."""
    set_limits(**{name: "1/hour"})
    hit = Hit(name, "x")
    limits.take([hit], at=NOON)
    with pytest.raises(RetryLater) as caught:
        limits.take([hit], at=NOON)
    assert type(caught.value) is (TooManyAttempts if name in {"verify_ip", "password_ip"} else TooManyRequests)
    assert caught.value.limit == name


@pytest.mark.django_db
def test_watched_limit_is_full_with_its_last_hit(set_limits: Set) -> None:
    """A watched limit is told when it is full, and is not counted by that."""
    set_limits(login_site="2/hour")
    full = []
    for _ in range(2):
        limits.take([SITE], at=NOON)
        full.append(limits.take([], at=NOON, watched=[SITE]))
    assert full == [frozenset(), {"login_site"}]


@pytest.mark.django_db
def test_only_the_hit_that_fills_a_window_is_told(set_limits: Set, storage: str) -> None:
    """A hit that is refused nobody is counted past the limit, in the storage that the settings name."""
    set_limits(login_site="2/hour")
    assert [limits.count(SITE, at=NOON) for _ in range(4)] == [False, True, False, False]
    assert Counter.objects.exists() is (storage == "database")


@pytest.mark.django_db
def test_limit_that_is_off_is_never_filled(set_limits: Set) -> None:
    """Without a window there is no hit that fills one."""
    set_limits(login_site=None)
    assert limits.count(SITE, at=NOON) is False


@pytest.mark.django_db
def test_keys_and_log_hold_neither_address_nor_number(
    set_limits: Set, storage: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever reads the counters learns that somebody was counted, not who."""
    set_limits(login_ip="1/hour", login_range="1/hour", login_site="1/hour")
    with caplog.at_level(logging.DEBUG):
        assert [_passes(IP, RANGE, SITE) for _ in range(2)] == [True, False]
    if storage == "database":
        found = list(Counter.objects.values_list("key", flat=True))
    else:
        with redis.Redis.from_url(storage, decode_responses=True) as client:
            found = [key.removeprefix("LIMITS:") for key in client.scan_iter()]
    assert len(found) == 3
    assert all(re.fullmatch(r"login_(ip|range|site):3600:[0-9a-f]{32}", key) for key in found)
    assert "198.51.100" not in caplog.text
    assert "1202555" not in caplog.text


@pytest.mark.django_db
def test_address_has_another_name_under_each_limit(settings: Settings) -> None:
    """Two counters do not tell that they are one address'; their names are under a key for limits alone."""
    settings.SECURELOGIN = _in_table(login_ip="1/hour", verify_ip="1/hour")
    assert _passes(IP, Hit("verify_ip", IP.value))
    (ip, _, first), (verify, _, second) = (row.key.split(":") for row in Counter.objects.order_by("key"))
    assert first != second
    for name, value in ((ip, first), (verify, second)):
        assert value == keys.digest("limits", name, IP.value)[:32]


@pytest.mark.django_db
def test_another_secret_key_has_other_keys(set_limits: Set, settings: Settings) -> None:
    """The names are under our key, so that addresses cannot be tried out against a copy."""
    set_limits(login_ip="1/hour")
    assert _passes(IP)
    settings.SECRET_KEY = "another key for tests, long enough for every check and known to everyone"
    assert _passes(IP)
    assert not _passes(IP)


# Windows and waits, where the clock is ours: the table


@pytest.mark.django_db
def test_window_begins_with_its_first_hit_and_ends_to_the_moment(settings: Settings) -> None:
    """It is fixed: neither later hits nor refusals move its end, and the hit after it begins the next."""
    settings.SECURELOGIN = _in_table(login_ip="2/hour")
    assert _passes(IP, at=NOON + timedelta(minutes=17))
    assert _passes(IP, at=NOON + timedelta(minutes=76))
    end = NOON + timedelta(minutes=77)
    assert not _passes(IP, at=end - timedelta(microseconds=1))
    assert _passes(IP, at=end)
    assert _passes(IP, at=end + timedelta(minutes=59))
    assert not _passes(IP, at=end + HOUR - SECOND)
    assert _passes(IP, at=end + HOUR)


@pytest.mark.django_db
@pytest.mark.parametrize(("after", "wait"), [(0, 3600), (1, 3599), (0.4, 3600), (3598.7, 2), (3599.999, 1)])
def test_waiting_as_long_as_told_is_enough_and_a_second_less_is_not(
    settings: Settings, after: float, wait: int
) -> None:
    """``Retry-After`` is in whole seconds, rounded up (RFC 9110 section 10.2.3)."""
    settings.SECURELOGIN = _in_table(login_ip="1/hour")
    assert _passes(IP)
    at = NOON + timedelta(seconds=after)
    assert _wait(IP, at=at) == wait
    assert not _passes(IP, at=at + timedelta(seconds=wait - 1))
    assert _passes(IP, at=at + timedelta(seconds=wait))


@pytest.mark.django_db
def test_windows_of_one_limit_end_each_at_its_time(settings: Settings) -> None:
    """The shorter begins anew while the longer goes on."""
    settings.SECURELOGIN = _in_table(login_ip="2/hour;3/day")
    assert [_passes(IP) for _ in range(3)] == [True, True, False]
    later = NOON + 2 * HOUR
    assert [_passes(IP, at=later) for _ in range(2)] == [True, False]
    assert _wait(IP, at=later) == 22 * 3600
    assert _passes(IP, at=NOON + 24 * HOUR)


@pytest.mark.django_db
def test_spent_window_is_read_and_not_written(settings: Settings) -> None:
    """A flood writes nothing: one SELECT is all that a refused call costs."""
    settings.SECURELOGIN = _in_table(login_ip="1/hour", login_range="5/hour", login_site="5/hour")
    assert _passes(IP, RANGE, SITE)
    before = list(Counter.objects.order_by("key").values())
    with CaptureQueriesContext(connection) as queries:
        assert not _passes(IP, RANGE, SITE)
    assert [query["sql"].split()[0] for query in queries] == ["SELECT"]
    assert list(Counter.objects.order_by("key").values()) == before


@pytest.mark.django_db
def test_all_hits_are_counted_in_one_statement(settings: Settings) -> None:
    """One look and one upsert, however many limits there are; the keys are sorted, or two calls would deadlock."""
    settings.SECURELOGIN = _in_table(login_ip="5/hour;50/day", login_range="5/hour", login_site="5/hour")
    with CaptureQueriesContext(connection) as queries:
        assert _passes(SITE, RANGE, IP)
    assert [query["sql"].split()[0] for query in queries] == ["SELECT", "INSERT"]
    written = re.findall(r"login_\w+:\d+:[0-9a-f]{32}", queries[1]["sql"])
    assert len(written) == 4
    assert written == sorted(written)


@pytest.mark.django_db
def test_call_over_the_limit_is_refused_though_its_window_ends_meanwhile(settings: Settings) -> None:
    """The verdict of the statement that counted stands, whatever happens to the row after it.

    Between our statements another call takes the last place, and a machine whose clock is ahead begins the next
    window, as it may.
    """
    settings.SECURELOGIN = _in_table(login_ip="2/hour")
    assert _passes(IP)
    seen: list[str] = []

    def interfere(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        seen.append(sql.split()[0])
        if seen == ["SELECT", "INSERT"]:
            Counter.objects.update(count=2)
        elif seen == ["SELECT", "INSERT", "UPDATE", "SELECT"]:
            Counter.objects.update(count=1, expires_at=NOON + 2 * HOUR)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(interfere):
        assert _wait(IP) == 1
    assert seen == ["SELECT", "INSERT", "UPDATE", "SELECT", "UPDATE"]


@pytest.mark.django_db
def test_call_that_came_too_late_waits_for_the_end_of_its_window(settings: Settings) -> None:
    """Where another call took the last place after our look, the wait is that of everyone who finds no room."""
    settings.SECURELOGIN = _in_table(login_ip="1/hour")
    seen: list[str] = []

    def interfere(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        seen.append(sql.split()[0])
        if seen == ["SELECT", "INSERT"]:
            limits.take([IP], at=NOON - 600 * SECOND)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(interfere):
        assert _wait(IP) == 3000


@pytest.mark.django_db
def test_call_over_the_limit_is_refused_though_its_row_is_cleared_meanwhile(settings: Settings) -> None:
    """So it stands where the row is gone."""
    settings.SECURELOGIN = _in_table(login_ip="1/hour")
    seen: list[str] = []

    def interfere(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        seen.append(sql.split()[0])
        if seen == ["SELECT", "INSERT"]:
            limits.take([IP], at=NOON)
        elif seen == ["SELECT", "INSERT", "SELECT", "INSERT", "SELECT"]:
            Counter.objects.all().delete()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(interfere):
        assert _wait(IP) == 1
    assert seen == ["SELECT", "INSERT", "SELECT", "INSERT", "SELECT", "DELETE"]


class NowhereToRead:
    """A router that sends reads to a replica that does not exist, and so what is not of a counter."""

    def db_for_read(self, model: type[Any], **_hints: object) -> str | None:
        """Send counters to the replica."""
        return "replica" if model is Counter else None

    def db_for_write(self, model: type[Any], **_hints: object) -> str:
        """Send counters to the database that is there."""
        return "default" if model is Counter else "replica"


@pytest.mark.django_db
def test_counts_are_read_where_they_are_written() -> None:
    """A replica lags, and a lagging count is a hole."""
    routers = [f"{__name__}.NowhereToRead"]
    with override_settings(SECURELOGIN=_in_table(login_ip="1/hour"), DATABASE_ROUTERS=routers):
        assert [_passes(IP) for _ in range(2)] == [True, False]


@pytest.mark.django_db
@hypothesis_settings(max_examples=25, deadline=None)
@given(st.integers(0, 6), st.lists(st.integers(0, 240), max_size=25))
def test_table_agrees_with_the_plain_rule(limit: int, minutes: list[int]) -> None:
    """A window begins with the first hit that finds none open, and lets just so many through."""
    Counter.objects.all().delete()
    end, count = NOON, 0
    with override_settings(SECURELOGIN=_in_table(login_ip=f"{limit}/hour")):
        for at in (NOON + timedelta(minutes=minute) for minute in sorted(minutes)):
            if at >= end:
                end, count = at + HOUR, 0
            count += 1
            assert _passes(IP, at=at) == (count <= limit)


# Many at once, in both storages


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_and_seven_pass(set_limits: Set) -> None:
    """The limit is exact where calls come at once, and no call ends in an error."""
    set_limits(login_ip="7/hour", login_site="1000/hour")
    for number in range(3):
        hits = [Hit("login_ip", f"198.51.100.{number}"), SITE]
        outcomes = _at_once(lambda _thread, hits=hits: _passes(*hits), 20)  # type: ignore[misc]
        assert (outcomes.count(True), outcomes.count(False)) == (7, 13)


@pytest.mark.django_db(transaction=True)
def test_calls_that_share_keys_in_any_order_do_not_deadlock(set_limits: Set) -> None:
    """Neighbours share a range, everyone the site: of 20 that come in all orders each is counted once."""
    set_limits(login_ip="1/hour", login_range="12/hour;30/day", login_site="1000/hour")

    def ask(number: int) -> bool:
        hits: Sequence[Hit] = [Hit("login_ip", str(number)), RANGE, SITE]
        return _passes(*(hits if number % 2 else reversed(hits)))

    outcomes = _at_once(ask, 20)
    assert outcomes.count(True) == 12


# Redis


@pytest.mark.django_db
@pytest.mark.parametrize("after", [0.0, 0.6])
def test_waiting_as_long_as_redis_says_is_enough(redis_url: str, settings: Settings, after: float) -> None:
    """Redis rounds what is left to the nearest second; what we tell is never less than what is left."""
    settings.SECURELOGIN = {"LIMITS": {**OFF, "login_ip": "1/2 seconds"}, "LIMITS_STORAGE": redis_url}
    assert _passes(IP)
    time.sleep(after)
    wait = _wait(IP)
    assert 1 <= wait <= 2
    time.sleep(wait + 0.01)  # Redis lets a key go in the millisecond after its last one
    assert _passes(IP)


@pytest.mark.django_db
def test_window_in_redis_begins_with_its_first_hit_and_is_not_prolonged(redis_url: str, settings: Settings) -> None:
    """It is the same kind of window as in the table: hits within it, refused ones too, leave its end alone."""
    settings.SECURELOGIN = {"LIMITS": {**OFF, "login_ip": "2/3 seconds"}, "LIMITS_STORAGE": redis_url}
    begun = time.monotonic()
    assert _passes(IP)
    while time.monotonic() - begun < 1.5:
        _passes(IP)
        time.sleep(0.1)
    assert not _passes(IP)
    time.sleep(max(0.0, begun + 3.1 - time.monotonic()))
    assert [_passes(IP) for _ in range(3)] == [True, True, False]


@pytest.mark.django_db
def test_wait_in_redis_is_what_is_left_of_the_window(redis_url: str, settings: Settings) -> None:
    """It is not the whole window, and at most a second longer than what is left."""
    settings.SECURELOGIN = {"LIMITS": {**OFF, "login_ip": "1/hour"}, "LIMITS_STORAGE": redis_url}
    assert _passes(IP)
    with redis.Redis.from_url(redis_url) as client:
        (key,) = client.keys()
        client.pexpire(key, 600_400)
    assert _wait(IP) <= 601


@pytest.mark.django_db
def test_window_in_redis_that_ended_meanwhile_is_waited_for_a_second(redis_url: str) -> None:
    """A wait is never nothing, and not longer than it has to be."""
    window = Window("a key that nobody counts under", 1, HOUR, "login_ip")
    assert limits._Redis(limits._storage(redis_url)).left(window) == SECOND


@pytest.mark.django_db
def test_redis_counts_and_the_table_does_not(redis_url: str, settings: Settings) -> None:
    """Where Redis is there, no row is written."""
    settings.SECURELOGIN = {"LIMITS": {**OFF, "login_ip": "1/hour"}, "LIMITS_STORAGE": redis_url}
    with CaptureQueriesContext(connection) as queries:
        assert [_passes(IP) for _ in range(2)] == [True, False]
    assert len(queries) == 0


@pytest.mark.django_db
def test_table_misses_no_redis(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """Where the settings name the table no other storage is looked for, and so none is found missing."""
    settings.SECURELOGIN = _in_table(login_ip="1/hour")
    assert [_passes(IP) for _ in range(2)] == [True, False]
    assert [record for record in caplog.records if record.name == "securelogin.limits"] == []


@pytest.mark.django_db
def test_spent_window_in_redis_is_not_written(redis_url: str, settings: Settings) -> None:
    """A flood counts no further in Redis either."""
    settings.SECURELOGIN = {"LIMITS": {**OFF, "login_ip": "2/hour"}, "LIMITS_STORAGE": redis_url}
    assert [_passes(IP) for _ in range(6)] == [True] * 2 + [False] * 4
    with redis.Redis.from_url(redis_url) as client:
        assert [client.get(key) for key in client.scan_iter()] == [b"2"]


@pytest.mark.django_db
def test_flushed_redis_begins_anew_and_is_not_lost(
    redis_url: str, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """An empty Redis has empty windows; what guards an account is in its row and not here."""
    settings.SECURELOGIN = {"LIMITS": {**OFF, "login_ip": "1/hour"}, "LIMITS_STORAGE": redis_url}
    assert [_passes(IP) for _ in range(2)] == [True, False]
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    assert [_passes(IP) for _ in range(2)] == [True, False]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@contextmanager
def _quickly() -> Iterator[None]:
    """Fail where what is inside takes two seconds or more."""
    started = time.perf_counter()
    yield
    assert time.perf_counter() - started < 2


@pytest.mark.django_db
def test_killed_redis_opens_nothing(own_valkey: Valkey, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """The table takes over with the call that notices, quickly, and the log says once what failed, and no address."""
    settings.SECURELOGIN = {"LIMITS": {**OFF, "login_ip": "3/hour"}, "LIMITS_STORAGE": own_valkey.url}
    assert [_passes(IP) for _ in range(2)] == [True] * 2
    own_valkey.kill()
    with _quickly():
        assert [_passes(IP) for _ in range(20)] == [True] * 3 + [False] * 17
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert errors == ["the storage of the limits does not answer, counting in the database: StorageError"]


@pytest.mark.django_db
def test_restarted_redis_is_found_again(
    own_valkey: Valkey, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the pause it counts as before, in a process that was never restarted."""
    settings.SECURELOGIN = {"LIMITS": {**OFF, "login_ip": "2/hour"}, "LIMITS_STORAGE": own_valkey.url}
    assert _passes(IP)
    own_valkey.kill()
    assert [_passes(IP) for _ in range(3)] == [True, True, False]
    own_valkey.start()
    assert not _passes(IP)  # in the table still: a Redis that comes and goes is left alone for a while
    monkeypatch.setattr(limits, "_lost_until", time.monotonic())
    with CaptureQueriesContext(connection) as queries:
        assert [_passes(IP) for _ in range(3)] == [True, True, False]
    assert len(queries) == 0


@pytest.mark.django_db
def test_hanging_redis_holds_nobody_up(own_valkey: Valkey, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes connections and never answers costs one call its time-out; then it is left alone."""
    settings.SECURELOGIN = {"LIMITS": {**OFF, "login_ip": "3/hour"}, "LIMITS_STORAGE": own_valkey.url}
    assert limits.REDIS_TIMEOUT < 2
    monkeypatch.setattr(limits, "REDIS_TIMEOUT", 0.5)
    assert _passes(IP)
    own_valkey.stop()
    with _quickly():
        assert [_passes(IP) for _ in range(10)] == [True] * 3 + [False] * 7


@pytest.mark.django_db
def test_redis_that_refuses_to_write_opens_nothing(redis_url: str, settings: Settings) -> None:
    """A key of another type, or one that is no number, is an answer that does not count; the table does."""
    settings.SECURELOGIN = {"LIMITS": {**OFF, "login_ip": "1/hour"}, "LIMITS_STORAGE": redis_url}
    assert _passes(IP)
    with redis.Redis.from_url(redis_url) as client:
        for key in client.scan_iter():
            client.delete(key)
            client.rpush(key, "x")
    assert [_passes(IP) for _ in range(3)] == [True, False, False]


@pytest.mark.django_db(transaction=True)
def test_redis_killed_among_many_calls_opens_nothing(own_valkey: Valkey, settings: Settings) -> None:
    """Whatever each of twenty threads noticed of it, no more pass than both storages have room for, and none fails."""
    settings.SECURELOGIN = {"LIMITS": {**OFF, "login_ip": "7/hour"}, "LIMITS_STORAGE": own_valkey.url}

    def ask(number: int) -> bool:
        if number == 10:
            own_valkey.kill()
        return _passes(IP)

    passed = _at_once(ask, 20).count(True) + [_passes(IP) for _ in range(10)].count(True)
    assert 7 <= passed <= 14
    assert not _passes(IP)


def test_library_is_imported_when_it_is_needed() -> None:
    """It costs 26 ms, which a command or a worker that never counts does not pay."""
    program = "import sys, django; django.setup(); import securelogin.services; sys.exit('limits' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
