"""Tests of securelogin.tokens.devices: a token that opens nothing, for one number and one device."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
import time_machine
from django.core import signing
from django.utils.http import urlsafe_base64_decode
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from securelogin import keys, tokens
from securelogin.exceptions import TokenInvalid
from securelogin.phones import E164
from securelogin.tokens import Device, devices
from tests.tokens.tickets import pair

if TYPE_CHECKING:
    from pytest_django import Settings

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
PHONE, OTHER_PHONE = E164("+12025550143"), E164("+12025550144")
USER = "0b2f9c1e-6a7d-4a53-9f4e-2d1c3b4a5f60"
NEW_KEY = "another key for tests, long enough for every check and known to everyone"


def test_token_names_user_and_device() -> None:
    """What was signed is read back, and each login on a new device is a new device."""
    first, second = (tokens.sign_device(PHONE, USER) for _ in range(2))
    one, other = tokens.read_device(PHONE, first), tokens.read_device(PHONE, second)
    assert one is not None
    assert other is not None
    assert one.user_id == other.user_id == USER
    assert re.fullmatch("[0-9a-f]{32}", one.id)
    assert one.id != other.id


def test_known_device_stays_the_same() -> None:
    """A later login on it signs the same device again."""
    assert tokens.read_device(PHONE, tokens.sign_device(PHONE, USER, "d" * 32)) == Device(USER, "d" * 32)


def test_token_is_bound_to_its_number() -> None:
    """With another number it is nothing: a stolen one wins no budgets at other people's numbers."""
    assert tokens.read_device(OTHER_PHONE, tokens.sign_device(PHONE, USER)) is None


def test_number_is_not_in_the_token() -> None:
    """It is kept on the device for a year; whoever finds it learns no number."""
    text = tokens.sign_device(PHONE, USER)
    payload = json.loads(urlsafe_base64_decode(text.split(":")[0]))
    assert set(payload) == {"u", "d"}
    assert PHONE.removeprefix("+") not in text


def test_token_fits_what_is_read() -> None:
    """No token of ours is refused for its length, which has an end."""
    assert len(tokens.sign_device(PHONE, USER)) < devices.MAX_TOKEN // 2
    for length in range(200, 350):
        text = tokens.sign_device(PHONE, USER, "d" * length)
        assert (tokens.read_device(PHONE, text) is None) is (len(text) > devices.MAX_TOKEN)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        ":",
        "::",
        ":::",
        "x",
        "a:b:c",
        "\x00",
        "é:é:é",
        "\ud800:b:c",
        "a:b:\ud800",
        pytest.param("x" * 10**6, id="a megabyte"),
    ],
)
def test_other_texts_are_no_device(text: str | None) -> None:
    """What we did not sign is no device, and no error: the caller is anyone."""
    assert tokens.read_device(PHONE, text) is None


@pytest.mark.parametrize("cut", [slice(0, length) for length in range(0, 120, 7)] + [slice(1, None)])
def test_no_part_of_a_token_is_one(cut: slice) -> None:
    """A part of a token is none, from its beginning or from its end."""
    text = tokens.sign_device(PHONE, USER)
    assert tokens.read_device(PHONE, text[:-1]) is None
    assert tokens.read_device(PHONE, text[cut]) is None


@hypothesis_settings(max_examples=150, deadline=None)
@given(st.integers(0, 200), st.characters(exclude_categories=["Cs"]))
def test_one_changed_character_breaks_the_token(place: int, char: str) -> None:
    """Every character is under the signature."""
    text = tokens.sign_device(PHONE, USER, "d" * 32)
    place %= len(text)
    changed = text[:place] + char + text[place + 1 :]
    assert changed == text or tokens.read_device(PHONE, changed) is None


@pytest.mark.parametrize("change", ["{}x", "x{}", "{} ", " {}", "{}=", "{}:x", "{}\n", ".{}", "{}\x00"])
def test_extended_tokens_are_refused(change: str) -> None:
    """Nothing can be added either; a leading dot, which Django reads as compressed, unpacks nothing."""
    assert tokens.read_device(PHONE, change.format(tokens.sign_device(PHONE, USER))) is None


def test_parts_of_two_tokens_make_none() -> None:
    """Payload, moment and signature belong together."""
    with time_machine.travel(NOON, tick=False):
        one = tokens.sign_device(PHONE, USER).split(":")
    with time_machine.travel(NOON + timedelta(days=1), tick=False):
        other = tokens.sign_device(PHONE, USER).split(":")
        for mixed in ([one[0], other[1], other[2]], [one[0], other[1], one[2]], [other[0], one[1], one[2]]):
            assert tokens.read_device(PHONE, ":".join(mixed)) is None


def test_token_ends_with_the_longest_session(settings: Settings) -> None:
    """It is good for as long as a session may be, to the second."""
    settings.SECURELOGIN = {"SESSION_LIFETIME": timedelta(days=365)}
    with time_machine.travel(NOON, tick=False) as clock:
        text = tokens.sign_device(PHONE, USER)
        clock.shift(timedelta(days=365))
        assert tokens.read_device(PHONE, text) is not None
        clock.shift(timedelta(seconds=1))
        assert tokens.read_device(PHONE, text) is None


def test_token_lives_through_a_rotation_and_dies_with_its_key(settings: Settings) -> None:
    """The fallbacks of ``SECRET_KEY`` are honoured, for as long as they stand there."""
    text, old = tokens.sign_device(PHONE, USER), settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW_KEY, [old]
    assert tokens.read_device(PHONE, text) is not None
    settings.SECRET_KEY_FALLBACKS = []
    assert tokens.read_device(PHONE, text) is None


def test_token_of_an_older_release_is_read() -> None:
    """It is kept for a year: another way to sign would make every device a stranger."""
    ring = [each.mac().hex() for each in keys.ring("device")]
    signer = signing.TimestampSigner(key=ring[0], salt=f"securelogin.device.{PHONE}")
    text = signer.sign_object({"u": USER, "d": "d" * 32})
    assert tokens.read_device(PHONE, text) == Device(USER, "d" * 32)


def test_other_signatures_of_the_project_are_no_device() -> None:
    """The same ``SECRET_KEY`` signs cookies and more; none of it is a device, and a device is none of it."""
    payload = {"u": USER, "d": "d" * 32}
    forged = [
        signing.dumps(payload),
        signing.dumps(payload, salt="securelogin.device"),
        signing.dumps(payload, salt=f"securelogin.device.{PHONE}"),
        signing.TimestampSigner(salt=f"securelogin.device.{PHONE}").sign_object(payload),
    ]
    assert [text for text in forged if tokens.read_device(PHONE, text)] == []


def test_device_token_is_no_other_token() -> None:
    """It opens nothing by itself, nor is a token that does a device (RFC 8725 section 3.12)."""
    issued = pair()
    for read in (tokens.read_access, tokens.read_refresh):
        with pytest.raises(TokenInvalid):
            read(tokens.sign_device(PHONE, USER))
    for text in (issued.access_token, issued.refresh_token):
        assert tokens.read_device(PHONE, text) is None
