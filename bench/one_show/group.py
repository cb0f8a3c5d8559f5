"""The group ristretto255 (RFC 9496), written as multiplication; scalars are numbers."""

from __future__ import annotations

import hashlib
import secrets

import rbcl

ORDER = 2**252 + 27742317777372353535851937790883648493
POINT_BYTES = SCALAR_BYTES = 32

Point = bytes


class NotInGroup(Exception):
    """Bytes that are no element of the group, or the neutral one, or no scalar below the order."""


def random_scalar() -> int:
    """A number from 1 to the order less one."""
    return 1 + secrets.randbelow(ORDER - 1)


def power(base: Point, exponent: int) -> Point:
    """Raises NotInGroup for what is no element, and when neutral comes out of it."""
    try:
        return bytes(rbcl.crypto_scalarmult_ristretto255(encoded(exponent), base))
    except (RuntimeError, TypeError, ValueError) as error:
        raise NotInGroup(str(error)) from None


def times(*points: Point) -> Point:
    """The product. Raises NotInGroup."""
    product = points[0]
    try:
        for point in points[1:]:
            product = bytes(rbcl.crypto_core_ristretto255_add(product, point))
    except (RuntimeError, TypeError, ValueError) as error:
        raise NotInGroup(str(error)) from None
    return product


def generator(name: str) -> Point:
    """An element of which nobody knows the logarithm to another one."""
    digest = hashlib.sha512(b"dcep-one-show/generator:" + name.encode()).digest()
    return bytes(rbcl.crypto_core_ristretto255_from_hash(digest))


def hashed(tag: str, *parts: bytes) -> int:
    """A scalar that nobody can choose; each part counts with its length."""
    digest = hashlib.sha512(b"dcep-one-show/" + tag.encode())
    for part in parts:
        digest.update(len(part).to_bytes(4, "big") + part)
    return int.from_bytes(digest.digest(), "little") % ORDER


def inverse(scalar: int) -> int:
    """1 / scalar."""
    return pow(scalar, -1, ORDER)


def encoded(scalar: int) -> bytes:
    """32 bytes, little-endian."""
    return (scalar % ORDER).to_bytes(SCALAR_BYTES, "little")


def decoded(data: bytes) -> int:
    """Raises NotInGroup for a number that is not below the order."""
    scalar = int.from_bytes(data, "little")
    if len(data) != SCALAR_BYTES or scalar >= ORDER:
        raise NotInGroup("no scalar")
    return scalar
