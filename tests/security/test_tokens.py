"""Tokens that nobody of ours signed: one algorithm, no key out of a header, one answer at every door."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from securelogin.models import Session
from securelogin.tokens import TokenPair
from tests.api.forgery import encoded, parts_of
from tests.api.refusals import TOKEN_INVALID, refusal_of
from tests.api.visitor import Visitor
from tests.factories import SessionFactory, tokens_of
from tests.tokens.tickets import sign

pytestmark = pytest.mark.django_db

THIEFS_KEY = b"a key of the thief's own, of 32 bytes and more"
THIEFS_PAIR = rsa.generate_private_key(65537, 2048)
PRIVATE = THIEFS_PAIR.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
PUBLIC = (
    THIEFS_PAIR.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)
SECRET_JWK = {"kty": "oct", "alg": "HS256", "kid": "thief", "k": encoded(THIEFS_KEY.decode())}
PUBLIC_JWK = {**jwt.algorithms.RSAAlgorithm.to_jwk(THIEFS_PAIR.public_key(), as_dict=True), "kid": "thief"}


class Keys(BaseHTTPRequestHandler):
    """Hands out the thief's keys, and remembers who asked."""

    asked: list[str] = []

    def do_GET(self) -> None:
        """Answer the keys."""
        self.asked.append(self.path)
        body = json.dumps({"keys": [SECRET_JWK, PUBLIC_JWK]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def keys() -> Iterator[tuple[str, list[str]]]:
    """The address where the thief's keys can be had, and the paths that were asked for."""
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Listener", (Keys,), {"asked": asked}))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


Forge = Callable[[str], str]


def headed(*, key: bytes | None = THIEFS_KEY, digest: str = "sha256", **header: Any) -> Forge:
    """Return a forgery: the claims of a token under a changed header and the thief's secret, or another; None: ours."""
    return lambda text: sign(parts_of(text)[1], {**parts_of(text)[0], **header}, key=key, digest=digest)


def by_pair(**header: Any) -> Forge:
    """Return a forgery: the claims of a token, signed with the thief's private key."""
    return lambda text: jwt.encode(
        parts_of(text)[1], PRIVATE, algorithm="RS256", headers={**parts_of(text)[0], "alg": "RS256", **header}
    )


def in_json(text: str) -> dict[str, str]:
    """Return a token as the flattened JSON that RFC 7515 section 7.2.2 knows."""
    protected, payload, signature = text.split(".")
    return {"protected": protected, "payload": payload, "signature": signature}


def doubled(text: str) -> str:
    """Return a token whose claims name a second user and end."""
    head, _payload, signature = text.split(".")
    claims = json.dumps(parts_of(text)[1])[:-1] + ', "sub": "x", "exp": 9999999999}'
    return f"{head}.{encoded(claims)}.{signature}"


FORGERIES: dict[str, Forge] = {
    "none": lambda text: f"{encoded({**parts_of(text)[0], 'alg': 'none'})}.{text.split('.')[1]}.",
    "None": lambda text: f"{encoded({**parts_of(text)[0], 'alg': 'None'})}.{text.split('.')[1]}.",
    "nOnE": lambda text: f"{encoded({**parts_of(text)[0], 'alg': 'nOnE'})}.{text.split('.')[1]}.",
    "NONE, an empty HMAC": headed(alg="NONE", key=b""),
    "an empty key": headed(key=b""),
    "an empty signature": lambda text: text.rsplit(".", 1)[0] + ".",
    "HS384": headed(alg="HS384", key=None, digest="sha384"),
    "HS512": headed(alg="HS512", key=None, digest="sha512"),
    "HS384 called HS256": headed(key=None, digest="sha384"),
    "the thief's secret": headed(),
    "the thief's pair": by_pair(),
    "jwk, a secret": headed(jwk=SECRET_JWK),
    "jwk, a secret, named": headed(jwk=SECRET_JWK, kid="thief"),
    "jwk, a pair": by_pair(jwk=PUBLIC_JWK),
    "x5c": by_pair(x5c=[PUBLIC]),
    "x5t": headed(x5t="dGhpZWY", kid="dGhpZWY"),
    "kid a path": headed(kid="../../../../../../dev/null"),
    "kid a path, an empty key": headed(kid="/dev/null", key=b""),
    "kid SQL": headed(kid="' UNION SELECT 'a key of the thief''s own, of 32 bytes and more' --"),
    "kid of a megabyte": headed(kid="k" * 1_000_000),
    "kid a list": headed(kid=["thief"]),
    "crit": headed(crit=["x"], x=1),
    "crit, signed by us": headed(crit=["x"], x=1, key=None),
    "crit b64": headed(crit=["b64"], b64=False),
    "claims twice": doubled,
    "a header twice": lambda text: sign(parts_of(text)[1], '{"alg": "none", "alg": "HS256"}', key=THIEFS_KEY),
    "one part": lambda text: text.split(".")[1],
    "two parts": lambda text: text.rsplit(".", 1)[0],
    "four parts": lambda text: f"{text}.{text.split('.')[2]}",
    "five parts": lambda text: f"{text}.e30.e30",
    "flattened JSON": lambda text: json.dumps(in_json(text), separators=(",", ":")),
    "general JSON": lambda text: json.dumps({"payload": text.split(".")[1], "signatures": []}, separators=(",", ":")),
    "JSON in base64": lambda text: encoded(in_json(text)),
    "a token in a token": lambda text: headed(cty="JWT")(text) + "." + text,
}


def refused_everywhere(forge: Forge, pair: TokenPair) -> None:
    """Assert that a forgery of either token opens no door, and that every answer is the one that garbage gets."""
    visitor = Visitor()
    access, refresh = forge(pair.access_token), forge(pair.refresh_token)
    for method, route, text in (
        ("POST", "op", access),
        ("GET", "sessions", access),
        ("POST", "logout", access),
        ("POST", "logout_all", access),
        ("POST", "refresh", refresh),
        ("POST", "op", refresh),
    ):
        answer = visitor.call(method, route, token=text)
        assert refusal_of(answer) == TOKEN_INVALID, route
        assert answer.content == visitor.call(method, route, token="garbage").content
    in_body = visitor.post("refresh", {"refresh_token": refresh[:4096]})
    assert refusal_of(in_body) == TOKEN_INVALID
    assert set(Session.objects.values_list("generation", "ended_at")) == {(0, None)}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_forgery_is_refused_in_one_way(forge: Forge) -> None:
    """A token that others signed is 401 at every door, with the answer that garbage gets (D1)."""
    refused_everywhere(forge, tokens_of(SessionFactory()))


@pytest.mark.parametrize("name", ["jku", "x5u"])
@pytest.mark.parametrize("how", [headed, by_pair])
def test_key_is_not_fetched_from_where_a_header_points(
    name: str, how: Callable[..., Forge], keys: tuple[str, list[str]]
) -> None:
    """A header that names an address where keys can be had opens nothing, and nobody goes there (D1)."""
    address, asked = keys
    header = {name: f"{address}/{name}", "kid": "thief"}
    refused_everywhere(how(**header), tokens_of(SessionFactory()))
    refused_everywhere(how(**{name: f"{address}/{name}"}), tokens_of(SessionFactory()))
    Visitor().post("op", token=headed(**{name: address}, key=None)(tokens_of(SessionFactory()).access_token))
    assert asked == []
    with urllib.request.urlopen(f"{address}/control", timeout=10) as answer:
        assert json.load(answer)["keys"]
    assert asked == ["/control"], "the listener hears"


@pytest.mark.parametrize("key", [PUBLIC, PUBLIC.strip(), PUBLIC.replace("\n", ""), json.dumps(PUBLIC_JWK)])
def test_public_key_is_no_secret(key: str, settings: Any) -> None:
    """Where a pair signs, everybody has the public key: as the secret of an HMAC it opens nothing (D1)."""
    settings.SIMPLE_JWT = {"ALGORITHM": "RS256", "SIGNING_KEY": PRIVATE, "VERIFYING_KEY": PUBLIC}
    pair = tokens_of(SessionFactory())
    assert parts_of(pair.access_token)[0]["alg"] == "RS256"
    assert Visitor().is_in(pair.access_token)
    for alg in ("HS256", "RS256"):
        refused_everywhere(headed(key=key.encode(), alg=alg), pair)
