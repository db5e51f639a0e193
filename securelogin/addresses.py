"""The client's address: only from hops that are trusted, one bucket for each IPv4 address or IPv6 /64."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from django.http import HttpRequest

Address = IPv4Address | IPv6Address

UNKNOWN = "unknown"
"""The bucket that callers without an address share (a unix socket that tells none)."""

MAX_USER_AGENT = 255
MAX_DEVICE = 64

logger = logging.getLogger("securelogin.addresses")


@dataclass(frozen=True)
class Client:
    """Who calls, as far as the transport tells. ``address`` is None where it tells nothing."""

    address: Address | None = None
    user_agent: str = ""
    device: str = ""
    request: HttpRequest | None = field(default=None, repr=False, compare=False)

    @property
    def bucket(self) -> str:
        """The text that limits are counted under."""
        return bucket(self.address)


def client_of(request: HttpRequest, *, trusted_proxies: int, device: str = "") -> Client:
    """Read the client of a request; ``device`` is the name the client gave itself."""
    peer = request.META.get("REMOTE_ADDR", "")
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    address = client_address(peer, forwarded, trusted_proxies=trusted_proxies)
    if address is None:
        _warn_once("no client address: all callers share one bucket of the limits; set TRUSTED_PROXY_COUNT")
    elif forwarded and not trusted_proxies and not address.is_global:
        _warn_once("a private peer sent X-Forwarded-For, but SECURELOGIN['TRUSTED_PROXY_COUNT'] is 0")
    return Client(
        address,
        plain_text(request.META.get("HTTP_USER_AGENT", ""), MAX_USER_AGENT),
        plain_text(device, MAX_DEVICE),
        request,
    )


def client_address(peer: str, forwarded: str, *, trusted_proxies: int) -> Address | None:
    """Return the address that the outermost of our own proxies saw.

    Each of them appends one entry to ``X-Forwarded-For``, so the entry counted from the right by their number is
    theirs; what stands left of it is the client's own word. Too few or malformed entries leave the peer's address.
    """
    if trusted_proxies:
        entries = forwarded.split(",")
        if len(entries) >= trusted_proxies and (address := read(entries[-trusted_proxies])):
            return address
    return read(peer)


def read(text: str) -> Address | None:
    """Read an address, with or without a port; an IPv4 address in an IPv6 one is the IPv4 address."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def bucket(address: Address | None) -> str:
    """Return what limits are counted under: the address, the /64 of an IPv6 address, or one word for none."""
    if address is None:
        return UNKNOWN
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return str(address)


def plain_text(text: str, length: int) -> str:
    """Return at most ``length`` printable characters; others become ``?``, so that no log line or NUL gets through."""
    text = text[:length]
    return text if text.isprintable() else "".join(char if char.isprintable() else "?" for char in text)


@lru_cache(maxsize=8)
def _warn_once(message: str) -> None:
    logger.warning(message)
