"""Requests as bytes that no client library would send, each with the statuses that are right for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

PHONE = "+12025550188"
LOGIN = json.dumps({"auth_type": "PHONE", "phone": PHONE}).encode()
ROUTES = ["register", "login", "login_sms", "verify_sms", "refresh"]
"""What reads a body without a token."""

OK, REFUSED = {200}, {400}
CUT = {0}
"""No answer: the server closed the connection, or waited for more than was sent."""

DEEP = 10_000
MALFORMED: dict[str, bytes] = {
    "lone surrogate": b'{"auth_type": "PHONE", "phone": "\\ud800"}',
    "lone surrogate in a key": b'{"auth_type": "PHONE", "\\udfff": 1}',
    "surrogate in UTF-8": b'{"auth_type": "PHONE", "phone": "\xed\xa0\x80"}',
    "NUL": b'{"auth_type": "PHONE", "phone": "\\u0000"}',
    "NUL in a field nobody reads": b'{"auth_type": "PHONE", "phone": "+12025550188", "x": "\\u0000"}',
    "10000 lists": b'{"x": ' + b"[" * DEEP + b"}",
    "5000 lists that close": b"[" * 5000 + b"]" * 5000,
    "10000 objects, cut": (b'{"a":' * DEEP)[:16_000],
    "NaN": b'{"auth_type": "PHONE", "phone": NaN}',
    "1e400": b'{"auth_type": "PHONE", "phone": 1e400}',
    "-Infinity": b'{"auth_type": "PHONE", "phone": -Infinity}',
    "10000 digits": b'{"auth_type": "PHONE", "phone": ' + b"9" * 10_000 + b"}",
    "BOM": b"\xef\xbb\xbf" + LOGIN,
    "UTF-16": LOGIN.decode().encode("utf-16"),
    "UTF-7": b"+AHsAfQ-",
    "two values": LOGIN + LOGIN,
    "a form": b"auth_type=PHONE&phone=%2B12025550188",
    "gzip": b"\x1f\x8b\x08\x00",
}
INVALID: dict[str, bytes] = {
    "a list": b"[" + LOGIN + b"]",
    "a text": b'"PHONE"',
    "null": b"null",
    "4000 digits": b'{"auth_type": "PHONE", "phone": ' + b"9" * 4000 + b"}",
    "an object as a number": b'{"auth_type": "PHONE", "phone": {"$ne": null}}',
    "a list as a number": b'{"auth_type": "PHONE", "phone": ["+12025550188", "+12025550189"]}',
    "the second key is bad": b'{"auth_type": "PHONE", "phone": "+12025550188", "phone": 5}',
}
TEXTS: dict[str, bytes] = {
    "ANSI": b"\x1b[31mred\x1b[0m",
    "U+2028": "a\u2028b\u2029c".encode(),
    "U+202E": "a\u202eb".encode(),
    "format": b"%s%n{0}${jndi:x}",
    "no UTF-8": b"\xff\xfe\xc0\x80",
    "encoded line feed": b"a%0d%0ab",
    "4 KB": b"x" * 4096,
}
HEADERS = [
    "User-Agent",
    "X-Forwarded-For",
    "Accept",
    "Accept-Language",
    "Cookie",
    "Referer",
    "X-Request-ID",
    "Forwarded",
]


@dataclass(frozen=True)
class Probe:
    """One request and the statuses that are right for it; 0 stands for no answer."""

    name: str
    request: bytes = field(repr=False)
    statuses: frozenset[int]


def request(
    method: str, route: str, body: bytes = b"", *lines: bytes, length: int | None = None, version: str = "1.1"
) -> bytes:
    """Return a request with a length, ``Host`` and JSON's type unless a line has another one; -1: no length."""
    given = {line.split(b":")[0].lower() for line in lines}
    usual = [(b"host", b"Host: 127.0.0.1"), (b"content-type", b"Content-Type: application/json")]
    heads = [line for name, line in usual if name not in given]
    if length != -1:
        heads.append(b"Content-Length: %d" % (len(body) if length is None else length))
    top = f"{method} /api/auth/{route} HTTP/{version}".encode()
    return b"\r\n".join([top, *heads, *lines, b"Connection: close", b"", body])


def probes() -> Iterator[Probe]:
    """Yield all of them."""
    yield from _bodies()
    yield from _headers()
    yield from _frames()
    yield from _queries()


def _bodies() -> Iterator[Probe]:
    for route in ROUTES:
        for name, body in MALFORMED.items():
            yield Probe(f"{route}: {name}", request("POST", route, body), frozenset(REFUSED))
        for name, body in INVALID.items():  # that name no refresh token, too
            statuses = REFUSED | {401} if route == "refresh" else REFUSED
            yield Probe(f"{route}: {name}", request("POST", route, body), frozenset(statuses))
        yield Probe(f"{route}: 17 KB", request("POST", route, b" " * 17_000), frozenset({413}))
        yield Probe(f"{route}: a megabyte", request("POST", route, b"[" * 1_000_000), frozenset({413} | CUT))
        for kind in (b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x", b"\xff"):
            call = request("POST", route, LOGIN, b"Content-Type: " + kind)
            yield Probe(f"{route}: {kind!r}", call, frozenset({415}))
    staff = json.dumps({**json.loads(LOGIN), "is_staff": True, "is_superuser": True, "pk": 1, "__proto__": {}}).encode()
    yield Probe("unknown fields", request("POST", "login", staff), frozenset(OK))
    twice = b'{"auth_type": "PASSWORD", "phone": "x", ' + LOGIN[1:]
    yield Probe("keys twice, the last ones good", request("POST", "login", twice), frozenset(OK))


def _headers() -> Iterator[Probe]:
    for header in HEADERS:
        for name, text in TEXTS.items():
            call = request("POST", "login", LOGIN, header.encode() + b": " + text)
            yield Probe(f"{header}: {name}", call, frozenset(OK | REFUSED))
        for name, text in {
            "10 KB": b"x" * 10_240,
            "NUL": b"a\x00b",
            "bare CR": b"a\rX: y",
            "folded": b"a\r\n b",
        }.items():
            call = request("POST", "login", LOGIN, header.encode() + b": " + text)
            yield Probe(f"{header}: {name}", call, frozenset(OK | REFUSED | {431} | CUT))
    for name, text in {
        "evil.example": b"evil.example",
        "a path": b"127.0.0.1/x",
        "twice": b"127.0.0.1, 127.0.0.1",
    }.items():
        yield Probe(f"Host: {name}", request("POST", "login", LOGIN, b"Host: " + text), frozenset(REFUSED))
    for name, text in TEXTS.items():
        yield Probe(f"Host: {name}", request("POST", "login", LOGIN, b"Host: " + text), frozenset(REFUSED))
        bearer = request("GET", "sessions", b"", b"Authorization: Bearer " + text)
        yield Probe(f"Authorization: {name}", bearer, frozenset({401} | REFUSED))
        key = request("POST", "refresh", b"{}", b"Idempotency-Key: " + text)
        yield Probe(f"Idempotency-Key: {name}", key, frozenset({401} | REFUSED))
    for size in (7 * 1024, 9 * 1024):
        bearer = request("GET", "sessions", b"", b"Authorization: Bearer " + b"x" * size)
        yield Probe(f"Authorization: {size} bytes", bearer, frozenset({401, 431} | REFUSED | CUT))
    two = request("GET", "sessions", b"", b"Authorization: Bearer a", b"Authorization: Bearer b")
    yield Probe("Authorization twice", two, frozenset({401} | REFUSED))
    spoofed = request("POST", "login", LOGIN, b"X_Forwarded_For: 1.2.3.4", b"X-Forwarded-Host: evil.example")
    yield Probe("other spellings of proxies' headers", spoofed, frozenset(OK | REFUSED))


def _frames() -> Iterator[Probe]:
    chunked = b"Transfer-Encoding: chunked"
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(LOGIN), LOGIN)
    for name, call, statuses in (
        ("chunks", request("POST", "login", chunk, chunked, length=-1), OK | REFUSED),
        ("chunks and a length", request("POST", "login", chunk, chunked), OK | REFUSED | CUT),
        ("a chunk of no size", request("POST", "login", b"zz\r\n", chunked, length=-1), REFUSED | CUT),
        ("a huge chunk, cut", request("POST", "login", b"ffffffff\r\nx", chunked, length=-1), REFUSED | CUT),
        ("another coding", request("POST", "login", LOGIN, b"Transfer-Encoding: x", length=-1), {400, 501} | CUT),
        ("a length too long", request("POST", "login", LOGIN, length=len(LOGIN) + 100), OK | REFUSED | CUT),
        ("a length too short", request("POST", "login", LOGIN, length=10), REFUSED),
        ("a negative length", request("POST", "login", LOGIN, b"Content-Length: -1", length=-1), REFUSED | CUT),
        ("a length in words", request("POST", "login", LOGIN, b"Content-Length: ten", length=-1), REFUSED | CUT),
        ("two lengths", request("POST", "login", LOGIN, b"Content-Length: 1"), REFUSED | CUT),
        ("no length", request("POST", "login", LOGIN, length=-1), REFUSED),
        ("HTTP/1.0", request("POST", "login", LOGIN, version="1.0"), OK),
        ("HTTP/9.9", request("POST", "login", LOGIN, version="9.9"), {400, 505} | CUT),
        ("a method in lower case", request("post", "login", LOGIN), {400, 405} | CUT),
        ("a method of one's own", request("LOGIN", "login", LOGIN), {400, 405} | CUT),
        ("no HTTP", b"\x16\x03\x01\x00\xa5\x01\x00\x00", REFUSED | CUT),
        ("an answer is expected", request("POST", "login", LOGIN, b"Expect: 100-continue"), OK | {100}),
        ("upgrade", request("POST", "login", LOGIN, b"Upgrade: h2c", b"HTTP2-Settings: x"), OK | REFUSED),
    ):
        yield Probe(name, call, frozenset(statuses))


def _queries() -> Iterator[Probe]:
    polluted = "phone=%2B12025550189&phone=%2B12025550187&auth_type=PASSWORD&_method=DELETE&format=xml"
    yield Probe("a query beside the body", request("POST", f"login?{polluted}", LOGIN), frozenset(OK))
    for path in (
        "login%00",
        "login%0d%0aX:y",
        "%ff%fe",
        "..%2fadmin",
        "login;x=1",
        "%e2%80%a8",
        "login%0aERROR%20forged",
    ):
        yield Probe(f"path {path}", request("POST", path, LOGIN), frozenset({404} | REFUSED))
    for method in ("PUT", "PATCH", "OPTIONS", "TRACE", "DELETE"):
        yield Probe(f"{method} with a query", request(method, f"login?{polluted}"), frozenset({405}))
