"""Tests of securelogin.addresses: who calls, as far as trusted hops tell."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import pytest
from django.test import RequestFactory
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from securelogin import addresses
from securelogin.addresses import MAX_DEVICE, MAX_USER_AGENT, UNKNOWN, Client

PEER = "192.0.2.1"

NOT_ADDRESSES: list[Any] = [
    "",
    " ",
    "unknown",
    "_hidden",
    "localhost",
    "192.0.2",
    "192.0.2.256",
    "192.0.2.010",
    "0x7f.1",
    "2130706433",
    "192.0.2.1.2",
    "192.0.2.1/32",
    "192.0.2.1:80:80",
    "::ffff:192.0.2.1:80",
    ":::",
    "2001:db8::g",
    "2001:db8:::1",
    "[",
    "[]",
    "[]:80",
    "]",
    "\u0661\u0669\u0662.\u0660.\u0662.\u0661",
    "\uff11\uff19\uff12.0.2.1",
    "192.0.2.1\x00",
    "\ud800",
    "for=192.0.2.1",
    '"192.0.2.1"',
    pytest.param("a" * 10_000, id="ten kilobytes"),
]

ipv4 = st.ip_addresses(v=4)
ipv6 = st.ip_addresses(v=6)


@pytest.fixture(autouse=True)
def _unwarned() -> Iterator[None]:
    """Let each test see the warnings that a process gives once."""
    addresses._warn_once.cache_clear()
    yield
    addresses._warn_once.cache_clear()


def _client(**meta: str) -> Client:
    """Read the client of a request with these variables, no proxy trusted."""
    return addresses.client_of(RequestFactory().get("/", **meta), trusted_proxies=0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("192.0.2.1:443", "192.0.2.1"),
        ("192.0.2.1:", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:443", "fe80::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:c000:201", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:443", "192.0.2.1"),
        ("::1", "::1"),
    ],
)
def test_address_is_read_however_it_is_written(text: str, address: str) -> None:
    """Ports, brackets, zones and the IPv6 form of an IPv4 address make no other client of one."""
    assert addresses.read(text) == ip_address(address)


@pytest.mark.parametrize("text", NOT_ADDRESSES)
def test_other_texts_are_no_address(text: str) -> None:
    """What is no address is None, and no error."""
    assert addresses.read(text) is None


@settings(max_examples=200, deadline=None)
@given(ipv4 | ipv6, st.integers(0, 65535))
def test_every_address_is_read_with_and_without_a_port(address: IPv4Address | IPv6Address, port: int) -> None:
    """All addresses there are can be read back from what proxies write."""
    mapped = getattr(address, "ipv4_mapped", None)
    bracketed = f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
    assert addresses.read(str(address)) == addresses.read(bracketed) == (mapped or address)
    if isinstance(address, IPv6Address):
        assert addresses.read(address.exploded.upper()) == (mapped or address)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.text("0123456789abcdef:.[]%, ", max_size=60), st.integers(0, 3))
def test_no_header_is_an_error(text: str, trusted: int) -> None:
    """Whatever a header says, the answer is an address: one of its own, or the peer's."""
    assert addresses.client_address(PEER, text, trusted_proxies=trusted) is not None
    addresses.read(text)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80), st.lists(ipv4 | ipv6, min_size=1, max_size=4))
def test_what_the_client_wrote_itself_changes_nothing(prefix: str, hops: list[IPv4Address | IPv6Address]) -> None:
    """Our proxies append to the header; whatever stands left of their entries is the client's own word."""
    ours = ", ".join(map(str, hops))
    seen = addresses.client_address(PEER, ours, trusted_proxies=len(hops))
    assert seen == addresses.read(str(hops[0]))
    assert addresses.client_address(PEER, f"{prefix},{ours}", trusted_proxies=len(hops)) == seen


@pytest.mark.parametrize(
    ("forwarded", "trusted", "address"),
    [
        ("", 0, PEER),
        ("203.0.113.9", 0, PEER),
        ("203.0.113.9, 203.0.113.8", 0, PEER),
        ("203.0.113.9", 1, "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", 1, "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", 2, "198.51.100.1"),
        ("198.51.100.1,203.0.113.9,203.0.113.8", 2, "203.0.113.9"),
        ("203.0.113.9:5000, [2001:db8::1]:443", 1, "2001:db8::1"),
        # Less than our proxies would have written, or nothing that is an address: the peer is all we know.
        ("", 1, PEER),
        ("203.0.113.9", 2, PEER),
        ("unknown", 1, PEER),
        ("203.0.113.9,", 1, PEER),
        ("203.0.113.9, ,", 2, PEER),
        ("203.0.113.9, _hidden", 1, PEER),
    ],
)
def test_address_is_the_one_our_outermost_proxy_saw(forwarded: str, trusted: int, address: str) -> None:
    """Counted from the right by the number of our proxies; without them the header is not looked at."""
    assert addresses.client_address(PEER, forwarded, trusted_proxies=trusted) == ip_address(address)


@pytest.mark.parametrize("peer", ["", "unix:", "localhost"])
def test_peer_without_an_address_is_nobody(peer: str) -> None:
    """A unix socket tells no address; a trusted proxy behind it does."""
    assert addresses.client_address(peer, "", trusted_proxies=0) is None
    assert addresses.client_address(peer, "203.0.113.9", trusted_proxies=1) == ip_address("203.0.113.9")


@settings(max_examples=200, deadline=None)
@given(ipv6, st.integers(0, 2**64 - 1), st.integers(0, 63))
def test_bucket_of_ipv6_is_the_64(address: IPv6Address, host: int, bit: int) -> None:
    """A household has all of its /64, so that it is one caller; the next /64 is another."""
    network = int(address) >> 64
    assume(network)  # below is the IPv6 form of IPv4 addresses
    neighbour = IPv6Address((network << 64) | host)
    stranger = IPv6Address(((network ^ (1 << bit)) << 64) | host)
    assert addresses.bucket(address) == addresses.bucket(neighbour) != addresses.bucket(stranger)


@settings(max_examples=100, deadline=None)
@given(ipv4, ipv4)
def test_bucket_of_ipv4_is_the_address(one: IPv4Address, other: IPv4Address) -> None:
    """Each IPv4 address is one caller, in its IPv6 form too."""
    assert (addresses.bucket(one) == addresses.bucket(other)) == (one == other)
    assert addresses.bucket(addresses.read(f"::ffff:{one}")) == addresses.bucket(one)


def test_callers_without_an_address_share_a_bucket(caplog: pytest.LogCaptureFixture) -> None:
    """They are counted together rather than not at all, and the log says once what to set."""
    with caplog.at_level(logging.WARNING):
        clients = [_client(REMOTE_ADDR="") for _ in range(3)]
    assert {client.bucket for client in clients} == {UNKNOWN}
    assert [("TRUSTED_PROXY_COUNT" in record.getMessage()) for record in caplog.records] == [True]


def test_headers_of_a_stranger_are_not_believed() -> None:
    """None of the headers that some proxy somewhere sets chooses the bucket."""
    liars = [
        _client(REMOTE_ADDR="198.51.100.7", **{name: f"203.0.113.{number}"})
        for number, name in enumerate(
            [
                *["HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_TRUE_CLIENT_IP"],
                *["HTTP_CF_CONNECTING_IP", "HTTP_X_CLIENT_IP", "HTTP_CLIENT_IP", "HTTP_X_CLUSTER_CLIENT_IP"],
            ]
        )
    ]
    assert {client.bucket for client in liars} == {"198.51.100.7"}


@pytest.mark.parametrize(("peer", "warnings"), [("10.0.0.5", 1), ("127.0.0.1", 1), ("fd00::1", 1), ("8.8.8.8", 0)])
def test_proxy_that_nobody_counted_is_told_of_once(peer: str, warnings: int, caplog: pytest.LogCaptureFixture) -> None:
    """A private peer that forwards is most likely a proxy, behind which all clients would be one."""
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            _client(REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR="203.0.113.9")
    assert [("TRUSTED_PROXY_COUNT" in record.getMessage()) for record in caplog.records] == [True] * warnings
    assert "203.0.113.9" not in caplog.text


def test_client_keeps_what_fits() -> None:
    """Names of browsers and devices are cut to their columns and hold nothing that a log or a page would act on."""
    request = RequestFactory().get("/", headers={"user-agent": "Fire\x1b[31mfox\r\n" + "x" * 1000})
    client = addresses.client_of(request, trusted_proxies=0, device="Ada's \x00phone\u202e" + "y" * 1000)
    assert client.user_agent == ("Fire?[31mfox??" + "x" * 1000)[:MAX_USER_AGENT]
    assert client.device == ("Ada's ?phone?" + "y" * 1000)[:MAX_DEVICE]
    assert client.request is request


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=50), st.integers(0, 40))
def test_plain_text_is_printable_and_short(text: str, length: int) -> None:
    """No line end, escape sequence, NUL, surrogate or change of direction gets through."""
    plain = addresses.plain_text(text, length)
    assert len(plain) == min(len(text), length)
    assert plain.isprintable()
    assert plain.encode().decode() == plain


def test_repr_of_a_client_tells_no_header() -> None:
    """A request has the bearer token in its headers."""
    request = RequestFactory().get("/", headers={"authorization": "Bearer hunter2"})
    assert "hunter2" not in repr(addresses.client_of(request, trusted_proxies=0))
