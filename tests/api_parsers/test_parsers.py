"""Tests of securelogin.api.parsers: strict JSON, and nothing but JSON."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from securelogin.api.parsers import MAX_BODY, MAX_DEPTH, JSONOnly, RequestTooLarge, StrictJSONParser
from tests.spending import least_seconds

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=10)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)

REFUSED: list[Any] = [
    b"",
    b" ",
    b"{",
    b"}",
    b"[1,]",
    b'{"a":}',
    b'{"a":1,}',
    b"{'a': 1}",
    b"{a: 1}",
    b"{} {}",
    b"// {}\n{}",
    b"nul",
    b"True",
    b"01",
    b"+1",
    b"1.",
    b".5",
    b"0x10",
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b'{"a": NaN}',
    b'[{"a": [Infinity]}]',
    b"1e400",
    b"-1e400",
    b"[1e999]",
    pytest.param(b"9" * 5000, id="5000 digits"),
    b'"a\nb"',
    b'"a\tb"',
    b'"\\x41"',
    b'"\\u00"',
    b'"\x00"',
    b'"\\u0000"',
    b'{"\\u0000": 1}',
    b'{"a": ["b", "\\u0000"]}',
    b'"\\ud800"',
    b'"\\udfff"',
    b'"\\ud800a"',
    b'"\\udc00\\ud800"',
    b'{"\\ud800": 1}',
    b'"\xed\xa0\x80"',  # a surrogate in UTF-8
    b'"\xff"',
    b'"\xc0\x80"',  # NUL in two bytes
    b'"\xf8\x88\x80\x80\x80"',
    b"\xef\xbb\xbf{}",
    "{}".encode("utf-16"),
    "{}".encode("utf-16-le"),
    "{}".encode("utf-32"),
    b"a=1&b=2",
    b"\x1f\x8b\x08",
    pytest.param(b"[" * MAX_BODY, id="lists without an end"),
    pytest.param(b'{"a":' * 3000, id="objects without an end"),
    pytest.param(b"[" * 8192 + b"]" * 8192, id="8192 lists"),
]


def _parse(body: bytes) -> Any:
    return StrictJSONParser().parse(io.BytesIO(body))


@settings(max_examples=200, deadline=None)
@given(values, st.booleans())
@example("\U0001f600", True)
@example({"a": {"b": [None, True, 0, -0.5, "ä"]}}, False)
def test_what_is_json_is_read(value: Any, is_ascii: bool) -> None:
    """Any value within the bounds comes in as it went out, escaped or not."""
    assert _parse(json.dumps(value, ensure_ascii=is_ascii).encode()) == value


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | st.text('[]{}:,"\\u0d8Ee+-.1tfn ', max_size=60).map(str.encode))
def test_any_bytes_are_json_or_a_parse_error(body: bytes) -> None:
    """No body raises anything else, and none brings in what a database or a log would choke on."""
    try:
        value = _parse(body)
    except ParseError:
        return
    assert "\\u0000" not in json.dumps(value)
    assert json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


@pytest.mark.parametrize("body", REFUSED)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    """RFC 8259, in UTF-8, without NaN, NUL and lone surrogates."""
    with pytest.raises(ParseError) as caught:
        _parse(body)
    assert not isinstance(caught.value, RequestTooLarge)


@pytest.mark.parametrize("body", [b'{"password": "hunter2"', b'"hunter2\x00"', b'{"hunter2": NaN}'])
def test_error_does_not_repeat_the_body(body: bytes) -> None:
    """A body that is broken at its end may hold a password at its beginning."""
    with pytest.raises(ParseError) as caught:
        _parse(body)
    assert "hunter2" not in str(caught.value.detail)


@pytest.mark.parametrize(
    "body", [b'"\\ud83d\\ude00"', '"\U0001f600"'.encode(), b'"\\ufffd"', b'"\\u0001"', b'"\xc2\x80"']
)
def test_other_characters_are_text(body: bytes) -> None:
    """A pair of surrogates is one character, and other controls are text, which fields refuse or keep."""
    assert isinstance(_parse(body), str)


def test_body_of_16_kb_is_read_and_one_byte_more_is_not() -> None:
    """The bound is of the body as it came, spaces too."""
    assert _parse(b"{}" + b" " * (MAX_BODY - 2)) == {}
    with pytest.raises(RequestTooLarge) as caught:
        _parse(b"{}" + b" " * (MAX_BODY - 1))
    assert caught.value.status_code == 413


def test_no_more_is_read_than_it_takes_to_refuse() -> None:
    """A megabyte stays in the socket."""
    stream = io.BytesIO(b"[" * 1_000_000)
    with pytest.raises(RequestTooLarge):
        StrictJSONParser().parse(stream)
    assert stream.tell() == MAX_BODY + 1


class GoneClient(io.BytesIO):
    """The body of a client that went away."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Fail as a closed socket does."""
        raise ConnectionResetError


def test_client_that_went_away_is_no_error_of_ours() -> None:
    """Half a body is none, and nobody is left to read the answer."""
    request = APIRequestFactory().generic("POST", "/", "{}", content_type="application/json")
    stream: Any = WSGIRequest({**request.META, "wsgi.input": GoneClient()})
    with pytest.raises(ParseError):
        StrictJSONParser().parse(stream)


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
@pytest.mark.parametrize("inside", ["", "1", '"a"', '{"a": 1, "b": []}'])
def test_twenty_levels_pass_and_twenty_one_do_not(opening: str, inside: str) -> None:
    """Lists and objects count, wherever they stand, empty or not."""

    def nest(levels: int) -> bytes:
        own = levels - inside.count("{") - inside.count("[")
        heads = (opening.replace("[{", "[\x00{").split("\x00") * own)[:own]
        tails = ["]" if head == "[" else "}" for head in heads]
        innermost = inside or ("null" if heads[-1] != "[" else "")
        return ("".join(heads) + innermost + "".join(reversed(tails))).encode()

    assert _parse(nest(MAX_DEPTH))
    with pytest.raises(ParseError):
        _parse(nest(MAX_DEPTH + 1))


def test_depth_is_counted_on_every_branch() -> None:
    """A deep branch beside shallow ones is as deep."""
    deep = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    with pytest.raises(ParseError):
        _parse(b'{"a": 1, "b": [2, ' + deep + b"]}")


DEAR = {
    "many numbers": b"[" + b"0," * 8000 + b"0]",
    "many lists": b"[" + b"[]," * 5000 + b"[]]",
    "a long text": b'"' + b"a" * 16_000 + b'"',
    "many keys": b'{"' + b'a":1,"' * 2600 + b'a":1}',
    "many escapes": b'"' + b"\\u0041" * 2700 + b'"',
    "a long integer": b"1" * 4000,
    "a long fraction": b"0." + b"1" * 16_000,
    "a long exponent": b"1e-" + b"9" * 16_000,
}


@pytest.mark.parametrize("name", DEAR)
def test_no_body_is_dear_to_read(name: str) -> None:
    """Sixteen kilobytes are read in a moment, whatever is in them."""
    assert least_seconds(lambda: _parse(DEAR[name])) < 0.2


def test_of_two_equal_keys_the_last_counts() -> None:
    """As in every parser of the clients; none of ours reads another than the serializers do."""
    assert _parse(b'{"a": 1, "a": 2}') == {"a": 2}


# Content types


def _parser_of(content_type: str) -> Any:
    request = Request(APIRequestFactory().generic("POST", "/", "{}", content_type=content_type))
    return JSONOnly().select_parser(request, [StrictJSONParser(), FormParser(), MultiPartParser()])


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "APPLICATION/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        " application/json ",
        'application/json; boundary="x"',
    ],
)
def test_json_is_read_with_any_parameters(content_type: str) -> None:
    """Parameters say nothing about JSON, which is UTF-8 (RFC 8259 section 8.1)."""
    assert isinstance(_parser_of(content_type), StrictJSONParser)


@pytest.mark.parametrize(
    "content_type",
    [
        *["", "text/plain", "text/json", "application/jsonp", "application/json5", "application/*", "*/*", "json", ";"],
        *["application/vnd.api+json", "application/json, text/plain", "text/plain; application/json", "application"],
    ],
)
def test_what_does_not_say_json_is_not_read(content_type: str) -> None:
    """A browser sends text/plain and forms across origins without asking: neither is read as JSON."""
    assert not isinstance(_parser_of(content_type), StrictJSONParser)


@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/xml;q=1", "application/json;q=0", "nonsense", ""])
def test_answer_is_json_whatever_is_asked_for(accept: str) -> None:
    """An error that nobody wanted as JSON is JSON all the same."""
    request = APIRequestFactory().get("/", headers={"accept": accept})
    renderer, media_type = JSONOnly().select_renderer(request, [JSONRenderer(), BrowsableAPIRenderer()])
    assert (type(renderer), media_type) == (JSONRenderer, "application/json")
