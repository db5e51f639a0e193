"""Vectors for HMAC with SHA-256, made from the example of RFC 7515 appendix A.1, through the very decoding we use."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework_simplejwt.exceptions import TokenBackendError

from securelogin.tokens import backend
from tests.tokens.tickets import claims

RFC_KEY = base64.urlsafe_b64decode(
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow=="
)
RFC_HEADER = b'{"typ":"JWT",\r\n "alg":"HS256"}'
RFC_PAYLOAD = b'{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}'
RFC_SIGNATURE = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


def b64(raw: bytes) -> str:
    """Return base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def head(**changes: Any) -> bytes:
    """Return the bytes of a good header with some of it changed."""
    return json.dumps({"typ": "JWT", "alg": "HS256", "kid": backend.current().kid, **changes}).encode()


def body(**changes: Any) -> bytes:
    """Return the bytes of good claims with some of them changed."""
    return json.dumps(claims(**changes)).encode()


def jws(
    header: bytes | None = None, payload: bytes | None = None, *, key: bytes = RFC_KEY, digest: str = "sha256"
) -> str:
    """Return a compact JWS, made without any library for tokens (RFC 7515 section 5.1)."""
    signed = f"{b64(head() if header is None else header)}.{b64(body() if payload is None else payload)}"
    return f"{signed}.{b64(hmac.digest(key, signed.encode(), digest))}"


def resigned(change: Callable[[bytes], bytes]) -> str:
    """Return a good JWS whose signature's bytes are changed."""
    signed, _dot, signature = jws().rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "=")
    return f"{signed}.{b64(change(raw))}"


def reparted(change: Callable[[list[str]], list[str]]) -> str:
    """Return a good JWS whose parts are changed."""
    return ".".join(change(jws().split(".")))


@pytest.fixture(autouse=True)
def _rfc_key(settings: Any) -> None:
    """Sign with the key of the example."""
    settings.SIMPLE_JWT = {"SIGNING_KEY": RFC_KEY}


def is_taken(text: str) -> bool:
    """Whether our decoding takes a text; every refusal is simplejwt's one error."""
    try:
        backend.current().decode(text)
    except TokenBackendError:
        return False
    return True


def test_vectors_are_made_as_the_rfc_makes_them() -> None:
    """Our hand-made JWS of the RFC's bytes has the RFC's signature, byte by byte (D1)."""
    assert jws(RFC_HEADER, RFC_PAYLOAD).rpartition(".")[2] == RFC_SIGNATURE


GOOD: dict[str, Callable[[], str]] = {
    "as we write it": jws,
    "line breaks in the header": lambda: jws(head().replace(b", ", b",\r\n ")),
    "white space around the header": lambda: jws(b"\n " + head() + b"\t\r\n"),
    "line breaks in the claims": lambda: jws(payload=body().replace(b", ", b",\r\n ")),
    "no typ": lambda: jws(json.dumps({"alg": "HS256", "kid": backend.current().kid}).encode()),
    "an unknown field": lambda: jws(head(x="y")),
    "letters escaped": lambda: jws(head().replace(b'"HS256"', b'"\\u0048S256"')),
    "more claims": lambda: jws(payload=body(more={"a": [1, 2, None]})),
    "letters of the world": lambda: jws(payload=json.dumps(claims(more="é漢"), ensure_ascii=False).encode()),
}


@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD)
def test_valid_vector_is_taken(make: Callable[[], str]) -> None:
    """Another spelling of the same JSON under a right signature is a good token (D1)."""
    assert is_taken(make())


BAD: dict[str, Callable[[], str]] = {
    "the RFC's own, which names no key": lambda: jws(RFC_HEADER, RFC_PAYLOAD),
    "the RFC's claims under our header": lambda: jws(payload=RFC_PAYLOAD),
    "our claims under the RFC's header": lambda: jws(RFC_HEADER),
    "the RFC's signature": lambda: reparted(lambda parts: [*parts[:2], RFC_SIGNATURE]),
    "RFC 7515 A.5, unsecured": lambda: f"{b64(head(alg='none'))}.{b64(body())}.",
    "no signature": lambda: resigned(lambda _raw: b""),
    "16 bytes of it": lambda: resigned(lambda raw: raw[:16]),
    "31 bytes of it": lambda: resigned(lambda raw: raw[:31]),
    "a byte more": lambda: resigned(lambda raw: raw + b"\0"),
    "a byte before": lambda: resigned(lambda raw: b"\0" + raw),
    "twice": lambda: resigned(lambda raw: raw * 2),
    "zeros": lambda: resigned(lambda _raw: bytes(32)),
    "ones": lambda: resigned(lambda _raw: b"\xff" * 32),
    "the first bit": lambda: resigned(lambda raw: bytes([raw[0] ^ 0x80]) + raw[1:]),
    "the last bit": lambda: resigned(lambda raw: raw[:-1] + bytes([raw[-1] ^ 1])),
    "backwards": lambda: resigned(lambda raw: raw[::-1]),
    "its hex": lambda: resigned(lambda raw: raw.hex().encode()),
    "SHA-1": lambda: jws(digest="sha1"),
    "SHA-224": lambda: jws(digest="sha224"),
    "SHA-384": lambda: jws(digest="sha384"),
    "SHA-512": lambda: jws(digest="sha512"),
    "SHA3-256": lambda: jws(digest="sha3_256"),
    "HS384, as it says": lambda: jws(head(alg="HS384"), digest="sha384"),
    "HS512, as it says": lambda: jws(head(alg="HS512"), digest="sha512"),
    "a hash without a key": lambda: reparted(
        lambda parts: [*parts[:2], b64(hashlib.sha256(".".join(parts[:2]).encode()).digest())]
    ),
    "an empty key": lambda: jws(key=b""),
    "a key of zeros": lambda: jws(key=bytes(64)),
    "half of the key": lambda: jws(key=RFC_KEY[:32]),
    "the key and a byte": lambda: jws(key=RFC_KEY + b"\x01"),
    "the key in base64": lambda: jws(key=base64.urlsafe_b64encode(RFC_KEY)),
    "the key hashed": lambda: jws(key=hashlib.sha512(RFC_KEY).digest()),
    "signed over the claims alone": lambda: reparted(
        lambda parts: [*parts[:2], b64(hmac.digest(RFC_KEY, parts[1].encode(), "sha256"))]
    ),
    "signed over the decoded text": lambda: reparted(
        lambda parts: [*parts[:2], b64(hmac.digest(RFC_KEY, head() + b"." + body(), "sha256"))]
    ),
    "parts swapped": lambda: reparted(lambda parts: [parts[1], parts[0], parts[2]]),
    "header of another": lambda: reparted(lambda parts: [b64(head(x=1)), *parts[1:]]),
    "claims of another": lambda: reparted(lambda parts: [parts[0], b64(body()), parts[2]]),
    "no header": lambda: jws(b""),
    "header no object": lambda: jws(b"[]"),
    "header cut": lambda: jws(head()[:-1]),
    "alg with a space": lambda: jws(head(alg="HS256 ")),
    "alg in lower case": lambda: jws(head(alg="hs256")),
    "alg a list": lambda: jws(head(alg=["HS256"])),
    "alg null": lambda: jws(head(alg=None)),
    "alg twice, the last none": lambda: jws(head()[:-1] + b', "alg": "none"}'),
    "kid twice, the last unknown": lambda: jws(head()[:-1] + b', "kid": "x"}'),
    "crit that nobody knows": lambda: jws(head(crit=["x"], x=1)),
    "crit empty": lambda: jws(head(crit=[])),
    "crit b64": lambda: jws(head(crit=["b64"], b64=False)),
    "claims twice, the last broken": lambda: jws(payload=body()[:-1] + b', "exp": "x"}'),
    "claims empty": lambda: jws(payload=b""),
    "claims no object": lambda: jws(payload=b'"text"'),
    "claims with a NUL after": lambda: jws(payload=body() + b"\0"),
    "claims twice over": lambda: jws(payload=body() * 2),
    "a part more": lambda: f"{jws()}.{b64(b'x')}",
    "a dot more": lambda: f"{jws()}.",
    "a dot before": lambda: f".{jws()}",
    "RFC 7515 A.7, flattened": lambda: json.dumps(
        dict(zip(("protected", "payload", "signature"), jws().split("."), strict=True))
    ),
    "signature with a comma": lambda: jws()[:-4] + "," + jws()[-3:],
    "signature in another alphabet": lambda: reparted(lambda parts: [*parts[:2], parts[2][:-3] + "+/é"]),
    "expired, signed by nobody": lambda: jws(payload=body(exp=int(time.time()) - 1), key=b"x" * 64),
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_invalid_vector_is_refused(make: Callable[[], str]) -> None:
    """What is not signed just so, over just these bytes, with the whole key, is refused with one error (D1)."""
    assert not is_taken(make())


def test_every_bit_of_the_signature_counts() -> None:
    """A signature with any one of its 256 bits turned is none (D1)."""
    signed, _dot, signature = jws().rpartition(".")
    number = int.from_bytes(base64.urlsafe_b64decode(signature + "="), "big")
    turned = [f"{signed}.{b64((number ^ 1 << bit).to_bytes(32, 'big'))}" for bit in range(256)]
    assert [text for text in turned if is_taken(text)] == []
    assert is_taken(f"{signed}.{b64(number.to_bytes(32, 'big'))}")
