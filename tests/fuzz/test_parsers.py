"""Parsers of what strangers send: numbers, addresses, JSON. Any text is read by the law or refused in the one way."""

from __future__ import annotations

import io
import json
import math
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from securelogin import addresses
from securelogin.api.parsers import MAX_BODY, MAX_DEPTH, StrictJSONParser
from tests.fuzz import phone_law

BOUNDED = settings(max_examples=200, deadline=None, database=None)

ANYTHING = st.characters()
"""Lone surrogates, too."""

DIGITS = st.characters(categories=["Nd", "Nl", "No"])
MARKS = st.sampled_from("0123456789+-.() \u00a0tel:;=x*#,~/\u2010\u2060\uff0b\u0661\uff11")


@st.composite
def mutated(draw: st.DrawFn, seeds: tuple[str, ...]) -> str:
    """A good text with some of it taken out and something else put in."""
    text = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(text)))
        gone = draw(st.integers(0, 3))
        text = text[:place] + draw(st.text(st.one_of(MARKS, DIGITS, ANYTHING), max_size=3)) + text[place + gone :]
    return text


@BOUNDED
@given(text=mutated(phone_law.SEEDS) | st.text(MARKS, max_size=45), region=st.sampled_from(phone_law.REGIONS))
@example(text="\u0661 202 555 0143", region="US")
@example(text="+1 800 FLOWERS", region=None)
@example(text="+12025550143\n", region=None)
@example(text="\ud800", region="US")
def test_any_text_is_a_number_by_the_law_or_invalid(text: str, region: str | None) -> None:
    """Nothing but ``InvalidPhone`` is raised; no letters, no other digits; E.164 comes out and reads as itself."""
    phone_law.check(text, region)


@BOUNDED
@given(digit=DIGITS.filter(lambda char: not char.isascii()), place=st.integers(0, 11))
def test_digits_of_other_scripts_are_no_digits(digit: str, place: int) -> None:
    """The library reads them all; one number would have hundreds of spellings."""
    text = "+12025550143"
    assert phone_law.check(text, None)
    assert not phone_law.check(text[:place] + digit + text[place + 1 :], None)
    assert not phone_law.check(text[:place] + digit + text[place:], None)


ENTRIES = st.one_of(
    st.ip_addresses().map(str),
    st.text(ANYTHING, max_size=20),
    st.text(st.sampled_from('0123456789abcdef:.[]%,; \t"=\x00'), max_size=40),
)


@BOUNDED
@given(entries=st.lists(ENTRIES, max_size=5), peer=ENTRIES, trusted=st.integers(0, 4))
@example(entries=["\ud800"], peer="\ud800", trusted=1)
@example(entries=["1" * 5000], peer="::ffff:1.2.3.4%x", trusted=1)
def test_any_header_is_an_address_or_the_peer(entries: list[str], peer: str, trusted: int) -> None:
    """Nothing is raised; the answer is the peer's or the entry of our outermost proxy, IPv4 never in IPv6's clothes."""
    found = addresses.client_address(peer, ",".join(entries), trusted_proxies=trusted)
    spelled = ",".join(entries).split(",")
    theirs = addresses.read(spelled[-trusted]) if trusted and len(spelled) >= trusted else None
    assert found == (theirs or addresses.read(peer))
    assert found is None or isinstance(found, IPv4Address) or found.ipv4_mapped is None
    bucket = addresses.bucket(found)
    assert bucket.isascii()
    assert len(bucket) <= 45
    assert not isinstance(found, IPv6Address) or bucket.endswith("/64")


TOKENS = ['{"a":', "[", "]", "}", ",", ":", '"a"', '"\\ud800"', '"\\u0000"', '""', "0", "-1", "1e400", "1e5", "NaN"]
TOKENS += ["true", "null", " ", "\ufeff", '{"a":1,"a":2}', '"\\ud83d\\ude00"', "1" * 30, "[[[[[[", "]]]]]]"]
BODIES = st.lists(st.sampled_from(TOKENS) | st.text(ANYTHING, max_size=4), max_size=14).map("".join)


@BOUNDED
@given(body=BODIES.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=80))
@example(body=b"[" * 10_000)
@example(body=b"1e400")
@example(body=b"\xef\xbb\xbf{}")
def test_any_body_is_plain_json_or_a_parse_error(body: bytes) -> None:
    """Nothing but ``ParseError`` is raised, and what is read is what every reader of JSON reads, within the bounds."""
    try:
        value = StrictJSONParser().parse(io.BytesIO(body))
    except ParseError:
        return
    assert len(body) <= MAX_BODY
    assert value == json.loads(body)
    assert _depth(value) <= MAX_DEPTH
    _check_plain(value)
    assert StrictJSONParser().parse(io.BytesIO(json.dumps(value).encode())) == value


def _depth(value: Any) -> int:
    if isinstance(value, (dict, list)):
        inner = value.values() if isinstance(value, dict) else value
        return 1 + max(map(_depth, inner), default=0)
    return 0


def _check_plain(value: Any) -> None:
    if isinstance(value, str):
        assert "\x00" not in value
        assert value.encode().decode() == value
    elif isinstance(value, dict):
        for each in (*value, *value.values()):
            _check_plain(each)
    elif isinstance(value, list):
        for each in value:
            _check_plain(each)
    else:
        assert not isinstance(value, float) or math.isfinite(value)
