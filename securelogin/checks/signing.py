"""The keys in ``SIMPLE_JWT``, where a project sets its own."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.utils.encoding import force_bytes

from ..conf import NAME
from ..tokens import backend

SECRET_ALGORITHMS = {"HS256": 32, "HS384": 48, "HS512": 64}
"""Bytes of the shortest key: as many as the hash has (RFC 7518 section 3.2)."""

INSECURE_PREFIX = b"django-insecure"
"""What Django's ``startproject`` puts before a key that is in everyone's repository."""

PAIR_ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "ES256K", "EdDSA"}
)
LIFETIMES = ("ACCESS_TOKEN_LIFETIME", "REFRESH_TOKEN_LIFETIME")


def read_options() -> Mapping[str, Any]:
    """Return ``SIMPLE_JWT``, empty where it is missing. simplejwt itself breaks where it is no dict."""
    return getattr(settings, "SIMPLE_JWT", None) or {}


def check_signing() -> Iterator[CheckMessage]:
    """Report keys that are weak, shared with another purpose (RFC 8725 section 3.5) or do not work."""
    options = read_options()
    errors = list(_check_keys(options))
    yield from errors
    if options and not errors:
        yield from _check_use()
    if options.get("JTI_CLAIM", "jti") != "jti":
        yield Error(
            "SIMPLE_JWT['JTI_CLAIM'] is not 'jti', so simplejwt's blacklist() would not find a session.",
            hint="Take it out.",
            id="securelogin.E066",
        )
    for key in LIFETIMES:
        if key in options:
            yield CheckWarning(
                f"SIMPLE_JWT[{key!r}] has no effect on our tokens.",
                hint=f"Set {NAME}[{key!r}] in its place.",
                id="securelogin.W067",
            )


def _check_keys(options: Mapping[str, Any]) -> Iterator[CheckMessage]:
    algorithm = str(options.get("ALGORITHM", "HS256"))
    if algorithm in PAIR_ALGORITHMS:
        yield from _check_pair(algorithm, options)
    elif algorithm not in SECRET_ALGORITHMS:
        known = ", ".join([*SECRET_ALGORITHMS, *sorted(PAIR_ALGORITHMS)])
        yield Error("SIMPLE_JWT['ALGORITHM'] is no algorithm.", hint=f"Use one of {known}.", id="securelogin.E060")
    elif options.get("SIGNING_KEY"):
        yield from _check_secret(algorithm, options["SIGNING_KEY"])


def _check_pair(algorithm: str, options: Mapping[str, Any]) -> Iterator[CheckMessage]:
    if find_spec("cryptography") is None:
        yield Error(
            f"SIMPLE_JWT['ALGORITHM'] is {algorithm}, which needs the cryptography package; it is not installed.",
            hint="Run pip install cryptography.",
            id="securelogin.E061",
        )
    for key in ("SIGNING_KEY", "VERIFYING_KEY"):
        if not options.get(key):
            yield Error(
                f"SIMPLE_JWT['ALGORITHM'] is {algorithm}, but SIMPLE_JWT[{key!r}] is missing.",
                hint="Set the private key as SIGNING_KEY and its public key as VERIFYING_KEY, both as PEM text.",
                id="securelogin.E062",
            )


def _check_secret(algorithm: str, key: object) -> Iterator[CheckMessage]:
    length = SECRET_ALGORITHMS[algorithm]
    if len(force_bytes(key)) < length:
        yield Error(
            f"SIMPLE_JWT['SIGNING_KEY'] is shorter than {length} bytes.",
            hint=f'Run python -c "import secrets; print(secrets.token_hex({length}))", or take it out: the key is then '
            "derived from SECRET_KEY.",
            id="securelogin.E063",
        )
    if force_bytes(key) in [force_bytes(each) for each in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]:
        yield Error(
            "SIMPLE_JWT['SIGNING_KEY'] is SECRET_KEY, which has other uses.",
            hint="Take it out: the key is then derived from SECRET_KEY.",
            id="securelogin.E064",
        )
    if force_bytes(key).startswith(INSECURE_PREFIX):
        yield Error(
            f"SIMPLE_JWT['SIGNING_KEY'] begins with {INSECURE_PREFIX.decode()!r}: it was made for a file of settings.",
            hint=f'Run python -c "import secrets; print(secrets.token_hex({length}))", or take it out: the key is then '
            "derived from SECRET_KEY.",
            id="securelogin.E068",
        )


def _check_use() -> Iterator[CheckMessage]:
    """Sign and read a token, as the first login will."""
    now = int(time.time())
    claims = {"exp": now + 60, "iat": now, "jti": "check", "sub": "check", "sid": "check"}
    try:
        keys = backend.current()
        keys.decode(keys.encode(claims))
    except Exception as error:  # as many kinds as there are formats of keys, and their texts may quote one
        yield Error(
            f"SIMPLE_JWT cannot sign a token and read it again ({type(error).__name__}).",
            hint="Look at SIGNING_KEY and VERIFYING_KEY, which must be one pair, and at AUDIENCE and ISSUER.",
            id="securelogin.E065",
        )
