"""Tests of securelogin.keys: one key for one purpose, and a ring that turns."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as project
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from securelogin import keys

if TYPE_CHECKING:
    from pytest_django import Settings

OLD, NEW, OTHER = (f"{word} key of fifty characters or so, for tests and nothing else" for word in ("old", "new", "no"))

PARTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=4)


def _mac(secret: str, purpose: str, message: str) -> str:
    """Compute by the book what the module keeps in rows."""
    key = hashlib.sha256(f"securelogin.{purpose}{secret}".encode()).digest()
    return hmac.new(key, message.encode(), hashlib.sha256).hexdigest()


def test_digest_is_what_older_releases_wrote(settings: Settings) -> None:
    """Rows are found by digests: another way to compute them would lose every budget and every code."""
    settings.SECRET_KEY = NEW
    assert keys.digest("code-row", "+12025550123", "anyone") == _mac(NEW, "code-row", "12:+120255501236:anyone")


def test_id_is_what_older_releases_wrote(settings: Settings) -> None:
    """Codes and tokens name their key by its id."""
    settings.SECRET_KEY = NEW
    assert keys.current("jwt").id == _mac(NEW, "key-id", "jwt")[:8]


@hypothesis_settings(max_examples=100, deadline=None)
@given(PARTS, PARTS)
def test_parts_do_not_run_into_each_other(one: list[str], other: list[str]) -> None:
    """Only the same parts have the same digest, wherever the borders between them are."""
    assert (keys.digest("test", *one) == keys.digest("test", *other)) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [(("a", "b"), ("ab",)), (("a", ""), ("a",)), (("1:a",), ("a",)), (("", ""), ("",)), (("é",), ("e\u0301",))],
)
def test_known_confusions_of_parts_differ(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    """A number with an asker must not be another number with another asker."""
    assert keys.digest("test", *one) != keys.digest("test", *other)


def test_each_purpose_has_its_own_key() -> None:
    """What one purpose gives away helps nowhere else (NIST SP 800-108)."""
    purposes = ["code", "code-row", "device", "idempotency", "jwt", "kid", "limits", "password-row", "phone", "user-id"]
    assert len({keys.digest(purpose, "x") for purpose in purposes}) == len(purposes)
    assert len({keys.current(purpose).id for purpose in purposes}) == len(purposes)


def test_ring_begins_with_the_current_key(settings: Settings) -> None:
    """New things are made with the current key; those of the fallbacks are still found, in their order."""
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD, OTHER]
    assert [key.secret for key in keys.ring("test")] == [NEW, OLD, OTHER]
    assert keys.current("test") == keys.ring("test")[0]
    assert keys.digests("test", "x")[0] == keys.digest("test", "x")


def test_rotated_key_is_found_until_it_leaves_the_ring(settings: Settings) -> None:
    """An overlap has a beginning and an end."""
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, []
    key = keys.current("test")
    digest = keys.digest("test", "x")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert keys.find("test", key.id) == key
    assert keys.digests("test", "x")[1:] == [digest]
    settings.SECRET_KEY_FALLBACKS = []
    assert keys.find("test", key.id) is None
    assert digest not in keys.digests("test", "x")


def test_fallback_that_is_taken_out_of_the_same_list_is_gone(settings: Settings) -> None:
    """The ring is as the settings are now, also where a list was changed in its place."""
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert len(keys.ring("test")) == 2
    project.SECRET_KEY_FALLBACKS.clear()
    assert len(keys.ring("test")) == 1


def test_id_of_another_purpose_finds_nothing() -> None:
    """An id names a key of one purpose only."""
    assert keys.find("code", keys.current("jwt").id) is None


@pytest.mark.parametrize("key_id", ["", "00000000", "x" * 9, "\x00"])
def test_unknown_id_finds_nothing(key_id: str) -> None:
    """A row whose key is gone has no code, and no error."""
    assert keys.find("code", key_id) is None


def test_bytes_are_as_good_as_text(settings: Settings) -> None:
    """``SECRET_KEY`` may be bytes; the same bytes are the same key."""
    settings.SECRET_KEY = NEW
    digest = keys.digest("test", "x")
    settings.SECRET_KEY = NEW.encode()
    assert keys.digest("test", "x") == digest


def test_repr_tells_no_secret(settings: Settings) -> None:
    """A key in an error report names itself and does not show itself."""
    settings.SECRET_KEY = NEW
    key = keys.current("test")
    assert NEW not in repr(key)
    assert key.mac().hex() not in repr(key)
    assert key.id in repr(key)
