"""A12: the text is one that phones can read, and nothing in it is the caller's choice."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import global_settings
from django.utils import translation

from securelogin import sms
from securelogin.sms.locmem import outbox
from tests.api.refusals import BAD_REQUEST, refusal_of
from tests.api.visitor import Visitor
from tests.sms.texts import GSM_7, parse_origin_bound
from tests.visits import PHONE

from .calls import ask, configure

HOST = "accounts.a-rather-long-name.example.co.uk"
LANGUAGES = [code for code, _name in global_settings.LANGUAGES]
EVIL = "evil.example"


@pytest.mark.parametrize("language", LANGUAGES)
def test_phone_reads_host_and_code_in_every_language(settings: Any, language: str) -> None:
    """The last line names both, whatever the lines above say; the text is one segment of at most 140 bytes (A12)."""
    settings.USE_I18N = True
    configure(settings, SMS_ORIGIN=HOST)
    for code in ("012345", "0123456789"):
        with translation.override(language):
            text = sms.compose(code)
        assert parse_origin_bound(text) == (HOST, code)
        assert GSM_7.fullmatch(text)
        assert len(text.encode()) <= 140
        assert text.count("@") == text.count("#") == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "123456",
        "@example.com #",
        "@example.com 123456",
        "@ #123456",
        "@example.com  #123456",
        "Code: @example.com #123456",
        "@example.com #123456\n",
        "@example.com #123456\nThank you",
    ],
)
def test_reader_of_texts_refuses_what_a_phone_would(text: str) -> None:
    """A line before or after, a second space and half a line are no code for a site (WICG, section 3.2)."""
    assert parse_origin_bound(text) is None


HOSTS: list[dict[str, str]] = [
    {"HTTP_HOST": EVIL},
    {"HTTP_X_FORWARDED_HOST": EVIL},
    {"HTTP_FORWARDED": f"host={EVIL}"},
    {"HTTP_ORIGIN": f"https://{EVIL}", "HTTP_REFERER": f"https://{EVIL}/"},
]


@pytest.mark.django_db
@pytest.mark.parametrize("headers", HOSTS, ids=str)
@pytest.mark.parametrize("origin", [HOST, None])
def test_host_of_the_call_is_not_in_the_text(settings: Any, headers: dict[str, str], origin: str | None) -> None:
    """Where a site takes any host, and believes proxies, the text is the same for all (A12, G5)."""
    settings.ALLOWED_HOSTS, settings.USE_X_FORWARDED_HOST = ["*"], True
    configure(settings, SMS_ORIGIN=origin)
    assert ask(**headers).status_code == 200
    (text,) = outbox
    assert EVIL not in text.body
    assert parse_origin_bound(text.body) == (None if origin is None else (origin, text.body.split()[0]))


@pytest.mark.django_db
@pytest.mark.parametrize("headers", HOSTS[:2], ids=str)
def test_foreign_host_is_sent_nothing(settings: Any, headers: dict[str, str]) -> None:
    """Where the hosts are named another one is 400 and costs no text (A12, G5)."""
    settings.USE_X_FORWARDED_HOST = True
    assert refusal_of(ask(**headers)) == BAD_REQUEST
    assert not outbox


@pytest.mark.django_db
def test_words_of_the_caller_are_not_in_the_text(settings: Any) -> None:
    """Neither name, device, browser nor number; nor is there a link (A12)."""
    configure(settings, SMS_ORIGIN=HOST)
    word = "http://evil.example/"
    visitor = Visitor()
    visitor.post("register", {"auth_type": "PHONE", "phone": PHONE, "username": word})
    body = {"auth_type": "PHONE", "phone": PHONE, "username": word, "device": word, "device_token": word}
    answer = visitor.post("login", body, HTTP_USER_AGENT=word, HTTP_ACCEPT_LANGUAGE=word)
    assert answer.status_code == 200
    (text,) = outbox
    code = text.body.split()[0]
    assert text.body == f"{code} is your login code. Do not share it with anyone.\n\n@{HOST} #{code}"
