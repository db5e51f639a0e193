"""B6 and B7: whose address a call is counted under, whatever its headers and its spelling say."""

from __future__ import annotations

import random
from ipaddress import IPv6Address
from typing import Any

import pytest

from securelogin.models import Counter
from tests.api.refusals import TOO_MANY_REQUESTS, refusal_of

from .calls import ask, configure, number

pytestmark = pytest.mark.django_db

PROXY = "10.0.0.1"
LIMIT = 20
"""Asks of one address in an hour, by default."""

CLAIMS = [
    *["HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_TRUE_CLIENT_IP", "HTTP_CF_CONNECTING_IP"],
    *["HTTP_X_CLIENT_IP", "HTTP_CLIENT_IP", "HTTP_X_CLUSTER_CLIENT_IP", "HTTP_FORWARDED_FOR", "HTTP_VIA"],
]


def claimed(index: int) -> str:
    """Return one of many addresses that nobody has."""
    return f"203.0.113.{index % 250 + 1}"


def test_claims_of_a_stranger_change_nothing() -> None:
    """Of a hundred asks that each name another address, in every header there is, twenty pass (B6)."""
    statuses = [
        ask(
            number(index), **{name: f"for={claimed(index)}" if name == "HTTP_FORWARDED" else claimed(index)}
        ).status_code
        for index in range(100)
        for name in [CLAIMS[index % len(CLAIMS)]]
    ]
    assert statuses == [200] * LIMIT + [429] * 80


def test_proxy_is_believed_about_its_own_hop_only(settings: Any) -> None:
    """It appends what it saw; whatever the caller wrote before that buys nothing, and costs nobody else (B6)."""
    configure(settings, TRUSTED_PROXY_COUNT=1)
    statuses = [
        ask(number(index), address=PROXY, HTTP_X_FORWARDED_FOR=f"{claimed(index)}, 198.51.100.7").status_code
        for index in range(100)
    ]
    assert statuses == [200] * LIMIT + [429] * 80
    assert Counter.objects.filter(key__startswith="login_ip:").count() == 1
    other = ask(number(101), address=PROXY, HTTP_X_FORWARDED_FOR="198.51.100.7, 198.51.100.8")
    assert other.status_code == 200


BROKEN = [
    *["", ",", " ", "unknown", "_hidden", "203.0.113.9,", "999.1.1.1", "203.0.113.9;DROP", "[", "::1]:", "a" * 8000],
    *["203.0.113", "0x7f000001", "2130706433", "127.1", "é", "\x00", "%00", "for=203.0.113.9", "203.0.113.9 10.0.0.2"],
    *["::ffff:999.1.1.1", "1:2:3:4:5:6:7:8:9", "/32", "203.0.113.0/24"],
]


def test_broken_header_leaves_the_proxys_address(settings: Any) -> None:
    """What is no address is no error and no bucket of its own: such calls share the proxy's (B6)."""
    configure(settings, TRUSTED_PROXY_COUNT=1, LIMITS={"login_ip": f"{len(BROKEN)}/hour"})
    for index, header in enumerate(BROKEN):
        assert ask(number(index), address=PROXY, HTTP_X_FORWARDED_FOR=header).status_code == 200, header
    assert refusal_of(ask(number(99), address=PROXY)) == TOO_MANY_REQUESTS


def spelled(host: IPv6Address, index: int) -> str:
    """Write an address in one of four ways."""
    return [str(host), host.exploded, host.exploded.upper(), f"[{host}]:{1000 + index}"][index % 4]


@pytest.mark.parametrize("is_forwarded", [False, True], ids=["peer", "forwarded"])
def test_hosts_of_one_64_are_one_caller(settings: Any, is_forwarded: bool) -> None:
    """A hundred of them, however written, have twenty asks together; the next /64 has its own (B7)."""
    configure(settings, TRUSTED_PROXY_COUNT=int(is_forwarded))
    draw = random.Random(64)  # noqa: S311 - a test that fails fails again

    def call(index: int, network: str) -> int:
        host = IPv6Address(int(IPv6Address(network)) | draw.getrandbits(64))
        if is_forwarded:
            return int(ask(number(index), address=PROXY, HTTP_X_FORWARDED_FOR=spelled(host, index)).status_code)
        return int(ask(number(index), address=spelled(host, index % 3)).status_code)

    assert [call(index, "2001:db8:1:2::") for index in range(100)] == [200] * LIMIT + [429] * 80
    assert call(101, "2001:db8:1:3::") == 200


def test_address_in_its_ipv6_form_is_the_same_caller() -> None:
    """``::ffff:192.0.2.1`` is 192.0.2.1 in any spelling (B7)."""
    forms = ["192.0.2.1", "::ffff:192.0.2.1", "::FFFF:192.0.2.1", "::ffff:c000:201", "0:0:0:0:0:ffff:192.0.2.1"]
    statuses = [ask(number(index), address=forms[index % len(forms)]).status_code for index in range(30)]
    assert statuses == [200] * LIMIT + [429] * 10
