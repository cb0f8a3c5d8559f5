"""The group ristretto255 (RFC 9496), written multiplicatively; scalars are integers."""

from __future__ import annotations

import hashlib
import secrets

import rbcl

ORDER = 2**252 + 27742317777372353535851937790883648493
POINT_BYTES = SCALAR_BYTES = 32

Point = bytes


class NotInGroup(Exception):
    """Some bytes are no element of the group, or the neutral one, or no scalar below the order."""


def random_scalar() -> int:
    """A number from 1 to the order less one."""
    return 1 + secrets.randbelow(ORDER - 1)


def power(base: Point, exponent: int) -> Point:
    """An element to a power; raises NotInGroup for no element, or if the result is neutral."""
    try:
        return bytes(rbcl.crypto_scalarmult_ristretto255(encoded(exponent), base))
    except (RuntimeError, TypeError, ValueError) as error:
        raise NotInGroup(str(error)) from None


def times(*points: Point) -> Point:
    """The product of elements; raises NotInGroup when one is no element."""
    product = points[0]
    try:
        for point in points[1:]:
            product = bytes(rbcl.crypto_core_ristretto255_add(product, point))
    except (RuntimeError, TypeError, ValueError) as error:
        raise NotInGroup(str(error)) from None
    return product


def generator(name: str) -> Point:
    """An element made from a name, so that nobody knows its logarithm to another one."""
    digest = hashlib.sha512(b"dcep-one-show/generator:" + name.encode()).digest()
    return bytes(rbcl.crypto_core_ristretto255_from_hash(digest))


def hashed(tag: str, *parts: bytes) -> int:
    """A scalar from SHA-512 over a tag and some parts, each with its length."""
    digest = hashlib.sha512(b"dcep-one-show/" + tag.encode())
    for part in parts:
        digest.update(len(part).to_bytes(4, "big") + part)
    return int.from_bytes(digest.digest(), "little") % ORDER


def inverse(scalar: int) -> int:
    """The inverse of a scalar."""
    return pow(scalar, -1, ORDER)


def encoded(scalar: int) -> bytes:
    """A scalar as 32 bytes, little-endian."""
    return (scalar % ORDER).to_bytes(SCALAR_BYTES, "little")


def decoded(data: bytes) -> int:
    """A scalar from 32 bytes; raises NotInGroup when it is not below the order."""
    scalar = int.from_bytes(data, "little")
    if len(data) != SCALAR_BYTES or scalar >= ORDER:
        raise NotInGroup("no scalar")
    return scalar
