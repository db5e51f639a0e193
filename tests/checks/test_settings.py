"""The dict ``SECURELOGIN``: each id with settings that it finds and settings that it lets be."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache.backends.locmem import LocMemCache
from django.test import override_settings

from securelogin.checks import bounds, check_settings, deployment
from securelogin.conf import DEFAULT_LIMITS, Conf
from tests.checks import SITE, TWILIO, ids, ours, run

REDIS = "django.core.cache.backends.redis.RedisCache"
SECONDS = timedelta(seconds=1)
HOURS = timedelta(hours=1)
DAYS = timedelta(days=1)
CONSOLE = {"BACKEND": "securelogin.sms.console.SMSBackend"}

Values = list[Any]

BOUNDS: list[tuple[str, str, Values, Values]] = [
    ("E010", "CODE_LENGTH", [0, 4, 5, 11], [6, 8, 10]),
    ("E011", "CODE_LIFETIME", [0 * SECONDS, 601 * SECONDS, timedelta.max], [SECONDS, 600 * SECONDS]),
    ("E012", "CODE_MAX_GUESSES", [0, 11], [1, 10]),
    ("E013", "RESEND_PAUSES", [(30 * SECONDS, DAYS + SECONDS), (timedelta.max,)], [(DAYS,)]),
    ("E014", "SENDS_PER_HOUR", [0], [1]),
    ("E015", "SENDS_PER_DAY", [0], [1]),
    ("E016", "FAILURES_PER_DAY", [0], [1]),
    ("E017", "FAILURES_PER_MONTH", [0], [1]),
    ("E018", "FAILURES_IN_A_ROW", [0, 101], [1, 100]),
    ("E020", "ACCESS_TOKEN_LIFETIME", [0 * SECONDS, 3601 * SECONDS], [SECONDS, HOURS]),
    ("E021", "REFRESH_TOKEN_LIFETIME", [0 * SECONDS], [DAYS]),
    ("E022", "SESSION_LIFETIME", [0 * SECONDS, 3651 * DAYS, timedelta.max], [3650 * DAYS]),
    ("E023", "REFRESH_TOKEN_LIFETIME", [366 * DAYS], [365 * DAYS]),
    ("E023", "SESSION_LIFETIME", [30 * DAYS], [60 * DAYS]),
    ("E024", "REFRESH_GRACE", [301 * SECONDS], [300 * SECONDS]),
    ("E025", "FRESH_WINDOW", [0 * SECONDS], [SECONDS]),
    ("E026", "MAX_SESSIONS", [0], [1, None]),
    ("E027", "TRUSTED_PROXY_COUNT", [11], [0, 10]),
]
LIMITS: list[tuple[str, str, Values, Values]] = [
    (
        "E030",
        "LIMITS",
        [{"login_ip": text} for text in ("", " ", "often", "20", "-1/hour", "0/hour", "9/hour;0/day", "9/fortnight")],
        [{}, {"login_ip": "10/hour"}, {"login_ip": "5 per 10 minutes; 10/day"}],
    ),
    (
        "E031",
        "LIMITS_STORAGE",
        ["", "redis", "Redis://127.0.0.1", "valkey://127.0.0.1", "memcached://127.0.0.1", "async+redis://127.0.0.1"],
        ["database", "redis://127.0.0.1:6379/0"],
    ),
    ("E032", "LIMITS_STORAGE", ["memory://"], ["database"]),
    (
        "E033",
        "LIMITS_STORAGE",
        [
            "redis://127.0.0.1:many/0",
            "redis://127.0.0.1:0",
            "redis://127.0.0.1:65536",
            "redis://[::1/0",
            "redis+sentinel://127.0.0.1:26379",
            "redis+sentinel://127.0.0.1/service",
            "redis+cluster://127.0.0.1:7000,127.0.0.1",
            "redis+cluster://",
        ],
        [
            "redis://127.0.0.1",
            "rediss://name:pass@[::1]:6379/0",
            "redis+unix:///run/redis.sock",
            "redis+sentinel://:pass@127.0.0.1:26379,127.0.0.1:26380/service",
            "redis+cluster://127.0.0.1:7000,127.0.0.1:7001",
        ],
    ),
]
REGIONS: list[tuple[str, str, Values, Values]] = [
    ("E050", "DEFAULT_REGION", ["", "UK", "us", "001", "Germany"], ["US", "DE"]),
    ("E051", "ALLOWED_REGIONS", [("US", "UK"), ("us",), ["", "US"]], [("US", "GB"), ["DE"]]),
    ("E052", "ALLOWED_REGIONS", [(), []], [("US",)]),
]
SMS: list[tuple[str, str, Values, Values]] = [
    (
        "E055",
        "SMS_ROUTER",
        ["", ".router", "nowhere.router", "securelogin.sms.nothing", "securelogin.sms.DEFAULT_ALIAS"],
        ["securelogin.sms.route", None],
    ),
    ("E055", "SMS", [{}, {"twilio": TWILIO}], [{"default": TWILIO, "other": TWILIO}]),
    (
        "E056",
        "SMS",
        [
            {"default": {}},
            {"default": {**TWILIO, "NAME": "twilio"}},
            {"default": {"BACKEND": 5}},
            {"default": {"BACKEND": "nowhere.SMSBackend"}},
            {"default": {"BACKEND": "securelogin.conf.Conf"}},
            {"default": {"BACKEND": "securelogin.sms.filebased.SMSBackend"}},
            {"default": {**TWILIO, "OPTIONS": {}}},
            {"default": TWILIO, "other": {**TWILIO, "OPTIONS": {**TWILIO["OPTIONS"], "auth_token": ""}}},  # type: ignore[dict-item]
            {"default": {**TWILIO, "OPTIONS": ["auth_token"]}},
        ],
        [{"default": TWILIO}],
    ),
    ("E057", "SMS", [{"default": TWILIO, "x" * 65: TWILIO}, {"default": TWILIO, "": TWILIO}], [{"default": TWILIO}]),
    (
        "E058",
        "SMS_ORIGIN",
        [
            "",
            "https://example.com",
            "example.com/login",
            "example.com:443",
            "@example.com",
            "example.com ",
            "example.com\n",
            "-example.com",
            "example..com",
            "bücher.example",
            "x" * 64 + ".example",
            "x." * 127 + "xx",
        ],
        ["example.com", "Login.Example.com", "xn--bcher-kva.example", "localhost", "x" * 63 + ".example"],
    ),
]
DEPLOYMENT: list[tuple[str, str, Values, Values]] = [
    (
        "W101",
        "SMS",
        [
            {"default": CONSOLE},
            {"default": TWILIO, "other": {"BACKEND": "securelogin.sms.dummy.SMSBackend"}},
            {"default": {"BACKEND": "securelogin.sms.locmem.SMSBackend"}},
            {"default": {"BACKEND": "securelogin.sms.filebased.SMSBackend", "OPTIONS": {"path": "/srv/sms"}}},
        ],
        [{"default": TWILIO}],
    ),
    ("W102", "ALLOWED_REGIONS", [None], [("US",)]),
    ("W103", "RESEND_PAUSES", [(), (0 * SECONDS,), (30 * SECONDS, 29 * SECONDS)], [(30 * SECONDS,)]),
    ("W104", "REFRESH_GRACE", [0 * SECONDS], [SECONDS]),
    ("W105", "SEND", ["inline"], ["thread"]),
    ("W106", "PREVENT_ENUMERATION", [False], [True]),
    (
        "W107",
        "LIMITS",
        [{name: None} for name in DEFAULT_LIMITS],
        [{}, {"login_ip": "20/hour"}],
    ),
    (
        "W108",
        "LIMITS",
        [{"login_ip": "41/hour"}, {"login_range": "1/second"}, {"verify_ip": "121/hour;9999/day"}],
        [{"login_ip": "40/hour"}, {"login_site": "100000/hour"}, {"login_ip": "100/minute;960/day"}],
    ),
    ("W110", "SENDS_PER_HOUR", [11], [10]),
    ("W111", "SENDS_PER_DAY", [21], [20]),
    ("W112", "FAILURES_PER_DAY", [21], [20]),
    ("W113", "FAILURES_PER_MONTH", [101], [100]),
    ("W114", "REFRESH_GRACE", [31 * SECONDS], [30 * SECONDS]),
    ("W115", "FRESH_WINDOW", [HOURS + SECONDS], [HOURS]),
    ("W118", "ACCESS_CHECK", ["none"], ["session", "cache"]),
]
CASES = [*BOUNDS, *LIMITS, *REGIONS, *SMS, *DEPLOYMENT]
BAD = [pytest.param(each, key, value, id=f"{each}-{value!r:.40}") for each, key, bad, _ in CASES for value in bad]
GOOD = [pytest.param(each, key, value, id=f"{each}-{value!r:.40}") for each, key, _, good in CASES for value in good]


@pytest.mark.parametrize(("expected", "key", "value"), BAD)
def test_found(expected: str, key: str, value: Any) -> None:
    """What should not be is found, named by its key, with a hint."""
    found = [message for message in run(**ours(**{key: value})) if str(message.id).endswith(expected)]
    assert found
    assert all("SECURELOGIN" in message.msg and key in str(message) and message.hint for message in found)
    assert all(message.is_serious() is expected.startswith("E") for message in found)


@pytest.mark.parametrize(("unexpected", "key", "value"), GOOD)
def test_let_be(unexpected: str, key: str, value: Any) -> None:
    """What is just right is let be."""
    assert unexpected not in ids(run(**ours(**{key: value})))


@pytest.mark.parametrize(
    "value",
    [
        "SECURELOGIN",
        {"CODE_LENTGH": 6},
        {5: 6},
        {"CODE_LENGTH": "6"},
        {"CODE_LENGTH": 6.0},
        {"CODE_LENGTH": True},
        {"CODE_LENGTH": None},
        {"CODE_LENGTH": -6},
        {"CODE_LIFETIME": 300},
        {"CODE_LIFETIME": None},
        {"CODE_LIFETIME": timedelta(seconds=-1)},
        {"CODE_MAX_GUESSES": "5"},
        {"FAILURES_IN_A_ROW": None},
        {"ACCESS_TOKEN_LIFETIME": "0:10:00"},
        {"RESEND_PAUSES": (30, 60)},
        {"AUTH_TYPES": ()},
        {"AUTH_TYPES": ("EMAIL",)},
        {"ALLOWED_REGIONS": "US"},
        {"SIGNUP": "open"},
        {"SEND": "later"},
        {"LIMITS": {"login_number": "1/hour"}},
        {"LIMITS": {"login_ip": 20}},
        {"SMS": ["console"]},
        {"SMS": {"default": None}},
    ],
    ids=repr,
)
def test_unreadable(value: Any) -> None:
    """What cannot be read is found by each check's reading, and keeps none of the other checks from running."""
    settings = value if isinstance(value, str) else {"MAX_SESSIONS": 0, **value}
    found = ids(run(SECURELOGIN=settings, SIMPLE_JWT={"SIGNING_KEY": "short"}))
    assert {"E001", "E063", "W102"} <= found
    assert ("E026" in found) is isinstance(settings, dict)


def test_site() -> None:
    """Nothing is found where a site says what it has to, nor where it leaves the rest out in development."""
    assert run() == []
    with override_settings(SECURELOGIN={}):
        assert check_settings() == []


def test_redis_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """E034: a Redis address is of no use without the package, which the database does without."""
    monkeypatch.setitem(sys.modules, "redis", None)
    assert ids(run(**ours(LIMITS_STORAGE="redis://127.0.0.1:6379/0"))) == {"E034"}
    assert run() == []


def test_no_secret_is_told() -> None:
    """Neither messages nor hints quote an address with its password, or what is in ``OPTIONS``."""
    options = {"account_sid": "", "auth_token": "hunter2", "from_number": "+12025550100", "hunter3": "hunter2"}
    messages = run(
        **ours(LIMITS_STORAGE="redis://:hunter2@127.0.0.1:x", SMS={"default": {**TWILIO, "OPTIONS": options}})
    )
    assert {"E033", "E056"} <= ids(messages)
    assert "hunter2" not in "".join(f"{message.msg}{message.hint}" for message in messages)


class OwnCache(LocMemCache):
    """A project's own, made of Django's."""


OWN = f"{__name__}.OwnCache"
BACKENDS = "django.core.cache.backends"


@pytest.mark.parametrize(
    ("cache", "trouble"),
    [
        ({"BACKEND": f"{BACKENDS}.locmem.LocMemCache"}, "each process"),
        ({"BACKEND": f"{BACKENDS}.dummy.DummyCache"}, "each process"),
        ({"BACKEND": OWN}, "each process"),
        ({"BACKEND": f"{BACKENDS}.db.DatabaseCache"}, "clock"),
        ({"BACKEND": f"{BACKENDS}.filebased.FileBasedCache"}, "clock"),
        ({"BACKEND": REDIS, "LOCATION": "redis://a,redis://b"}, "replicas"),
        ({"BACKEND": REDIS, "LOCATION": "redis://a;redis://b"}, "replicas"),
        ({"BACKEND": REDIS, "LOCATION": ["redis://a", "redis://b"]}, "replicas"),
        ({"BACKEND": "no.such.Cache"}, "imported"),
        ({"BACKEND": REDIS}, None),
        ({"BACKEND": REDIS, "LOCATION": "redis://a"}, None),
        ({"BACKEND": REDIS, "LOCATION": ["redis://a"]}, None),
        ({"BACKEND": f"{BACKENDS}.memcached.PyMemcacheCache", "LOCATION": ["a:1", "b:1"]}, None),
    ],
)
def test_cache_that_does_not_hear_of_an_end_is_found(cache: dict[str, Any], trouble: str | None, settings: Any) -> None:
    """W117: an ended session goes on; where no cache is asked it is none of ours."""
    settings.CACHES = {"default": {"BACKEND": REDIS}, "other": cache}
    found = [each for each in run(**ours(ACCESS_CHECK="cache", ACCESS_CACHE="other")) if each.id == "securelogin.W117"]
    assert len(found) == (trouble is not None)
    for message in found:
        assert trouble is not None
        assert trouble in message.msg
        assert message.hint
    assert "W117" not in ids(run(**ours(ACCESS_CHECK="cache", ACCESS_CACHE="default")))
    for check in ("session", "none"):
        assert "W117" not in ids(run(**ours(ACCESS_CHECK=check, ACCESS_CACHE="other")))


def test_alias_of_no_cache_is_found(settings: Any) -> None:
    """E028: every call would ask the database, and the log would say so every five seconds."""
    settings.CACHES = {"default": {"BACKEND": REDIS}}
    (found,) = [
        each for each in run(**ours(ACCESS_CHECK="cache", ACCESS_CACHE="othre")) if each.id == "securelogin.E028"
    ]
    assert "'othre'" in found.msg
    assert found.hint
    assert "E028" not in ids(run(**ours(ACCESS_CHECK="cache")))
    assert "E028" not in ids(run(**ours(ACCESS_CACHE="othre")))


def test_every_bound_is_tried() -> None:
    """A bound that is added comes with values on both sides."""
    tried = {each for each, *_ in CASES}
    assert {bound.id.removeprefix("securelogin.") for bound in (*bounds.BOUNDS, *deployment.BUDGETS)} <= tried
    assert {policy.id.removeprefix("securelogin.") for policy in deployment.POLICIES} <= tried


def test_defaults_are_within() -> None:
    """The defaults need no errors, and of the deployment's warnings those that only a site can answer."""
    assert check_settings() == []
    messages = run(SECURELOGIN={**SITE, "ALLOWED_REGIONS": None, "SMS": {"default": CONSOLE}, "SEND": Conf().SEND})
    assert ids(messages) == {"W101", "W102", "W105"}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (6, "6"),
        (SECONDS, "1 second"),
        (90 * SECONDS, "90 seconds"),
        (10 * timedelta(minutes=1), "10 minutes"),
        (HOURS, "1 hour"),
        (DAYS, "1 day"),
        (timedelta(milliseconds=1500), "1 second"),
    ],
)
def test_in_words(value: int | timedelta, words: str) -> None:
    """A hint tells numbers and durations as people do."""
    assert bounds.in_words(value) == words
