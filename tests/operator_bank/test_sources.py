"""Ports and connections make no new source; an IPv6 address stands for its /64."""

from __future__ import annotations

import pytest

from runtime.sources import source_of


@pytest.mark.parametrize(
    ("peer", "source"),
    [
        ("ipv4:192.0.2.1:4711", "192.0.2.1"),
        ("ipv4:192.0.2.1:4712", "192.0.2.1"),
        ("ipv6:%5B2001:db8:1:2:3:4:5:6%5D:4711", "2001:db8:1:2::/64"),
        ("ipv6:[2001:db8:1:2:ffff::1]:80", "2001:db8:1:2::/64"),
        ("ipv6:%5Bfe80::1%25eth0%5D:80", "fe80::/64"),
        ("ipv6:%5B::ffff:192.0.2.1%5D:4711", "192.0.2.1"),
        ("ipv6:%5B::1%5D:4711", "::/64"),
        ("unix:/tmp/socket", "elsewhere"),
        ("", "elsewhere"),
    ],
)
def test_a_source(peer: str, source: str) -> None:
    assert source_of(peer) == source
