"""One-time codes as numbers: how one is computed, how one is read, whose row it is in."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from enum import Enum
from uuid import UUID

from django.utils.crypto import constant_time_compare

from . import keys

ANYONE = "anyone"
"""The asker that all strangers share."""


LONGER = 2
"""Digits more while strangers guess at the whole site: each guess is worth a hundredth."""


class Purpose(str, Enum):
    """What a code is good for; it is inside the HMAC, so a code for one purpose is a wrong code for another."""

    LOGIN = "login"


def device_asker(device_id: str) -> str:
    """Return the asker that stands for a known device."""
    return f"device:{device_id}"


def row_key(phone: str, asker: str) -> str:
    """Return the key of the row for one number and one asker: 64 hex digits that hold no number."""
    return keys.digest("code-row", phone, asker)


def old_row_keys(phone: str, asker: str) -> list[str]:
    """Return the keys that the row had under the fallbacks of ``SECRET_KEY``."""
    return keys.digests("code-row", phone, asker)[1:]


def password_row_key(identifier: str) -> str:
    """Return the key of the row that counts wrong passwords for an e-mail address, a number or a user."""
    return keys.digest("password-row", identifier)


def old_password_row_keys(identifier: str) -> list[str]:
    """Return the keys that the row had under the fallbacks of ``SECRET_KEY``."""
    return keys.digests("password-row", identifier)[1:]


def new_nonce() -> str:
    """Return 128 random bits as 32 hex digits (NIST SP 800-63B-4 section 3.2.12)."""
    return secrets.token_hex(16)


def key_id() -> str:
    """Return the id of the key that new codes are computed with."""
    return keys.current("code").id


def compute(*, nonce: str, key_id: str, phone: str, asker: str, purpose: Purpose, length: int) -> str | None:
    """Compute the code of a nonce: ``length`` digits with leading zeros, or None where its key left the ring.

    HMAC-SHA-256 modulo a power of ten; over 256 bits its bias is below 2⁻²²² (compare RFC 4226 section 5.3).
    """
    key = keys.find("code", key_id)
    if key is None:
        return None
    number = int.from_bytes(key.mac(nonce, phone, asker, purpose.value), "big")
    return str(number % 10**length).zfill(length)


def matches(expected: str | None, guess: str) -> bool:
    """Compare in constant time; nothing matches where there is no code."""
    return expected is not None and constant_time_compare(expected, guess)


def is_well_formed(text: str, length: int) -> bool:
    """Whether the text is just ``length`` ASCII digits."""
    return len(text) == length and text.isascii() and text.isdigit()


def is_guess(text: str, length: int) -> bool:
    """Whether the text could be a code where codes have ``length`` digits, or are longer for a while."""
    return is_well_formed(text, length) or is_well_formed(text, length + LONGER)


def spell(number: int, length: int) -> str:
    """Write a code that came as a number, with the zeros that it lost; no code at all for one too large."""
    text = str(number).zfill(length)
    return text if len(text) == length else text.zfill(length + LONGER)


def is_same_id(text: str, candidates: Sequence[UUID | str]) -> bool:
    """Whether the text names one of the ids, in any spelling of a UUID."""
    spelled = text.strip().lower().replace("-", "")
    return any(spelled == str(each).lower().replace("-", "") for each in candidates)
