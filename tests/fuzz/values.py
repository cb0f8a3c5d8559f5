"""Values of fields: good ones by what the contract says of them, and their edges."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from nacl.signing import SigningKey

from dcep.bounds.v1 import bounds_pb2
from runtime.bounds import Bounds, known_values, of
from runtime.pagination import encode_token

_NUMBERS = (0, -1, 1, 2, 1 << 31, (1 << 31) - 1, 1 << 53, (1 << 53) - 1, (1 << 62), (1 << 63) - 1)
_STRANGE = ("\0", "\n", "\u202e", "\u2066", "é", "\U0001f600", " ", "６", "%s", "'; --", "-", "١")
_SIGNED = (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_ENUM)
_WIDE = (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT64)
_MOST = 40_000
"""Characters or bytes of a value at most, but for one that has to be too long."""


@dataclass
class Pools:
    """What is there: values with which a request gets further than the first check."""

    wallets: list[str] = field(default_factory=list)
    banks: list[str] = field(default_factory=list)
    request_ids: list[str] = field(default_factory=list)
    payment_ids: list[str] = field(default_factory=list)


class Values:
    """Draws values from a seed."""

    def __init__(self, random: Random, pools: Pools) -> None:
        self._random = random
        self._pools = pools

    def good(self, field: FieldDescriptor) -> Any:
        """A value within the bounds of a field, or of one of its items."""
        if field.type == FieldDescriptor.TYPE_BOOL:
            return self._random.random() < 0.5
        bounds = of(field)
        if field.enum_type is not None:
            return self._random.choice(sorted(known_values(field)))
        if field.type == FieldDescriptor.TYPE_STRING:
            return self._text(field.name, bounds)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return self._bytes(field.name, bounds)
        return self._random.randint(bounds.min, min(bounds.max, bounds.min + 500))

    def edge(self, field: FieldDescriptor) -> Any:
        """A value at an edge of a field's bounds or beyond it, that its type can carry."""
        if field.type == FieldDescriptor.TYPE_BOOL:
            return self._random.random() < 0.5
        bounds = of(field)
        if field.type == FieldDescriptor.TYPE_STRING:
            return self._edge_text(bounds)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return self._edge_bytes(bounds)
        edges = [*_NUMBERS, bounds.min - 1, bounds.min, bounds.max, bounds.max + 1, -(1 << 63)]
        edges += [77, (1 << 64) - 1, 253_402_300_800_000]
        bits = 64 if field.type in _WIDE else 32
        low, high = 0, (1 << bits) - 1
        if field.type in _SIGNED:
            low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
        return self._random.choice([edge for edge in edges if low <= edge <= high])

    def _text(self, name: str, bounds: Bounds) -> str:
        draw = self._random
        pool = self._pool(name)
        if pool and draw.random() < 0.95:
            return draw.choice(pool)
        if bounds.pattern or name == "request_id":
            return _like(name, draw)
        alphabet = string.digits
        if bounds.characters != bounds_pb2.CHARACTERS_DIGITS:
            alphabet = string.ascii_letters + string.digits + " -"
        most = min(bounds.max_length, 20)
        length = draw.randint(min(max(bounds.min_length, 1), most), most)
        length = max(length, bounds.min_length)
        return "".join(draw.choice(alphabet) for _ in range(length))

    def _pool(self, name: str) -> Sequence[str]:
        pools = self._pools
        if name in ("wallet_number", "payee_number", "payer_number", "wallet_numbers"):
            return pools.wallets
        if name == "page_token":
            numbers = [
                self._random.randint(-5, 1 << 62) for _ in range(self._random.choice([1, 2]))
            ]
            return ["", encode_token(*numbers)]
        found = {
            "bank": pools.banks,
            "institution": pools.banks,
            "request_id": pools.request_ids[-20:] if self._random.random() < 0.4 else [],
            "payment_id": pools.payment_ids,
            # What is said of a bank by its name alone suspends it: not of those that go on.
            "name": ["delta", "omega"],
            "bank_address": ["alpha", "127.0.0.1:1"],
        }
        return found.get(name, ())

    def _bytes(self, name: str, bounds: Bounds) -> bytes:
        if name.endswith("key"):
            return bytes(SigningKey(self._random.randbytes(32)).verify_key)
        least = bounds.min_bytes or 1
        if bounds.characters == bounds_pb2.CHARACTERS_ASCII:
            return bytes(self._random.choices(b"0123456789abcdef", k=least))
        most = min(bounds.max_bytes, max(200, least))
        return self._random.randbytes(self._random.randint(least, most))

    def _edge_text(self, bounds: Bounds) -> str:
        draw, most = self._random, min(bounds.max_length, _MOST)
        return draw.choice((
            "", "1", "1" * most, "1" * (most + 1), "é" * most, "\U0001f600" * most, "x" * 40_000,
            draw.choice(_STRANGE), "1" * max(most - 1, 0) + draw.choice(_STRANGE),
        ))  # fmt: skip

    def _edge_bytes(self, bounds: Bounds) -> bytes:
        draw, most = self._random, min(bounds.max_bytes, _MOST)
        lengths = (0, 1, 31, 32, 33, 63, 64, 65, max(most - 1, 0), most, most + 1)
        fill = draw.choice((b"\0", b"\xff", b"\x01", b"1"))
        return draw.choice((fill * draw.choice(lengths), draw.randbytes(draw.choice(lengths))))


def _like(name: str, draw: Random) -> str:
    """A text of the pattern that fields of this name have."""
    if name in ("request_id", "act_id"):
        digits = draw.randbytes(16).hex()
        cuts = (0, 8, 12, 16, 20, 32)
        return "-".join(digits[a:b] for a, b in zip(cuts, cuts[1:], strict=False))
    if name == "phone":
        return f"+86 {draw.randrange(10**10, 10**11)}"
    if name == "certificate_fingerprint":
        return draw.randbytes(32).hex()
    if name == "alias":
        return draw.choice([f"+86{draw.randrange(10**10, 10**11)}", f"@name{draw.randrange(99)}"])
    if name == "request_to_pay_id":
        return f"{draw.randrange(10**16):016d}-{draw.randbytes(16).hex()}"
    if name == "inner_address":
        return "127.0.0.1:1"
    return "".join(draw.choice(string.ascii_lowercase) for _ in range(8))
