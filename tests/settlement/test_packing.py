"""A journal row's body: what goes in comes out, and has the bytes that are written down."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from settlement.packing import pack, unpack
from settlement.records import RECORD
from settlement.rule import RULE_VERSION

SPREADS = st.sampled_from([0, 1, 255, 256, 65_535, 65_536, (1 << 32) - 1, 1 << 32, (1 << 64) - 1])


def packed_by_hand(
    columns: list[list[int]], notes: list[bytes] | None, signatures: list[bytes] | None
) -> bytes:
    """The format in plain Python: a header, each column, the notes, the signatures."""

    def column(values: list[int]) -> bytes:
        low = min(values)
        width = next(w for w in (0, 1, 2, 4, 8) if max(values) - low < 1 << (8 * w))
        shifted = b"".join((value - low).to_bytes(width, "little") for value in values)
        return struct.pack("<QB", low, width) + shifted

    count = len(columns[0])
    body = struct.pack("<BHI", 4, RULE_VERSION, count) + b"".join(map(column, columns))
    body += b"\0" if notes is None else b"\1" + column([len(note) for note in notes])
    body += b"".join(notes or [])
    if signatures is None:
        return body + b"\0"
    mask = "".join("1" if signature else "0" for signature in signatures).ljust(
        -(-count // 8) * 8, "0"
    )
    return body + b"\1" + int(mask, 2).to_bytes(len(mask) // 8, "big") + b"".join(signatures)


def unsigned(values: np.ndarray) -> list[int]:
    found: list[int] = np.ascontiguousarray(values).view(f"<u{values.dtype.itemsize}").tolist()
    return found


@settings(deadline=None)  # the first call compiles
@given(
    st.integers(1, 300),
    st.randoms(use_true_random=False),
    SPREADS,
    st.booleans(),
    st.sampled_from([None, 0.0, 0.5, 1.0]),
)
def test_what_goes_in_comes_out_in_these_bytes(
    count: int, chance: object, spread: int, noted: bool, signed: float | None
) -> None:
    random = np.random.default_rng(chance.getrandbits(32))  # type: ignore[attr-defined]

    def some(kind: np.dtype) -> np.ndarray:
        bits = 8 * kind.itemsize
        most = min(spread, (1 << bits) - 1)
        low = (
            int(random.integers(0, (1 << bits) - most, dtype=np.uint64, endpoint=False))
            if most < (1 << bits) - 1
            else 0
        )
        drawn = random.integers(0, most, count, dtype=np.uint64, endpoint=True)
        return (drawn + np.uint64(low)).astype(f"<u{kind.itemsize}").view(kind)

    records = np.zeros(count, RECORD)
    for name in RECORD.names or ():
        records[name] = some(records[name].dtype)
    results, details = some(np.dtype("u1")), some(np.dtype("<u8"))
    notes = [random.bytes(int(random.integers(0, 300))) for _ in range(count)] if noted else None
    signatures = None
    if signed is not None:
        signatures = [random.bytes(64) if random.random() < signed else b"" for _ in range(count)]

    body = pack(records, results, details, notes, signatures)

    columns = [unsigned(records[name]) for name in RECORD.names or ()]
    assert body == packed_by_hand(
        [*columns, unsigned(results), unsigned(details)], notes, signatures
    )
    again = unpack(body)
    assert again[0].tobytes() == records.tobytes()
    assert again[1].tobytes() == results.tobytes()
    assert again[2].tobytes() == details.tobytes()
    assert again[3] == notes
    assert again[4] == signatures
    assert unpack(body, signed=False)[4] is None


@pytest.mark.parametrize("cut", [0, 1, 4, 5, 13, 14, 60, 130, 139])
def test_a_body_that_is_cut_short_is_said_to_be(cut: int) -> None:
    records = np.zeros(2, RECORD)
    records["sequence"] = [1, 70_000]
    body = pack(records, np.ones(2, np.uint8), np.zeros(2, np.uint64), None)
    with pytest.raises(ValueError, match="cut short"):
        unpack(body[:cut])


@pytest.mark.parametrize("left", [0, 1, 63, 64, 127])
def test_signatures_that_are_cut_short_are_said_to_be(left: int) -> None:
    records, results, details = np.zeros(2, RECORD), np.zeros(2, np.uint8), np.zeros(2, np.uint64)
    body = pack(records, results, details, [b"a", b""], [bytes(64), bytes(64)])
    with pytest.raises(ValueError, match="cut short"):
        unpack(body[: len(body) - 129 + left])


def test_a_body_of_another_version_is_refused() -> None:
    body = pack(np.zeros(1, RECORD), np.ones(1, np.uint8), np.zeros(1, np.uint64), None)
    with pytest.raises(ValueError, match="version 9"):
        unpack(b"\x09" + body[1:])


def test_a_body_that_another_rule_decided_is_refused_with_what_to_do() -> None:
    body = pack(np.zeros(1, RECORD), np.ones(1, np.uint8), np.zeros(1, np.uint64), None)
    earlier = body[:1] + struct.pack("<H", RULE_VERSION - 1) + body[3:]
    with pytest.raises(ValueError, match="or make a new stack") as refused:
        unpack(earlier)
    assert f"decided by rule version {RULE_VERSION - 1}" in str(refused.value)
