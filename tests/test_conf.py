"""Tests of securelogin.conf: what the dict SECURELOGIN may hold, and how it is read."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from securelogin import conf

if TYPE_CHECKING:
    from pytest_django import Settings

DEFAULTS: dict[str, Any] = {
    "AUTH_TYPES": ("PHONE",),
    "SIGNUP": "login",
    "PREVENT_ENUMERATION": True,
    "DEFAULT_REGION": None,
    "ALLOWED_REGIONS": None,
    "CODE_LENGTH": 6,
    "CODE_LIFETIME": timedelta(minutes=5),
    "CODE_MAX_GUESSES": 5,
    "RESEND_PAUSES": tuple(timedelta(seconds=seconds) for seconds in (30, 60, 90, 120)),
    "SENDS_PER_HOUR": 5,
    "SENDS_PER_DAY": 10,
    "FAILURES_PER_DAY": 10,
    "FAILURES_PER_MONTH": 50,
    "FAILURES_IN_A_ROW": 100,
    "LIMITS": {
        "login_ip": "20/hour",
        "login_range": "10/hour",
        "login_site": "1000/hour",
        "verify_ip": "60/hour",
        "register_ip": "20/hour",
        "register_site": "1000/hour",
        "password_ip": "20/hour",
        "password_site": "1000/hour",
        "spray_site": "1000/day",
        "notice_user": "5/day",
    },
    "LIMITS_STORAGE": "database",
    "TRUSTED_PROXY_COUNT": 0,
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=10),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=60),
    "SESSION_LIFETIME": timedelta(days=365),
    "REFRESH_GRACE": timedelta(seconds=30),
    "FRESH_WINDOW": timedelta(minutes=10),
    "ACCESS_CHECK": "session",
    "ACCESS_CACHE": "default",
    "MAX_SESSIONS": None,
    "SMS": {"default": {"BACKEND": "securelogin.sms.console.SMSBackend"}},
    "SMS_ROUTER": None,
    "SEND": "inline",
    "SMS_ORIGIN": None,
}
"""Deployments rely on these: to change one is to change every site that does not set it."""

INTEGERS = ("CODE_LENGTH", "CODE_MAX_GUESSES", "SENDS_PER_HOUR", "FAILURES_IN_A_ROW", "TRUSTED_PROXY_COUNT")
DURATIONS = ("CODE_LIFETIME", "ACCESS_TOKEN_LIFETIME", "SESSION_LIFETIME", "REFRESH_GRACE", "FRESH_WINDOW")
TEXTS = ("SIGNUP", "SEND", "ACCESS_CHECK", "ACCESS_CACHE", "LIMITS_STORAGE")

WRONG_TYPES: list[tuple[str, Any]] = [
    *[(key, value) for key in INTEGERS for value in (True, False, "6", 6.0, None, [6], timedelta(6))],
    *[(key, value) for key in DURATIONS for value in (300, 5.0, "5 minutes", None, True)],
    *[(key, value) for key in TEXTS for value in (1, None, True, b"login", ["login"])],
    *[("PREVENT_ENUMERATION", value) for value in (0, 1, None, "yes", "")],
    *[("AUTH_TYPES", value) for value in ("PHONE", {"PHONE"}, {"PHONE": 1}, None, ("PHONE", 1), [None])],
    *[("ALLOWED_REGIONS", value) for value in ("DE", {"DE"}, (1,), [True], 49)],
    *[("RESEND_PAUSES", value) for value in (30, (30, 60), timedelta(30), None, ["30"])],
    *[("LIMITS", value) for value in (None, "20/hour", [("login_ip", "20/hour")], {"login_ip": 20}, {1: "20/hour"})],
    *[("SMS", value) for value in (None, "console", {"default": "console"}, {"default": None})],
    ("SMS", {1: {}}),
    *[("MAX_SESSIONS", value) for value in (True, "5", 5.0)],
    *[("SMS_ROUTER", value) for value in (print, 1, True)],
]

NEGATIVE: list[tuple[str, Any]] = [
    *[(key, -1) for key in (*INTEGERS, "MAX_SESSIONS")],
    *[(key, timedelta(microseconds=-1)) for key in DURATIONS],
    ("RESEND_PAUSES", (timedelta(30), timedelta(-1))),
]

UNKNOWN_VALUES: list[tuple[str, Any]] = [
    ("SIGNUP", "open"),
    ("SIGNUP", "LOGIN"),
    ("SIGNUP", ""),
    ("SEND", "task"),
    ("ACCESS_CHECK", "never"),
    ("AUTH_TYPES", ()),
    ("AUTH_TYPES", ("PHONE", "EMAIL")),
    ("AUTH_TYPES", ("phone",)),
    ("LIMITS", {"login_ipp": "20/hour"}),
]


def test_defaults_are_the_documented_ones() -> None:
    """A project that sets nothing has the numbers that the documentation promises."""
    found = conf.Conf()
    assert {item.name: getattr(found, item.name) for item in fields(found)} == DEFAULTS


@pytest.mark.parametrize("raw", [None, {}])
def test_nothing_set_is_all_defaults(raw: object) -> None:
    """A missing setting and an empty dict are the same."""
    assert conf.read(raw) == (conf.Conf(), [])


def test_missing_setting_is_all_defaults(settings: Settings) -> None:
    """The setting itself may be missing."""
    del settings.SECURELOGIN
    assert conf.current() == conf.Conf()


def test_override_settings_is_seen_at_once_and_taken_back() -> None:
    """Nothing is captured at import or kept from the settings before."""
    before = conf.current()
    with override_settings(SECURELOGIN={"CODE_LENGTH": 8}):
        assert conf.current().CODE_LENGTH == 8
        with override_settings(SECURELOGIN={"CODE_LENGTH": 9}):
            assert conf.current().CODE_LENGTH == 9
        assert conf.current().CODE_LENGTH == 8
    assert conf.current() == before


def test_same_settings_are_read_once(settings: Settings) -> None:
    """A request asks many times; it is answered with the same object."""
    settings.SECURELOGIN = {"CODE_LENGTH": 7}
    assert conf.current() is conf.current()


@pytest.mark.parametrize(("key", "value"), WRONG_TYPES)
def test_wrong_type_is_refused(key: str, value: object) -> None:
    """A wrong type is told by its key, and never guessed into a right one."""
    found, problems = conf.read({key: value})
    assert [problem.key for problem in problems] == [key]
    assert found == conf.Conf()


@pytest.mark.parametrize(("key", "value"), NEGATIVE)
def test_negative_value_is_refused(key: str, value: object) -> None:
    """No number and no duration of ours means anything below zero."""
    _found, problems = conf.read({key: value})
    assert [(problem.key, "negative" in problem.message) for problem in problems] == [(key, True)]


@pytest.mark.parametrize(("key", "value"), UNKNOWN_VALUES)
def test_unknown_choice_is_refused(key: str, value: object) -> None:
    """A word that is none of the choices is refused, however near it comes."""
    _found, problems = conf.read({key: value})
    assert [problem.key for problem in problems] == [key]


@pytest.mark.parametrize("key", ["CODE_LENGHT", "code_length", "", 1, None])
def test_unknown_key_is_refused(key: object) -> None:
    """A misspelled key would leave the default in force without a word."""
    _found, problems = conf.read({key: 6})
    assert [problem.key for problem in problems] == [str(key)]


@pytest.mark.parametrize("raw", [[], "CODE_LENGTH=6", 6, [("CODE_LENGTH", 6)]])
def test_setting_that_is_no_dict_is_refused(raw: object) -> None:
    """The setting is a dict or a problem."""
    assert [problem.key for problem in conf.read(raw)[1]] == [conf.NAME]


def test_every_problem_is_told_and_the_rest_is_read() -> None:
    """One wrong key hides no other, and takes none with it."""
    found, problems = conf.read({"CODE_LENGTH": "6", "SEND": "pigeon", "NO_SUCH": 1, "SENDS_PER_DAY": 3})
    assert {problem.key for problem in problems} == {"CODE_LENGTH", "SEND", "NO_SUCH"}
    assert found == conf.Conf(SENDS_PER_DAY=3)


def test_wrong_settings_stop_the_caller_and_name_the_keys(settings: Settings) -> None:
    """Nothing goes on with settings that cannot be read."""
    settings.SECURELOGIN = {"CODE_LENGTH": "6", "SEND": "pigeon"}
    with pytest.raises(ImproperlyConfigured, match=r"CODE_LENGTH.*SEND"):
        conf.current()


def test_wrong_settings_stay_wrong(settings: Settings) -> None:
    """A second reading does not find the first one's half-read result."""
    settings.SECURELOGIN = {"CODE_LENGTH": "6"}
    for _attempt in range(2):
        with pytest.raises(ImproperlyConfigured):
            conf.current()


def test_problems_do_not_repeat_the_value() -> None:
    """A value may be a secret that stands under the wrong key."""
    _found, problems = conf.read({"SMS": "hunter2", "SIGNUP": "hunter2", "LIMITS_STORAGE": ["hunter2"]})
    assert len(problems) == 3
    assert "hunter2" not in repr(problems)


def test_limits_are_merged_key_by_key() -> None:
    """To set one limit leaves the others as they are; None switches one off."""
    limits = conf.read({"LIMITS": {"login_ip": "5/hour", "login_site": None}})[0].LIMITS
    assert limits == {**DEFAULTS["LIMITS"], "login_ip": "5/hour", "login_site": None}


@pytest.mark.parametrize("raw", [None, {"LIMITS": {"login_ip": None}}])
def test_read_settings_cannot_be_changed(raw: object) -> None:
    """Whoever holds the settings cannot loosen them for the whole process."""
    found: Any = conf.read(raw)[0]
    with pytest.raises(TypeError):
        found.LIMITS["login_site"] = None
    with pytest.raises(FrozenInstanceError):
        found.CODE_LENGTH = 1


def test_list_is_as_good_as_a_tuple() -> None:
    """Settings that come from JSON or YAML have lists."""
    found, problems = conf.read({"AUTH_TYPES": ["PHONE", "PASSWORD"], "ALLOWED_REGIONS": ["DE"]})
    assert problems == []
    assert (found.AUTH_TYPES, found.ALLOWED_REGIONS) == (("PHONE", "PASSWORD"), ("DE",))


def test_repr_tells_no_secret() -> None:
    """Error reports print local variables; these hold a provider's token and a server's password."""
    found, problems = conf.read(
        {
            "SMS": {"default": {"BACKEND": "a.b", "OPTIONS": {"auth_token": "hunter2"}}},
            "LIMITS_STORAGE": "redis://:hunter2@127.0.0.1/0",
        }
    )
    assert problems == []
    assert "hunter2" not in repr(found)
