"""A token of ours has one text: whatever is changed, cut or added, it is no token any more."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any
from uuid import UUID

import pytest
import time_machine
from hypothesis import example, given, settings
from hypothesis import strategies as st

from securelogin import tokens
from securelogin.exceptions import TokenError
from securelogin.phones import E164
from tests.tokens.tickets import pair

PHONE = E164("+12025550123")
NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
SESSION = UUID("6f1f64a4-6a54-4e4c-9d0d-3a1a3f0b7c11")
ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"

Accepts = Callable[[str], bool]


def _accepts_access(text: str) -> bool:
    return _reads(tokens.read_access, text)


def _accepts_refresh(text: str) -> bool:
    return _reads(tokens.read_refresh, text)


def _accepts_device(text: str) -> bool:
    return tokens.read_device(PHONE, text) is not None


def _reads(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except TokenError:
        return False
    return True


READERS = [_accepts_access, _accepts_refresh, _accepts_device]


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    """Stop the clock: no token expires while it is turned over."""
    with time_machine.travel(NOON, tick=False):
        yield


def _good(accepts: Accepts) -> str:
    """Return a token that the reader takes."""
    if accepts is _accepts_device:
        text = tokens.sign_device(PHONE, str(SESSION), "d" * 32)
    else:
        issued = pair(session_id=SESSION, user_id=str(SESSION))
        text = issued.access_token if accepts is _accepts_access else issued.refresh_token
    assert accepts(text)
    return text


@pytest.mark.parametrize("accepts", READERS)
def test_every_flipped_bit_is_refused(accepts: Accepts) -> None:
    """Each bit of each character counts, those too that base64 leaves over in the last one."""
    raw = _good(accepts).encode()
    accepted = []
    for bit in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        if accepts(flipped.decode("latin-1")):
            accepted.append(bit)
    assert accepted == []


@pytest.mark.parametrize("accepts", READERS)
def test_every_truncation_is_refused(accepts: Accepts) -> None:
    """No beginning and no end of a token is one."""
    text = _good(accepts)
    parts = [text[:cut] for cut in range(len(text))] + [text[cut:] for cut in range(1, len(text))]
    assert [part for part in parts if accepts(part)] == []


@pytest.mark.parametrize("accepts", READERS)
@pytest.mark.parametrize(
    "added", ["=", "==", "===", "====", "=x", "====x", "A", "AAAA", "!!!!", "....", "\n", "\n" * 4, " " * 4, "\x00" * 4]
)
def test_nothing_can_be_added(accepts: Accepts, added: str) -> None:
    """Padding, and what lenient base64 decoders skip, makes another text of a token, which is none of ours."""
    text = _good(accepts)
    start = max(text.rfind("."), text.rfind(":")) + 1
    places = [0, start, (start + len(text)) // 2, len(text)]
    assert [place for place in places if accepts(text[:place] + added + text[place:])] == []


@pytest.mark.parametrize("accepts", READERS)
def test_last_character_has_one_spelling(accepts: Accepts) -> None:
    """Four last characters decode to the same bytes; only the one that we wrote is taken (RFC 4648 section 3.5)."""
    text = _good(accepts)
    assert [char for char in ALPHABET if accepts(text[:-1] + char)] == [text[-1]]


@pytest.mark.parametrize("accepts", READERS)
def test_other_alphabet_is_refused(accepts: Accepts) -> None:
    """``+`` and ``/`` are base64, but not base64url (RFC 7515 section 2)."""
    for second in range(100):
        with time_machine.travel(NOON.replace(minute=second // 60, second=second % 60), tick=False):
            text = _good(accepts)
            head, mark, signature = text.rpartition(":" if accepts is _accepts_device else ".")
            other = head + mark + signature.replace("-", "+").replace("_", "/")
            assert other == text or not accepts(other)


MUTATION = st.tuples(st.integers(0, 2000), st.integers(0, 8), st.text(st.characters(), max_size=8))


@pytest.mark.parametrize("accepts", READERS)
@settings(max_examples=150, deadline=None, database=None)
@given(mutations=st.lists(MUTATION, min_size=1, max_size=4))
@example(mutations=[(5, 0, "\ud800")])
def test_no_mutation_is_accepted(accepts: Accepts, mutations: list[tuple[int, int, str]]) -> None:
    """Whatever is put in and taken out anywhere, only the very text is a token, and nothing else is raised."""
    good = _good(accepts)
    text = good
    for place, gone, put in mutations:
        place %= len(text) + 1
        text = text[:place] + put + text[place + gone :]
    assert accepts(text) is (text == good)


TEXTS: st.SearchStrategy[Any] = st.one_of(
    st.text(st.characters(), max_size=60),
    st.from_regex(r"[\w=-]{0,40}[.:][\w=-]{0,40}[.:][\w=-]{0,40}", fullmatch=True),
)


@pytest.mark.parametrize("accepts", READERS)
@settings(max_examples=150, deadline=None, database=None)
@given(text=TEXTS)
@example(text="\ud800:b:c")
@example(text="\ud800.b.c")
def test_any_text_is_refused_in_one_way(accepts: Accepts, text: str) -> None:
    """No text is a token by chance, and none raises anything but ``TokenError``."""
    assert not accepts(text)
