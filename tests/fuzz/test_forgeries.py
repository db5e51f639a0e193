"""Forged tokens that the tests of the tokens and of the API do not have: what would make a reader ask the network."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.forgery import encoded, parts_of
from tests.api.refusals import TOKEN_INVALID, refusal_of
from tests.api.visitor import Visitor
from tests.factories import SessionFactory, tokens_of
from tests.tokens.tickets import sign

OWN = b"a key that the forger chose, long enough for HS256"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server that would be connected to at once, and is not waited for."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["jku", "x5u", "iss", "kid"])
@pytest.mark.parametrize("algorithm", ["HS256", "RS256"])
def test_no_key_is_fetched(listener: socket.socket, name: str, algorithm: str) -> None:
    """An address in a header is never asked, whatever the token says it is (RFC 8725 section 3.10)."""
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/keys.json"
    good = tokens_of(SessionFactory())
    for text in (good.access_token, good.refresh_token):
        head, claims = parts_of(text)
        forged = sign(claims, {**head, "alg": algorithm, name: url}, key=OWN)
        for route in ("op", "refresh", "logout", "logout_all"):
            assert refusal_of(Visitor().post(route, {}, token=forged)) == TOKEN_INVALID
    with pytest.raises(BlockingIOError):
        listener.accept()


def _serialised(text: str) -> list[Any]:
    head, payload, signature = text.split(".")
    flat = {"protected": head, "payload": payload, "signature": signature}
    return [flat, {"payload": payload, "signatures": [{"protected": head, "signature": signature}]}]


@pytest.mark.django_db
def test_other_serialisations_are_no_tokens() -> None:
    """JSON, a detached payload and the five parts of an encrypted token are not the compact form (RFC 7515)."""
    text = tokens_of(SessionFactory()).access_token
    head, payload, signature = text.split(".")
    forged = [json.dumps(each, separators=(",", ":")) for each in _serialised(text)]
    forged += [encoded(each) for each in forged]
    forged += [f"{head}..{signature}", f"{text}..", f"..{text}", f"{head}.{payload}.{signature}.{payload}.{signature}"]
    for each in forged:
        assert refusal_of(Visitor().post("op", token=each)) == TOKEN_INVALID


@pytest.mark.django_db
def test_claims_and_headers_that_come_twice() -> None:
    """A second ``sub`` or ``alg`` in front of or behind the signed one changes the text, so that nothing is signed."""
    text = tokens_of(SessionFactory()).access_token
    head, payload, signature = text.split(".")
    header, claims = (json.dumps(part)[1:-1] for part in parts_of(text))
    last, first = "{" + claims + ', "sub": "x"}', '{"sub": "x", ' + claims + "}"
    none_last, none_first = "{" + header + ', "alg": "none"}', '{"alg": "none", ' + header + "}"
    for forged in (
        *[f"{head}.{encoded(each)}.{signature}" for each in (last, first)],
        *[f"{encoded(each)}.{payload}.{end}" for each in (none_last, none_first) for end in (signature, "")],
    ):
        assert refusal_of(Visitor().post("op", token=forged)) == TOKEN_INVALID
