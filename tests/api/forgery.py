"""Tokens as an attacker, a stock library or a broken clock makes them."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt

from securelogin import keys


def our_key() -> keys.Key:
    """Return the key that our tokens are signed with where the project sets none of its own."""
    return keys.current("jwt")


def parts_of(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a token."""
    return jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})


def signed(claims: dict[str, Any], **header: Any) -> str:
    """Sign claims with our key as our tokens are; ``header`` changes the header, None takes a field out."""
    fields = {"kid": our_key().id, **header}
    return jwt.encode(
        claims,
        our_key().mac(),
        algorithm="HS256",
        headers={name: value for name, value in fields.items() if value is not None},
    )


def changed(token: str, **claims: Any) -> str:
    """Sign a token of ours again with other claims; ``...`` takes a claim out."""
    _header, old = parts_of(token)
    return signed({name: value for name, value in {**old, **claims}.items() if value is not ...})


def encoded(value: Any) -> str:
    """Return a part of a token: JSON in base64url."""
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def tampered(token: str, **claims: Any) -> str:
    """Change claims and leave the signature as it was."""
    header, _claims, signature = token.split(".")
    return ".".join([header, encoded({**parts_of(token)[1], **claims}), signature])
