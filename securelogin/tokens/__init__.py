"""Tokens as objects: access and refresh tokens, and the token of a known device."""

from .devices import Device, read_device, sign_device
from .jwts import AccessToken, RefreshToken, TokenPair, issue_pair, read_access, read_refresh

__all__ = [
    "AccessToken",
    "Device",
    "RefreshToken",
    "TokenPair",
    "issue_pair",
    "read_access",
    "read_device",
    "read_refresh",
    "sign_device",
]
