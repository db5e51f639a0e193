"""The token of a known device (OWASP "device cookies"): it opens nothing, it only has budgets of its own."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.core import signing

from .. import conf, keys
from ..phones import E164

MAX_TOKEN = 512


@dataclass(frozen=True)
class Device:
    """A device that once proved the number. ``user_id`` is what names the account to those who sign and compare."""

    user_id: str
    id: str


def sign_device(phone: E164, user_id: str, device_id: str | None = None) -> str:
    """Return a token that names user and device and is bound to the number, which is not in it."""
    return _signer(phone).sign_object({"u": user_id, "d": device_id or secrets.token_hex(16)})


def read_device(phone: E164, text: str | None) -> Device | None:
    """Return the device, or None where the text was not signed for this number or is older than a session may be."""
    if not text or len(text) > MAX_TOKEN or not text.isascii():  # Django's signer chokes on a lone surrogate
        return None
    try:
        value = _signer(phone).unsign_object(text, max_age=conf.current().SESSION_LIFETIME)
    except signing.BadSignature:
        return None
    return Device(user_id=str(value["u"]), id=str(value["d"]))


def _signer(phone: E164) -> signing.TimestampSigner:
    ring: list[str | bytes] = [each.mac().hex() for each in keys.ring("device")]
    return signing.TimestampSigner(key=ring[0], fallback_keys=ring[1:], salt=f"securelogin.device.{phone}")
