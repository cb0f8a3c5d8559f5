"""How a batch is written into a journal row: columns at the least width that holds them.

A column is stored as its least value and, for each record, the difference from
it in 0, 1, 2, 4 or 8 bytes ("frame of reference"). A batch of ordinary payments
takes about 26 bytes a record instead of 64. Behind the columns come the notes and
the signatures, 64 bytes for each record that has one.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from settlement.limits import SIGNATURE_BYTES
from settlement.records import RECORD, Records
from settlement.rule import RULE_VERSION

_HEADER = struct.Struct("<BHI")
_COLUMN = struct.Struct("<QB")
_VERSION = 4
_LARGEST_COLUMNS = 15 * _COLUMN.size
_LARGEST_RECORD = RECORD.itemsize + 1 + 8 + 4
_WIDTHS = {0: None, 1: np.dtype("u1"), 2: np.dtype("<u2"), 4: np.dtype("<u4"), 8: np.dtype("<u8")}


def pack(
    records: Records,
    results: NDArray[np.uint8],
    details: NDArray[np.uint64],
    notes: Sequence[bytes] | None,
    signatures: Sequence[bytes] | None = None,
) -> bytes:
    """The body of a journal row for records, results and details, each (N,).

    Args:
        signatures: for each record 64 bytes, or none.
    """
    count = len(records)
    table = np.ascontiguousarray(records).view(np.uint8).reshape(count, RECORD.itemsize)
    scratch = np.empty(count, np.uint64)
    out = np.empty(_LARGEST_COLUMNS + count * _LARGEST_RECORD, np.uint8)
    end = _pack_records(
        table, table.view(np.uint16), table.view(np.uint32), table.view(np.uint64),
        results, details, scratch, out,
    )  # fmt: skip
    parts = [_HEADER.pack(_VERSION, RULE_VERSION, count), out[:end].tobytes()]
    if notes is None:
        parts.append(b"\0")
    else:
        end = _pack_column(np.fromiter(map(len, notes), np.uint32, count), scratch, out, 0)
        parts += (b"\1", out[:end].tobytes(), *notes)
    if signatures is None:
        parts.append(b"\0")
    else:
        signed = np.fromiter(map(len, signatures), np.uint8, count) > 0
        parts += (b"\1", np.packbits(signed).tobytes(), *signatures)
    return b"".join(parts)


class Unpacked(NamedTuple):
    """What a journal row's body holds."""

    records: Records
    results: NDArray[np.uint8]
    details: NDArray[np.uint64]
    notes: list[bytes] | None
    signatures: list[bytes] | None


def unpack(body: bytes, *, signed: bool = True) -> Unpacked:
    """The reverse of `pack`. Raises ValueError for a body that `pack` cannot have written.

    One of another rule's version is not read at all: another rule may come to the same answers and
    yet to another state.

    Args:
        signed: whether the signatures are wanted too.
    """
    try:
        version, rule_version, count = _HEADER.unpack_from(body)
        if (version, rule_version) != (_VERSION, RULE_VERSION):
            raise ValueError(
                f"it was decided by rule version {rule_version} and written as version {version};"
                f" this release has rule version {RULE_VERSION} and writes version {_VERSION}. Go"
                " on with the release that wrote it, or make a new stack: no release goes on from"
                " what another rule has decided"
            )
        at = _HEADER.size
        records = np.zeros(count, RECORD)
        for name in RECORD.names or ():
            records[name], at = _unpack_column(body, at, count, records[name].dtype)
        results, at = _unpack_column(body, at, count, np.dtype("u1"))
        details, at = _unpack_column(body, at, count, np.dtype("<u8"))
        notes: list[bytes] | None = None
        at += 1
        if body[at - 1]:
            lengths, at = _unpack_column(body, at, count, np.dtype("<u4"))
            notes, at = _cut(body, at, lengths)
        signatures: list[bytes] | None = None
        if body[at] and signed:
            first = at + 1 + -(-count // 8)
            mask = np.frombuffer(body[at + 1 : first], np.uint8)
            lengths = np.unpackbits(mask, count=count).astype(np.uint32) * SIGNATURE_BYTES
            signatures, _ = _cut(body, first, lengths)
        return Unpacked(records, results, details, notes, signatures)
    except (struct.error, IndexError) as error:
        raise ValueError(f"journal body is cut short: {error}") from error


def _cut(body: bytes, at: int, lengths: NDArray[np.uint32]) -> tuple[list[bytes], int]:
    """Pieces of these lengths, one after another from `at` on, and where the last one ends."""
    ends = at + np.cumsum(lengths, dtype=np.int64)
    end = int(ends[-1]) if len(ends) else at
    if end > len(body):
        raise ValueError("journal body is cut short")
    starts = ends - lengths
    return [body[s:e] for s, e in zip(starts.tolist(), ends.tolist(), strict=True)], end


@njit(cache=True, nogil=True)
def _pack_records(  # type: ignore[no-untyped-def]
    bytes_, shorts, words, longs, results, details, scratch, out
):
    """Packs every column of RECORD, in its order, then results and details; returns the end."""
    at = 0
    for column in range(3):  # origin, debit, credit
        at = _pack_column(words[:, column], scratch, out, at)
    at = _pack_column(bytes_[:, 12], scratch, out, at)  # kind
    at = _pack_column(bytes_[:, 13], scratch, out, at)  # flags
    at = _pack_column(shorts[:, 7], scratch, out, at)  # purpose
    for column in range(2, 8):  # sequence, amount_fen, time_ms, expires_ms, ref, digest
        at = _pack_column(longs[:, column], scratch, out, at)
    at = _pack_column(results, scratch, out, at)
    return _pack_column(details, scratch, out, at)


@njit(cache=True, nogil=True)
def _pack_column(column, scratch, out, at):  # type: ignore[no-untyped-def]
    """Writes an unsigned column, (N,), to `out` from `at` on; returns the end."""
    low = high = column[0] if len(column) else column.dtype.type(0)
    for index in range(len(column)):
        low, high = min(low, column[index]), max(high, column[index])
    spread = np.uint64(high) - np.uint64(low)
    width = 0
    if spread >= 1 << 32:
        width = 8
        _shift(column, low, scratch)
    elif spread >= 1 << 16:
        width = 4
        _shift(column, low, scratch.view(np.uint32))
    elif spread >= 1 << 8:
        width = 2
        _shift(column, low, scratch.view(np.uint16))
    elif spread > 0:
        width = 1
        _shift(column, low, scratch.view(np.uint8))
    for byte in range(8):
        out[at + byte] = np.uint8((np.uint64(low) >> np.uint64(8 * byte)) & np.uint64(0xFF))
    out[at + 8] = width
    start, size = at + 9, width * len(column)
    out[start : start + size] = scratch.view(np.uint8)[:size]
    return start + size


@njit(cache=True, nogil=True)
def _shift(column, low, shifted):  # type: ignore[no-untyped-def]
    for index in range(len(column)):
        shifted[index] = column[index] - low


def _unpack_column(
    body: bytes, at: int, count: int, dtype: np.dtype[np.generic]
) -> tuple[NDArray[Any], int]:
    low, width = _COLUMN.unpack_from(body, at)
    at += _COLUMN.size
    if width not in _WIDTHS:
        raise ValueError(f"column width {width} in a journal body")
    unsigned = np.dtype(f"<u{dtype.itemsize}")
    if not width:
        return np.full(count, low, unsigned).view(dtype), at
    if at + width * count > len(body):
        raise ValueError("journal body is cut short")
    raw = np.frombuffer(body, _WIDTHS[width], count, at).astype(unsigned)
    return (raw + unsigned.type(low)).view(dtype), at + width * count
