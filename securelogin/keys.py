"""Every key, derived from ``SECRET_KEY`` and ``SECRET_KEY_FALLBACKS``: one key, one purpose (NIST SP 800-108)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from django.conf import settings
from django.utils.crypto import salted_hmac
from django.utils.encoding import force_bytes

SALT = "securelogin."


@dataclass(frozen=True)
class Key:
    """One key for one purpose. ``id`` is 8 hex digits that name it without telling it."""

    purpose: str
    secret: str | bytes = field(repr=False)
    id: str

    def mac(self, *parts: str) -> bytes:
        """Return the 32 bytes of HMAC-SHA-256 over the parts, each with its length so that none runs into the next."""
        message = "".join(f"{len(part)}:{part}" for part in parts)
        return hmac.digest(self._derived, message.encode(), "sha256")

    @cached_property
    def _derived(self) -> bytes:
        """Return the key of the HMAC, as Django's ``salted_hmac`` derives it in every call."""
        return hashlib.sha256((SALT + self.purpose).encode() + force_bytes(self.secret)).digest()


def ring(purpose: str) -> tuple[Key, ...]:
    """Return the keys of a purpose: the current one first, then those of the fallbacks."""
    return _ring(purpose, settings.SECRET_KEY, tuple(settings.SECRET_KEY_FALLBACKS))


def current(purpose: str) -> Key:
    """Return the key that new things of this purpose are made with."""
    return ring(purpose)[0]


def find(purpose: str, key_id: str) -> Key | None:
    """Return the key of that id, or None where it left the ring."""
    return next((key for key in ring(purpose) if key.id == key_id), None)


def digest(purpose: str, *parts: str) -> str:
    """Return 64 hex digits under the current key: a name at rest for what must not stand there."""
    return current(purpose).mac(*parts).hex()


def digests(purpose: str, *parts: str) -> list[str]:
    """Return the digest under each key of the ring, the current one first."""
    return [key.mac(*parts).hex() for key in ring(purpose)]


@lru_cache(maxsize=64)
def _ring(purpose: str, secret: str | bytes, fallbacks: Sequence[str | bytes]) -> tuple[Key, ...]:
    return tuple(Key(purpose, each, _id(purpose, each)) for each in (secret, *fallbacks))


def _id(purpose: str, secret: str | bytes) -> str:
    return salted_hmac(SALT + "key-id", purpose, secret=secret, algorithm="sha256").hexdigest()[:8]
