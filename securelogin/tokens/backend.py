"""The keys that tokens are signed with, and how far clocks are trusted. PyJWT is loaded with the first token."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from operator import is_not
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from django.conf import settings

from .. import keys

if TYPE_CHECKING:
    from .jws import TokenBackend

LEEWAY = timedelta(seconds=10)
"""For ``iat`` and ``nbf``: clocks of our own machines differ. ``exp`` has none."""

MAX_TOKEN = 4096
"""Characters of a token that are looked at."""

HS_KEY_BYTES: Mapping[str, int] = MappingProxyType({"HS256": 32, "HS384": 48, "HS512": 64})
"""As long as the hash (RFC 7518 section 3.2)."""


def is_epoch(value: object) -> bool:
    """Whether a claim is a time: whole seconds since 1970 that a datetime can hold (RFC 7519 section 2)."""
    return type(value) is int and 0 <= value < 2**33


def current() -> TokenBackend:
    """Return the backend for the settings as they are now, kept as long as they stay the same objects."""
    global _cached
    marks = (settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS, getattr(settings, "SIMPLE_JWT", None))
    if _cached is None or any(map(is_not, _cached[0], marks)):
        _cached = (marks, _make(marks[2] or {}))
    return _cached[1]


_cached: tuple[tuple[Any, ...], TokenBackend] | None = None


def _make(options: Mapping[str, Any]) -> TokenBackend:
    from .jws import TokenBackend

    algorithm = options.get("ALGORITHM", "HS256")
    keyring = _keyring(algorithm, options)
    return TokenBackend(
        keyring=keyring,
        algorithm=algorithm,
        signing_key=options.get("SIGNING_KEY") or next(iter(keyring.values())),
        audience=options.get("AUDIENCE"),
        issuer=options.get("ISSUER"),
        leeway=LEEWAY,
    )


def _keyring(algorithm: str, options: Mapping[str, Any]) -> dict[str, Any]:
    signing_key = options.get("SIGNING_KEY")
    if not signing_key:
        size = HS_KEY_BYTES.get(algorithm)
        return {key.id: (key.mac() + key.mac("more"))[:size] for key in keys.ring("jwt")}
    verifying_key: Any = signing_key if algorithm.startswith("HS") else options.get("VERIFYING_KEY")
    # Named by the key itself, not under SECRET_KEY: tokens of an explicit key live through that one's rotation.
    return {keys.Key("kid", verifying_key, id="").mac().hex()[:8]: verifying_key}
