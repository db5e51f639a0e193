"""What holds for every text that is read as a token. Needs Django to be set up."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from securelogin import tokens
from securelogin.exceptions import TokenError
from securelogin.phones import E164
from securelogin.tokens import AccessToken, RefreshToken
from tests.tokens.tickets import pair

PHONE = E164("+12025550123")
ID = UUID("6f1f64a4-6a54-4e4c-9d0d-3a1a3f0b7c11")
WINDOW = timedelta(minutes=10)


def good_texts() -> tuple[str, str, str]:
    """Return an access token, a refresh token and a device token."""
    issued = pair(session_id=ID, user_id=str(ID), lasts=timedelta(days=365))
    return issued.access_token, issued.refresh_token, tokens.sign_device(PHONE, str(ID), "d" * 32)


def check(text: str, good: tuple[str, str, str]) -> None:
    """Raise ``AssertionError`` unless the text is refused by every reader whose own good token it is not."""
    access, refresh, device = (read_access(text), read_refresh(text), tokens.read_device(PHONE, text))
    accepted = (access is not None, refresh is not None, device is not None)
    assert accepted == tuple(text == each for each in good), "accepted another text than the one that was signed"


def check_signed(text: str) -> bool:
    """Return whether a text under our own signature is a token; raise ``AssertionError`` where one is half a token."""
    access, refresh = read_access(text), read_refresh(text)
    assert access is None or refresh is None, "one text is both kinds of token"
    for token in filter(None, (access, refresh)):
        assert isinstance(token.session_id, UUID)
        assert isinstance(token.user_id, str)
    if access is not None:
        assert access.is_fresh(timezone.now(), WINDOW) in {True, False}
    if refresh is not None:
        assert 0 <= refresh.generation < 2**31 - 1
        assert refresh.session_end.year >= 1970
        assert read_access(refresh.successors(at=timezone.now()).access_token) or refresh.session_end < timezone.now()
    return bool(access or refresh)


def read_access(text: str) -> AccessToken | None:
    """Return the access token, expired or not, or None where it is refused as it should be."""
    try:
        return tokens.read_access(text, is_expired_ok=True)
    except TokenError:
        return None


def read_refresh(text: str) -> RefreshToken | None:
    """Return the refresh token, expired or not, or None."""
    try:
        return tokens.read_refresh(text, is_expired_ok=True)
    except TokenError:
        return None
