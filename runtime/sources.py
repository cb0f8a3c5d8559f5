"""Says which source a call comes from, so that each source gets its share."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from urllib.parse import unquote


@lru_cache(maxsize=8_192)
def source_of(peer: str) -> str:
    """The source of a call: an IPv4 address, or the /64 of an IPv6 one.

    The holder of an IPv6 address has all of its /64. Other ports and connections are no new source.

    Args:
        peer: as gRPC names it, ``ipv4:192.0.2.1:4711`` or ``ipv6:%5B2001:db8::1%5D:4711``.
    """
    return source_of_address(unquote(peer).partition(":")[2].rpartition(":")[0].strip("[]"))


@lru_cache(maxsize=8_192)
def source_of_address(host: str) -> str:
    """The source that an address belongs to; "elsewhere" for what is no IP address."""
    host = host.partition("%")[0]
    try:
        address = ip_address(host)
    except ValueError:
        return "elsewhere"
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{IPv6Address(int(address) >> 64 << 64)}/64"


def end_of(host: str, port: int) -> tuple[str, int]:
    """The address and port of a connection's other end, in one spelling."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host, port
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address), port


@lru_cache(maxsize=8_192)
def end_of_peer(peer: str) -> tuple[str, int]:
    """As `end_of`, for a peer as gRPC names it; port 0 when it has none."""
    host, _, port = unquote(peer).partition(":")[2].rpartition(":")
    return end_of(host.strip("[]"), int(port) if port.isdigit() else 0)
