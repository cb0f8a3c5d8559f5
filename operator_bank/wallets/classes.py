"""Keeps the limits of the wallet classes, in the core's policy table.

A file gives a new bank its limits; from then on an act of two officers changes them (`SetPolicy`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, select

from dcep.office.v1 import office_pb2
from operator_bank.context import Context
from operator_bank.limits import POLICY_LIMIT_FEN
from runtime.checks import invalid
from runtime.database import Database
from runtime.logs import logger
from runtime.settings import SettingsError
from settlement.builders import records_of, setting_limit
from settlement.core import Answers, Batch
from settlement.limits import MAX_LIMIT_SETS
from settlement.records import Limit

KIND = "set_policy"
_APPROVED = office_pb2.ACT_STATE_APPROVED
PositionToo = Callable[[Connection, int], None]
CLASSES = {"class_I": 1, "class_II": 2, "class_III": 3, "class_IV": 4}
COLUMNS = {
    "balance_cap_fen": Limit.BALANCE_CAP,
    "single_fen": Limit.SINGLE,
    "day_fen": Limit.DAY,
    "year_fen": Limit.YEAR,
}


def read_policy(file: Path) -> NDArray[np.int64]:
    """Reads limit sets from a TOML file: int64 (MAX_LIMIT_SETS, 4) in fen; 0 is no limit.

    Raises:
        SettingsError: naming what is wrong.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: {error}") from error
    table = np.zeros((MAX_LIMIT_SETS, len(Limit)), np.int64)
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


def table_of(wanted: Iterable[office_pb2.ClassLimits]) -> NDArray[np.int64]:
    """The limit sets that officers sign: int64 (MAX_LIMIT_SETS, 4) in fen; 0 is no limit.

    Raises:
        Refusal: FIELD_INVALID, a class does not exist or occurs twice, or a limit is out of bounds.
    """
    table = np.zeros((MAX_LIMIT_SETS, len(Limit)), np.int64)
    named = set()
    for limits in wanted:
        row = limits.wallet_class
        if row not in CLASSES.values() or row in named:
            raise invalid("classes", "has each wallet class, 1 to 4, at most once")
        named.add(row)
        for name, column in COLUMNS.items():
            fen = getattr(limits, name)
            if not 0 <= fen <= POLICY_LIMIT_FEN:
                raise invalid(name, f"is 1 to {POLICY_LIMIT_FEN} fen, or unset")
            table[row, column] = fen
    return table


def limits_of(table: NDArray[np.int64]) -> list[office_pb2.ClassLimits]:
    """The limits of each class that has any; the inverse of `table_of`."""
    return [
        office_pb2.ClassLimits(
            wallet_class=row, **{name: int(table[row, column]) for name, column in COLUMNS.items()}
        )
        for row in CLASSES.values()
        if table[row].any()
    ]


class Policy:
    """The limits that hold now; a change of them is part of the journal. Any thread may look.

    Officers sign all classes at once, but `put` takes any table, so limits may come from elsewhere
    later.
    """

    def __init__(self, context: Context) -> None:
        """Reads the limits."""
        self._ledger = context.ledger
        self._read = context.books.core.policies
        self._clock = context.clock
        self.table = self._read()

    def put(
        self, wanted: NDArray[np.int64], digest: int = 0, in_transaction: PositionToo | None = None
    ) -> int:
        """Submits the cells that differ; they hold for everything that is decided afterwards.

        Args:
            wanted: limit sets (MAX_LIMIT_SETS, 4) in fen.
            digest: of the officers' act; 0 for the bank's founding.
            in_transaction: further SQL for the same transaction, given the first record's position;
                not called if nothing differs.

        Returns:
            How many cells differ.
        """
        rows, columns = np.nonzero(self.table != wanted)
        if not len(rows):
            return 0
        now_ms = self._clock.now_ms()
        records = records_of(
            setting_limit(row, column, int(wanted[row, column]), time_ms=now_ms, digest=digest)
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        )

        def with_position(connection: Connection, answers: Answers) -> None:
            if in_transaction is not None:
                in_transaction(connection, int(answers.positions[0]))

        self._ledger.submit(Batch(records, None, with_position, urgent=True))
        self.table = self._read()
        return len(rows)


def found_policy(
    policy: Policy, wanted: NDArray[np.int64], acts: Table, database: Database
) -> None:
    """Gives a new bank the limits of its file. Once there are any, only two officers change
    them.
    """
    made = select(acts.c.id).where(acts.c.kind == KIND, acts.c.state == _APPROVED).limit(1)
    if not policy.table.any() and database.read(lambda c: c.execute(made).first()) is None:
        policy.put(wanted)
    elif (policy.table != wanted).any():
        logger("policy").warning("the policy file founds a bank alone; two officers change limits")
