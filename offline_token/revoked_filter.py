"""A set of revoked devices that takes about four bits for each and never misses one.

Of the devices that are not in the set it matches one in 2**bits by chance. This is a ribbon filter
(P. C. Dillinger and S. Walzer, "Ribbon filter: practically smaller than Bloom and Xor", 2021).
Every name stands for an equation over 128 neighbouring bits of a bit string, and the bits are
chosen so that the equations of all names in the set hold. docs/explanation/offline_token.md
specifies the bytes.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple, Self

from offline_token.formats import FormatError, tagged
from offline_token.limits import MAX_FILTER_BITS

SALT_BYTES = 16
_WIDTH = 128
_HEAD = struct.Struct(f">2s{SALT_BYTES}sBI")
_HASH = struct.Struct(">Q16s4s4x")
_KIND = b"F1"
_FIRST = 1 << (_WIDTH - 1)
_TRIES = 16
"""With as many fresh salts, before the bit string is made longer: most of the first ones do."""


class _Equation(NamedTuple):
    """A name's equation: the bits that `coefficients` pick from `start` on sum up to `value`."""

    start: int
    coefficients: int
    value: int


@dataclass(frozen=True)
class RevokedFilter:
    """The revoked devices that a trust bundle no longer lists one by one.

    Attributes:
        salt: drawn after the names are known, so that nobody can choose names which make the
            filter match somebody else's device.
        starts: the number of bits at which an equation may start.
        planes: a bit string for each bit of an entry.
    """

    salt: bytes
    starts: int
    planes: tuple[bytes, ...]

    def has(self, name: bytes) -> bool:
        """Whether a name is in the set; also true of one in 2**bits others."""
        start, coefficients, value = _equation(self.salt, self.starts, name)
        first, last = start // 8, (start + _WIDTH - 1) // 8 + 1
        shift = last * 8 - start - _WIDTH
        for plane in self.planes:
            window = int.from_bytes(plane[first:last], "big") >> shift
            if (window & coefficients).bit_count() & 1 != value & 1:
                return False
            value >>= 1
        return True

    def encode(self) -> bytes:
        """Encodes the filter."""
        head = _HEAD.pack(_KIND, self.salt, len(self.planes), self.starts)
        return head + b"".join(self.planes)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Decodes a filter; reading and asking cost by its length alone. Raises FormatError."""
        if len(data) < _HEAD.size:
            raise FormatError("filter: cut short")
        kind, salt, bits, starts = _HEAD.unpack(data[: _HEAD.size])
        if kind != _KIND or not 1 <= bits <= MAX_FILTER_BITS or not starts:
            raise FormatError("filter: of another kind, or without entries")
        size = _plane_bytes(starts)
        if len(data) != _HEAD.size + bits * size:
            raise FormatError("filter: not the length that its head says")
        planes = (data[at : at + size] for at in range(_HEAD.size, len(data), size))
        return cls(salt, starts, tuple(planes))


def bits_within(names: int, most_bytes: int) -> int:
    """How many bits an entry may have when so many names must fit into so many bytes; 0 if none.

    Each further bit halves the number of honest devices that the filter matches.
    """
    room = (most_bytes - _HEAD.size) // _plane_bytes(_starts(names, _TRIES))
    return max(0, min(room, MAX_FILTER_BITS))


def build_filter(
    names: Collection[bytes], bits: int, random_bytes: Callable[[int], bytes]
) -> RevokedFilter:
    """Builds the filter of these names; 100,000 of them take about a second.

    Args:
        names: as `Certificate.revocation` gives them, each once.
        bits: of an entry, 1 to `MAX_FILTER_BITS`; see `bits_within`.
        random_bytes: returns so many random bytes, for the salt.
    """
    tries = 0
    while True:
        starts, salt = _starts(len(names), tries), random_bytes(SALT_BYTES)
        rows = _eliminated([_equation(salt, starts, name) for name in names], starts)
        if rows is not None:
            return RevokedFilter(salt, starts, _solved(rows, bits))
        tries += 1


def _starts(names: int, tries: int) -> int:
    return names + names // 25 + names // 100 * (tries // _TRIES) + 1


def _plane_bytes(starts: int) -> int:
    return (starts + _WIDTH + 6) // 8


def _equation(salt: bytes, starts: int, name: bytes) -> _Equation:
    digest = hashlib.sha256(tagged("filter/v1", salt + name)).digest()
    place, coefficients, value = _HASH.unpack(digest)
    picked = int.from_bytes(coefficients, "big") | _FIRST
    return _Equation(place * starts >> 64, picked, int.from_bytes(value, "big"))


def _eliminated(equations: list[_Equation], starts: int) -> list[tuple[int, int]] | None:
    """Gaussian elimination: for each bit the coefficients and value of its equation, or 0.

    Returns None when two equations contradict each other.
    """
    rows = [(0, 0)] * (starts + _WIDTH - 1)
    for start, coefficients, value in sorted(equations):
        while rows[start][0]:
            known, its = rows[start]
            coefficients, value = coefficients ^ known, value ^ its
            if not coefficients:
                break
            ahead = _WIDTH - coefficients.bit_length()
            coefficients, start = coefficients << ahead, start + ahead
        if coefficients:
            rows[start] = (coefficients, value)
        elif value:
            return None
    return rows


def _solved(rows: list[tuple[int, int]], bits: int) -> tuple[bytes, ...]:
    """Solves for the bit strings by back substitution."""
    size = (len(rows) + 7) // 8
    planes = []
    for plane in range(bits):
        window, found = 0, bytearray(size)
        for at in range(len(rows) - 1, -1, -1):
            coefficients, value = rows[at]
            window >>= 1
            if coefficients and (window & coefficients).bit_count() & 1 != value >> plane & 1:
                window |= _FIRST
                found[at >> 3] |= 128 >> (at & 7)
        planes.append(bytes(found))
    return tuple(planes)
