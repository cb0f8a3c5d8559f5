"""Lets a bank go on from an older copy of its database, by an act of two officers.

The bank's numbers at the central bank are positions in its journal. So the journal has to go on
after all positions that the central bank has seen. The gap is filled with records that do nothing,
which hardly take any room. Deposits and wallets get later numbers in the same way.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, Table, insert, text

from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from officers.effects import Act, Decision, Effect
from operator_bank.context import Context
from operator_bank.ledger import accounts
from operator_bank.limits import MAX_GAP
from operator_bank.lost.tables import come_backs
from operator_bank.lost.windows import ComeBacks
from operator_bank.offline.tables import token_deposits
from runtime.checks import invalid
from runtime.errors import Refusal
from settlement.builders import opening, records_of
from settlement.core import Batch
from settlement.limits import MAX_BATCH_RECORDS
from settlement.records import AccountFlag


class ComingBack(Effect):
    """The effect of the act ComeBack.

    Attributes:
        stands_at: gives the number of the feed's last applied entry.
        done: is called after the bank has come back.
    """

    right = office_pb2.RIGHT_SUSPENSE

    def __init__(self, context: Context, windows: ComeBacks) -> None:
        self._database = context.database
        self._ledger = context.ledger
        self._windows = windows
        self._standing = context.standing
        self._clock = context.clock
        self.stands_at: Callable[[], int] = lambda: 0
        self.done: Callable[[], None] = lambda: None

    def check(self, act: Act) -> None:
        """See `Effect.check`."""
        asked, stands_at = act.asked, self.stands_at()
        if not self._standing.is_behind:
            raise Refusal(
                errors_pb2.REASON_ALREADY_DECIDED,
                "this bank is no older copy, as far as the central bank has told",
            )
        if asked.after_number != stands_at:
            raise invalid("after_number", f"is entry {stands_at}, where this database stands")
        if asked.until_number < stands_at:
            raise invalid("until_number", "does not lie before where this database stands")
        if asked.incarnation < self._windows.incarnation:
            raise invalid("incarnation", f"is {self._windows.incarnation} at least")
        if asked.next_number > self._ledger.position() + MAX_GAP:
            raise invalid("next_number", f"lies at most {MAX_GAP} beyond this journal's end")

    def perform(self, act: Act, decision: Decision) -> None:
        """See `Effect.perform`. If it is interrupted, it goes on when it is approved again."""
        self.check(act)
        asked = act.asked
        self._go_on_at(asked.next_number)
        row = {
            "act": act.number,
            "incarnation": asked.incarnation,
            "after_number": asked.after_number,
            "until_number": asked.until_number,
        }

        def body(connection: Connection) -> None:
            if decision.mark(connection):
                connection.execute(insert(come_backs), row)
                _give_later_ids(connection, token_deposits, asked.next_deposit - 1)

        with self._windows.change():
            self._database.transaction(body)
        self.done()

    def end(self, act: Act, decision: Decision) -> None:
        """See `Effect.end`."""
        self._database.transaction(decision.mark)

    def _go_on_at(self, position: int) -> None:
        """Fills the journal so that its next record has that position or a later one."""
        while (missing := position - 1 - self._ledger.position()) > 0:
            # Opening an account that is open changes nothing.
            again = opening(
                accounts.LOST,
                ledger=accounts.CURRENCY,
                flags=AccountFlag.MAY_GO_NEGATIVE,
                time_ms=self._clock.now_ms(),
            )
            records = records_of([again] * min(missing, MAX_BATCH_RECORDS))
            self._ledger.submit(Batch(records, urgent=True))


def _give_later_ids(connection: Connection, table: Table, last: int) -> None:
    """Makes a table's next row get an id after `last`, or after the newest that it had."""
    values = {"name": table.name, "last": last}
    if connection.dialect.name == "sqlite":
        later = "UPDATE sqlite_sequence SET seq = MAX(seq, :last) WHERE name = :name"
        if not connection.execute(text(later), values).rowcount:
            first = "INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"
            connection.execute(text(first), values)
        return
    sequence = "pg_get_serial_sequence(:name, 'id')"
    connection.execute(
        text(f"SELECT setval({sequence}, GREATEST(nextval({sequence}), :last))"), values
    )
