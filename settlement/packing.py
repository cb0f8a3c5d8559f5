"""How a batch is written into a journal row: columns at the least width that holds them.

A column is stored as its least value and, for each record, the difference from
it in 0, 1, 2, 4 or 8 bytes ("frame of reference"). A batch of ordinary payments
takes about 26 bytes a record instead of 64.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from settlement.records import RECORD, Records

_HEADER = struct.Struct("<BI")
_COLUMN = struct.Struct("<QB")
_VERSION = 1
_WIDTHS = {0: None, 1: np.dtype("u1"), 2: np.dtype("<u2"), 4: np.dtype("<u4"), 8: np.dtype("<u8")}


def pack(
    records: Records,
    results: NDArray[np.uint8],
    details: NDArray[np.uint64],
    notes: Sequence[bytes] | None,
) -> bytes:
    """The body of a journal row for records, results and details, each (N,)."""
    parts = [_HEADER.pack(_VERSION, len(records))]
    for name in RECORD.names or ():
        _pack_column(np.ascontiguousarray(records[name]), parts)
    _pack_column(results, parts)
    _pack_column(details, parts)
    if notes is None:
        parts.append(b"\0")
    else:
        parts.append(b"\1")
        _pack_column(np.fromiter(map(len, notes), np.uint32, len(notes)), parts)
        parts.extend(notes)
    return b"".join(parts)


def unpack(
    body: bytes,
) -> tuple[Records, NDArray[np.uint8], NDArray[np.uint64], list[bytes] | None]:
    """The reverse of `pack`. Raises ValueError for a body that `pack` cannot have written."""
    try:
        version, count = _HEADER.unpack_from(body)
        if version != _VERSION:
            raise ValueError(f"journal body version {version} is not {_VERSION}")
        at = _HEADER.size
        records = np.zeros(count, RECORD)
        for name in RECORD.names or ():
            records[name], at = _unpack_column(body, at, count, records[name].dtype)
        results, at = _unpack_column(body, at, count, np.dtype("u1"))
        details, at = _unpack_column(body, at, count, np.dtype("<u8"))
        notes: list[bytes] | None = None
        if body[at]:
            lengths, at = _unpack_column(body, at + 1, count, np.dtype("<u4"))
            ends = at + np.cumsum(lengths, dtype=np.int64)
            starts = ends - lengths
            notes = [body[s:e] for s, e in zip(starts.tolist(), ends.tolist(), strict=True)]
        return records, results, details, notes
    except (struct.error, IndexError) as error:
        raise ValueError(f"journal body is cut short: {error}") from error


def _pack_column(column: NDArray[Any], parts: list[bytes]) -> None:
    if not len(column):
        parts.append(_COLUMN.pack(0, 0))
        return
    unsigned = column.view(f"<u{column.dtype.itemsize}")
    low, high = int(unsigned.min()), int(unsigned.max())
    spread = high - low
    width = 0 if not spread else 1 if spread < 1 << 8 else 2 if spread < 1 << 16 else 4
    width = 8 if spread >= 1 << 32 else width
    parts.append(_COLUMN.pack(low, width))
    if width:
        shifted = unsigned - unsigned.dtype.type(low)
        parts.append(shifted.astype(_WIDTHS[width], copy=False).tobytes())


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
