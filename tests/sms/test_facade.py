"""Tests of securelogin.sms: the way to a backend, the router, the wording."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from django.utils import translation

from securelogin import sms
from securelogin.sms import console, dummy, locmem, twilio
from securelogin.sms.base import BaseSMSBackend

from .texts import GSM_7, parse_origin_bound

if TYPE_CHECKING:
    from pytest_django import Settings

ROOT = Path(__file__).resolve().parents[2]
HERE = __name__
PHONE = "+15005550010"
DUMMY = {"BACKEND": "securelogin.sms.dummy.SMSBackend"}
LOCMEM = {"BACKEND": "securelogin.sms.locmem.SMSBackend"}

NO_ROUTER = "a string"


class NeedsNothing(BaseSMSBackend):
    """A backend whose constructor is not as it should be."""

    def __init__(self) -> None:
        super().__init__()

    def send(self, *, to: str, body: str) -> None:
        """Do nothing."""


class SendsNothing(BaseSMSBackend):
    """A backend that is not whole."""


class Slow(BaseSMSBackend):
    """A backend that takes its time to be made."""

    def __init__(self, alias: str = "default", **options: Any) -> None:
        super().__init__(alias, **options)
        time.sleep(0.05)

    def send(self, *, to: str, body: str) -> None:
        """Do nothing."""


class Wraps(BaseSMSBackend):
    """A backend that asks for another one while it is made."""

    def __init__(self, alias: str = "default", **options: Any) -> None:
        super().__init__(alias, **options)
        self.other = sms.get_backend("other")

    def send(self, *, to: str, body: str) -> None:
        """Hand on."""
        self.other.send(to=to, body=body)


def choose(phone: str) -> str:
    """Route Germany through another alias."""
    return "other" if phone.startswith("+49") else "default"


def choose_nothing(phone: str) -> None:
    """Forget to return an alias."""


def configure(settings: Settings, **values: object) -> None:
    """Set SECURELOGIN to these values alone."""
    settings.SECURELOGIN = values


# The way to a backend


def test_the_console_is_the_default(settings: Settings) -> None:
    """A project that sets nothing sees its codes in the terminal."""
    configure(settings)
    assert type(sms.get_backend()) is console.SMSBackend


def test_a_backend_gets_its_alias_and_options(settings: Settings) -> None:
    """What the setting says reaches the class."""
    entry = {"BACKEND": "securelogin.sms.filebased.SMSBackend", "OPTIONS": {"path": "/tmp/sms"}}  # noqa: S108
    configure(settings, SMS={"default": DUMMY, "file": entry})
    backend = sms.get_backend("file")
    assert (backend.alias, dict(backend.options)) == ("file", {"path": "/tmp/sms"})  # noqa: S108


def test_an_instance_lives_as_long_as_the_setting(settings: Settings) -> None:
    """Connections of a provider's client stay open between two sends."""
    configure(settings, SMS={"default": DUMMY, "other": LOCMEM})
    assert sms.get_backend() is sms.get_backend("default")
    assert sms.get_backend() is not sms.get_backend("other")


def test_another_setting_makes_another_instance(settings: Settings) -> None:
    """Overriding the setting takes effect at once, and so does its end."""
    configure(settings, SMS={"default": DUMMY})
    assert type(sms.get_backend()) is dummy.SMSBackend
    with override_settings(SECURELOGIN={"SMS": {"default": LOCMEM}}):
        assert type(sms.get_backend()) is locmem.SMSBackend
    assert type(sms.get_backend()) is dummy.SMSBackend


def test_threads_share_one_instance(settings: Settings) -> None:
    """However many threads ask first, one backend is made."""
    configure(settings, SMS={"default": {"BACKEND": f"{HERE}.Slow"}})
    barrier = threading.Barrier(8)
    found: list[BaseSMSBackend] = []

    def ask() -> None:
        barrier.wait()
        found.append(sms.get_backend())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_a_backend_may_ask_for_another_while_it_is_made(settings: Settings, outbox: list[locmem.SentSMS]) -> None:
    """A backend that wraps another alias does not wait for itself."""
    configure(settings, SMS={"default": {"BACKEND": f"{HERE}.Wraps"}, "other": LOCMEM})
    sms.get_backend().send(to=PHONE, body="text")
    assert [sent.alias for sent in outbox] == ["other"]


WRONG_ENTRIES: list[tuple[Mapping[str, object], str]] = [
    ({}, "is not a dotted path"),
    ({"BACKEND": dummy.SMSBackend}, "is not a dotted path"),
    ({"BACKEND": "securelogin.sms.nowhere.SMSBackend"}, "cannot be imported"),
    ({"BACKEND": "securelogin.sms.dummy.Backend"}, "cannot be imported"),
    ({"BACKEND": "dummy"}, "cannot be imported"),
    ({"BACKEND": ".dummy.SMSBackend"}, "cannot be imported"),
    ({"BACKEND": "pathlib.Path"}, "is no subclass"),
    ({"BACKEND": f"{HERE}.choose"}, "is no subclass"),
    ({**DUMMY, "OPTION": {}}, "has no key 'OPTION'"),
    ({**DUMMY, "OPTIONS": ["path"]}, "is not a dict of names"),
    ({**DUMMY, "OPTIONS": {1: 2}}, "is not a dict of names"),
]


@pytest.mark.parametrize(("entry", "words"), WRONG_ENTRIES)
def test_a_wrong_entry_is_told_in_words(settings: Settings, entry: Mapping[str, object], words: str) -> None:
    """A wrong entry is ImproperlyConfigured and a problem for the check; both name the alias and what is wrong."""
    configure(settings, SMS={"mine": entry})
    with pytest.raises(ImproperlyConfigured, match=words) as caught:
        sms.get_backend("mine")
    assert "SECURELOGIN[\"SMS\"]['mine']" in str(caught.value)
    (problem,) = sms.find_problems("mine")
    assert problem.message == str(caught.value)
    assert problem.hint


@pytest.mark.parametrize("name", ["NeedsNothing", "SendsNothing"])
def test_a_class_that_cannot_be_made_is_told_in_words(settings: Settings, name: str) -> None:
    """A class with another constructor, or without send, is ImproperlyConfigured."""
    configure(settings, SMS={"default": {"BACKEND": f"{HERE}.{name}"}})
    with pytest.raises(ImproperlyConfigured, match="cannot be made"):
        sms.get_backend()


def test_an_unknown_alias_is_told_in_words(settings: Settings) -> None:
    """An alias that is not there is ImproperlyConfigured."""
    configure(settings, SMS={"default": DUMMY})
    with pytest.raises(ImproperlyConfigured, match="has no alias 'other'"):
        sms.get_backend("other")


def test_problems_of_options_carry_the_alias(settings: Settings) -> None:
    """The check says in which entry credentials are missing, and shows no value."""
    entry = {"BACKEND": "securelogin.sms.twilio.SMSBackend", "OPTIONS": {"account_sid": "AC-1", "tokn": "hush"}}
    configure(settings, SMS={"default": entry})
    messages = [problem.message for problem in sms.find_problems("default")]
    assert len(messages) == 3
    assert all(message.startswith("SECURELOGIN[\"SMS\"]['default']: ") for message in messages)
    assert "hush" not in repr(sms.find_problems("default"))
    assert type(sms.get_backend()) is twilio.SMSBackend


def test_a_good_entry_has_no_problems(settings: Settings) -> None:
    """The check is silent where all is well."""
    configure(settings, SMS={"default": DUMMY})
    assert sms.find_problems("default") == []


# The router


def test_without_a_router_every_number_takes_the_default(settings: Settings) -> None:
    """One backend needs no router."""
    configure(settings)
    assert sms.route(PHONE) == "default"
    assert sms.find_router_problems() == []


def test_the_router_chooses_by_number(settings: Settings) -> None:
    """The callable gets the number and its answer is the alias."""
    configure(settings, SMS_ROUTER=f"{HERE}.choose")
    assert sms.route("+4915100000000") == "other"
    assert sms.route(PHONE) == "default"
    assert sms.find_router_problems() == []


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nowhere.at.all", "cannot be imported"),
        (f"{HERE}.nothing", "cannot be imported"),
        (f"{HERE}.NO_ROUTER", "is not a callable"),
    ],
)
def test_a_router_that_cannot_be_had_is_told_in_words(settings: Settings, path: str, words: str) -> None:
    """A wrong path is ImproperlyConfigured and a problem for the check, and no message holds the number."""
    configure(settings, SMS_ROUTER=path)
    with pytest.raises(ImproperlyConfigured, match=words) as caught:
        sms.route(PHONE)
    assert PHONE not in str(caught.value)
    assert [problem.message for problem in sms.find_router_problems()] == [str(caught.value)]


def test_a_router_without_an_answer_is_told_in_words(settings: Settings) -> None:
    """A router that names no alias is ImproperlyConfigured, without the number."""
    configure(settings, SMS_ROUTER=f"{HERE}.choose_nothing")
    with pytest.raises(ImproperlyConfigured, match="returned NoneType, not an alias") as caught:
        sms.route(PHONE)
    assert PHONE not in str(caught.value)


def test_without_default_there_must_be_a_router(settings: Settings) -> None:
    """Aliases that nothing chooses are a problem for the check."""
    configure(settings, SMS={"mine": DUMMY})
    (problem,) = sms.find_router_problems()
    assert "'default'" in problem.message


# The wording


def test_the_text_holds_the_code_and_a_warning(settings: Settings) -> None:
    """A person reads the code first, then what not to do with it."""
    configure(settings)
    assert sms.compose("048291") == "048291 is your login code. Do not share it with anyone."


def test_the_last_line_binds_the_code_to_the_origin(settings: Settings) -> None:
    """A phone finds host and code in the last line and nowhere else."""
    configure(settings, SMS_ORIGIN="login.example.com")
    text = sms.compose("048291")
    assert text.endswith("\n\n@login.example.com #048291")
    assert parse_origin_bound(text) == ("login.example.com", "048291")
    configure(settings)
    assert parse_origin_bound(sms.compose("048291")) is None


@pytest.mark.parametrize("code", ["482913", "4829134829"])
def test_the_text_fits_one_segment(settings: Settings, code: str) -> None:
    """A text of at most 160 characters of the GSM alphabet (3GPP TS 23.038) is paid once and arrives whole."""
    configure(settings, SMS_ORIGIN="accounts.a-rather-long-name.example.co.uk")
    text = sms.compose(code)
    assert len(text) <= 160
    assert GSM_7.fullmatch(text)


def test_the_text_holds_no_link(settings: Settings) -> None:
    """A text that asks to be clicked trains people for the next one that is not ours."""
    configure(settings, SMS_ORIGIN="login.example.com")
    text = sms.compose("482913").lower()
    assert not re.search(r"https?:|www\.|\+\d", text)


@pytest.mark.parametrize(
    "templates",
    [
        [],
        [{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        [
            {"BACKEND": "django.template.backends.dummy.TemplateStrings"},
            {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True},
        ],
    ],
)
def test_the_text_is_there_however_a_project_sets_its_templates(
    settings: Settings, templates: list[dict[str, object]]
) -> None:
    """An API without a single template of its own still sends codes."""
    configure(settings)
    settings.TEMPLATES = templates
    assert sms.compose("482913") == "482913 is your login code. Do not share it with anyone."


def test_a_project_may_word_it_otherwise(settings: Settings, tmp_path: Path) -> None:
    """A template of the same name in the project wins; the last line stays ours."""
    (tmp_path / "securelogin" / "sms").mkdir(parents=True)
    (tmp_path / sms.TEMPLATE).write_text("\nMy shop's code: {{ code }}\n\n")
    configure(settings, SMS_ORIGIN="shop.example")
    settings.TEMPLATES = [
        {"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [tmp_path], "APP_DIRS": True}
    ]
    assert sms.compose("482913") == "My shop's code: 482913\n\n@shop.example #482913"


@pytest.mark.parametrize("templates", [[], [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]])
def test_the_text_speaks_the_active_language(
    settings: Settings, tmp_path: Path, templates: list[dict[str, object]]
) -> None:
    """A translation of the sentence is used, with the code in it and the origin below."""
    messages = tmp_path / "eo" / "LC_MESSAGES"
    messages.mkdir(parents=True)
    (messages / "django.mo").write_bytes(
        compile_catalogue(
            {
                "": "Content-Type: text/plain; charset=UTF-8\n",
                "%(code)s is your login code. Do not share it with anyone.": "%(code)s estas via kodo. Ne diru gxin.",
            }
        )
    )
    configure(settings, SMS_ORIGIN="example.com")
    settings.LOCALE_PATHS = [tmp_path]
    settings.TEMPLATES = templates
    settings.USE_I18N = True
    with translation.override("eo"):
        assert sms.compose("482913") == "482913 estas via kodo. Ne diru gxin.\n\n@example.com #482913"


def compile_catalogue(messages: dict[str, str]) -> bytes:
    """Return the messages in the format of GNU gettext's .mo files."""
    import struct

    pairs = [(key.encode(), value.encode()) for key, value in sorted(messages.items())]
    start = 28 + 16 * len(pairs)
    tables, texts = [b"", b""], b""
    for column in (0, 1):
        for pair in pairs:
            tables[column] += struct.pack("<2I", len(pair[column]), start + len(texts))
            texts += pair[column] + b"\0"
    header = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    return header + tables[0] + tables[1] + texts


# Imports


def test_no_sdk_is_imported_before_it_is_used() -> None:
    """Importing every backend, making Twilio's and asking for its problems costs none of the SDK's half second."""
    program = """
import sys
from django.conf import settings
options = {"account_sid": "AC", "auth_token": "t", "from_number": "+15005550006"}
entry = {"BACKEND": "securelogin.sms.twilio.SMSBackend", "OPTIONS": options}
settings.configure(SECURELOGIN={"SMS": {"default": entry}})
from securelogin import sms
from securelogin.sms import base, console, dummy, filebased, locmem, twilio, twilio_verify
assert sms.find_problems("default") == []
assert type(sms.get_backend()) is twilio.SMSBackend
print(sorted(set(sys.modules) & {"twilio", "requests", "urllib3", "rest_framework"}))
"""
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
