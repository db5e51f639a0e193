"""Claims and forged texts for the tests of tokens: what our keys sign, and what nobody should believe."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone

from securelogin import keys, tokens

LEFT_OUT: Any = object()
"""The value of a claim that is not there."""


def claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of a good access token with some of them changed; ``LEFT_OUT`` takes one out."""
    now = int(time.time())
    good = {
        "token_type": "access",
        "iat": now,
        "exp": now + 600,
        "jti": uuid4().hex,
        "sub": str(uuid4()),
        "sid": str(uuid4()),
        "auth_time": now,
        "amr": ["otp", "sms"],
        "fresh": True,
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not LEFT_OUT}


def refresh_claims(**changes: Any) -> dict[str, Any]:
    """Return the same for a refresh token."""
    now = int(time.time())
    good = {"token_type": "refresh", "gen": 0, "session_exp": now + 3600, "fresh": LEFT_OUT}
    return claims(**{**good, **changes})


def header(**changes: Any) -> dict[str, Any]:
    """Return the header of a good token, to the letter, with some of it changed."""
    good = {"alg": "HS256", "kid": keys.current("jwt").id, "typ": "JWT"}
    return {name: value for name, value in {**good, **changes}.items() if value is not LEFT_OUT}


def sign(payload: Any, head: Any = None, *, key: bytes | None = None, digest: str = "sha256") -> str:
    """Sign by hand, with our own key unless another is given; texts and bytes are taken as they are."""
    signed = f"{_segment(header() if head is None else head)}.{_segment(payload)}"
    mac = hmac.new(keys.current("jwt").mac() if key is None else key, signed.encode(), getattr(hashlib, digest))
    return f"{signed}.{_encode(mac.digest())}"


def _segment(value: Any) -> str:
    raw = value if isinstance(value, (bytes, str)) else json.dumps(value, separators=(",", ":"))
    return _encode(raw.encode() if isinstance(raw, str) else raw)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def read_part(text: str, part: int) -> dict[str, Any]:
    """Return the header (0) or the payload (1) of a token."""
    segment = text.split(".")[part]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return found


def pair(
    *, at: datetime | None = None, lasts: timedelta = timedelta(days=1), session_id: UUID | None = None, **changes: Any
) -> tokens.TokenPair:
    """Issue both tokens of a new session."""
    at = at or timezone.now()
    return tokens.issue_pair(
        **{
            "user_id": str(uuid4()),
            "session_id": session_id or uuid4(),
            "session_end": at + lasts,
            "generation": 0,
            "auth_time": int(at.timestamp()),
            "amr": ["otp", "sms"],
            "is_fresh": True,
            "at": at,
            **changes,
        }
    )
