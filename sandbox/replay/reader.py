"""Reads a CSV file of payments, plain or gzipped, into columns in order of time."""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from currency.amount import AmountError, parse_yuan
from language import _
from runtime.output import reason_of
from sandbox.limits import MAX_REPLAY_ROWS


class FileRefused(Exception):
    """The file cannot be replayed; the message says why and, if it is one row, which."""


@dataclass(frozen=True)
class Columns:
    """The names of the columns, as the header spells them."""

    source: str = "source"
    target: str = "target"
    value: str = "value"
    time: str = "time"


@dataclass(frozen=True)
class Payments:
    """N payments in order of time; those with the same time keep the order of the file.

    Attributes:
        parties: their names, in the order in which the file first has them.
        source: (N,) the payers, as indices in `parties`.
        target: (N,) the payees, likewise.
        amount_fen: (N,).
    """

    parties: list[str]
    source: NDArray[np.int64]
    target: NDArray[np.int64]
    amount_fen: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.amount_fen)


def read_payments(path: Path, columns: Columns) -> Payments:
    """Read a file of payments.

    The value is in yuan; the time is a number, or an ISO 8601 date and time.

    Raises:
        FileRefused: the file cannot be read, a column is missing or there twice, a value or a time
            cannot be read, or there are more than MAX_REPLAY_ROWS rows.
    """
    parties: dict[str, int] = {}
    source: list[int] = []
    target: list[int] = []
    amounts: list[int] = []
    times: list[float] = []
    names = (columns.source, columns.target, columns.value, columns.time)
    for row, (payer, payee, value, time) in _rows(path, names):
        if len(amounts) >= MAX_REPLAY_ROWS:
            raise FileRefused(
                _("{path}: more than {max_replay_rows:,} rows").format(
                    path=path, max_replay_rows=MAX_REPLAY_ROWS
                )
            )
        source.append(parties.setdefault(payer, len(parties)))
        target.append(parties.setdefault(payee, len(parties)))
        amounts.append(_amount(path, row, value))
        times.append(_time(path, row, time))
    order = np.argsort(np.array(times, dtype=np.float64), kind="stable")
    return Payments(
        parties=list(parties),
        source=np.array(source, dtype=np.int64)[order],
        target=np.array(target, dtype=np.int64)[order],
        amount_fen=np.array(amounts, dtype=np.int64)[order],
    )


def read_balances(path: Path, party: str, balance: str) -> dict[str, int]:
    """What each party starts with, in fen.

    Raises:
        FileRefused: as `read_payments`.
    """
    rows = _rows(path, (party, balance))
    return {
        name: 0 if _is_zero(value) else _amount(path, row, value) for row, (name, value) in rows
    }


def _rows(path: Path, names: tuple[str, ...]) -> Iterator[tuple[int, list[str]]]:
    """Each row's line number, and its wanted cells."""
    with _opened(path) as text:
        reader = csv.reader(text)
        header = next(reader, None)
        if header is None:
            raise FileRefused(_("{path} is empty").format(path=path))
        header = [name.strip() for name in header]
        missing = [name for name in names if name not in header]
        if missing:
            raise FileRefused(
                _(
                    "{path} has no column {missing!r}; it has {names} (name the columns with "
                    "the options)"
                ).format(path=path, missing=missing[0], names=", ".join(header))
            )
        twice = [name for name in names if header.count(name) > 1]
        if twice:
            raise FileRefused(
                _("{path} has more than one column {twice!r}").format(path=path, twice=twice[0])
            )
        wanted = [header.index(name) for name in names]
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue  # spreadsheets leave rows behind that have only separators
            if len(cells) <= max(wanted):
                raise FileRefused(
                    _("{path}, line {line_num}: {count} cells, too few").format(
                        path=path, line_num=reader.line_num, count=len(cells)
                    )
                )
            yield reader.line_num, [cells[index].strip() for index in wanted]


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    try:
        with path.open("rb") as raw:
            packed = raw.peek(2)[:2] == b"\x1f\x8b"
            binary = gzip.GzipFile(fileobj=raw) if packed else raw
            with io.TextIOWrapper(binary, encoding="utf-8-sig", newline="") as text:
                yield text
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as cause:
        raise FileRefused(
            _("{path} cannot be read: {cause}").format(path=path, cause=reason_of(cause))
        ) from cause


def _amount(path: Path, row: int, text: str) -> int:
    try:
        return parse_yuan(text)
    except AmountError as cause:
        raise FileRefused(
            _("{path}, line {row}: {cause}").format(path=path, row=row, cause=cause)
        ) from cause


def _is_zero(text: str) -> bool:
    return text in ("0", "0.0", "0.00")


def _time(path: Path, row: int, text: str) -> float:
    try:
        number = float(text)
        if math.isfinite(number):
            return number
    except ValueError:
        pass  # not a number of any unit: then a date
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as cause:
        raise FileRefused(
            _(
                "{path}, line {row}: time {text!r} is neither a number nor a date like "
                "2026-01-31T12:00:00"
            ).format(path=path, row=row, text=text)
        ) from cause
