"""Limits of the wallet classes: read from a file, kept in the core's policy table."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from operator_bank.limits import POLICY_LIMIT_FEN
from runtime.settings import SettingsError
from settlement.core import Batch
from settlement.ledger import Ledger
from settlement.records import RECORD, Kind, Limit

CLASSES = {"class_I": 1, "class_II": 2, "class_III": 3, "class_IV": 4}
COLUMNS = {
    "balance_cap_fen": Limit.BALANCE_CAP,
    "single_fen": Limit.SINGLE,
    "day_fen": Limit.DAY,
    "year_fen": Limit.YEAR,
}


def read_policy(file: Path) -> NDArray[np.int64]:
    """The policy table (16, 4) in fen; 0 is no limit. Raises SettingsError naming what is wrong."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: {error}") from error
    table = np.zeros((16, 4), np.int64)
    for name, limits in content.items():
        if name not in CLASSES or not isinstance(limits, dict):
            raise SettingsError(f"{file}: {name!r} is no wallet class; known: {', '.join(CLASSES)}")
        for limit, fen in limits.items():
            if limit not in COLUMNS:
                raise SettingsError(
                    f"{file}: {limit!r} in {name} is no limit; known: {', '.join(COLUMNS)}"
                )
            if not isinstance(fen, int) or isinstance(fen, bool) or not 0 < fen <= POLICY_LIMIT_FEN:
                raise SettingsError(
                    f"{file}: {limit} in {name} must be 1 to {POLICY_LIMIT_FEN} fen"
                )
            table[CLASSES[name], COLUMNS[limit]] = fen
    return table


def apply_policy(
    ledger: Ledger, current: NDArray[np.int64], wanted: NDArray[np.int64], now_ms: int
) -> int:
    """Submits the cells that differ; returns how many. The limits are so part of the journal."""
    rows, columns = np.nonzero(current != wanted)
    if not len(rows):
        return 0
    records = np.zeros(len(rows), RECORD)
    records["kind"] = Kind.POLICY
    records["credit"], records["spare"] = rows, columns
    records["amount_fen"] = wanted[rows, columns]
    records["time_ms"] = now_ms
    ledger.submit(Batch(records, urgent=True))
    return len(rows)
