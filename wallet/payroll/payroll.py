"""The use-case: a file is read once, planned, confirmed, and paid, by one command at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dcep.errors.v1 import errors_pb2
from language import N_
from runtime.errors import Refusal
from wallet.online.aliases import Payee
from wallet.orders.bulk import BulkPayments
from wallet.orders.order_book import KeptOrder
from wallet.orders.submitter import OrderSubmitter
from wallet.payroll.payees import Found, PayeesFound, find_payees
from wallet.payroll.paying import PayrollPayments
from wallet.payroll.plan import Plan, plan_of, wish_of
from wallet.payroll.runs import Run, Runs
from wallet.payroll.sheet import Sheet

RUNNING = 0
"""The mark of a running payroll among the orders on their way: no order has this sequence."""


class PayrollRunning(Exception):
    """Another payroll of this home runs at this moment."""


@dataclass(frozen=True)
class Payroll:
    """The payrolls of a wallet.

    Attributes:
        find: asks the bank whom an alias stands for.
        advance: is told how many more payments have ended.
        remark: is told, in a sentence, that the bank has to be waited for.
        pause: waits so many seconds.
    """

    submitter: OrderSubmitter
    runs: Runs
    found: PayeesFound
    find: Callable[[str], Payee]
    advance: Callable[[int], None] = lambda _: None
    remark: Callable[[str], None] = lambda _: None
    pause: Callable[[float], None] = time.sleep

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A context in which no other payroll of this home runs. Raises PayrollRunning."""
        if not self.submitter.flights.take(RUNNING):
            raise PayrollRunning
        try:
            yield
        finally:
            self.submitter.flights.release(RUNNING)

    def find_payees(self, sheet: Sheet) -> Found:
        """Puts wallet numbers in the place of a file's aliases, as `payees.find_payees`."""
        return find_payees(sheet, self.submitter.number, self.found, self.find, self.advance)

    def look_again(self, run: str, sheet: Sheet) -> None:
        """Has aliases looked for again whose payees a run could not pay."""
        entries = self.runs.entries(run)
        refused = (row for row in sheet.rows if row.alias and row.payee in entries)
        self.found.forget([row.alias for row in refused if entries[row.payee].refused])

    def settle_open(self, run: str, sheet: Sheet) -> None:
        """Learns what came of the orders that an interrupted command has left open.

        They are sent again if they are payments of the file that was confirmed; about others the
        bank is only asked.

        Raises:
            Refusal, NoAnswer: as `PayrollPayments.pay`.
        """
        left_open = list(self.runs.orders(run, only_open=True))
        confirmed = self.runs.get(run)
        is_confirmed = confirmed is not None and confirmed.digest == sheet.digest
        wanted = _of_file(left_open, sheet) if is_confirmed else []
        if wanted:
            self._payments().pay(run, wanted, iter(()))
        sent = {order.sequence for order in wanted}
        for order in left_open:
            if order.sequence not in sent:
                self.submitter.look_up(order)
                self.advance(1)

    def plan(self, run: str, sheet: Sheet, *, refused_too: bool = False) -> Plan:
        """What the run would do with the file; see `plan_of`."""
        now_ms = self.submitter.clock.now_ms()
        return plan_of(self.runs, sheet, run, now_ms, refused_too=refused_too)

    def confirm(self, plan: Plan) -> None:
        """Writes down that the holder has confirmed the file."""
        now_ms = self.submitter.clock.now_ms()
        self.runs.confirm(Run(plan.run, plan.sheet.digest, plan.sheet.total_fen, now_ms))

    def pay(self, plan: Plan) -> int:
        """Pays what is left. Returns and raises as `PayrollPayments.pay`.

        An open order that is no payment of the file is not sent: nobody has confirmed it.

        Raises:
            Refusal: UNSPECIFIED: the file was not confirmed.
        """
        confirmed = self.runs.get(plan.run)
        if confirmed is None or confirmed.digest != plan.sheet.digest:
            raise Refusal(errors_pb2.REASON_UNSPECIFIED, N_("the file was not confirmed"))
        left_open = _of_file(self.runs.orders(plan.run, only_open=True), plan.sheet)
        return self._payments().pay(plan.run, left_open, map(wish_of, plan.left))

    def _payments(self) -> PayrollPayments:
        bulk = BulkPayments(self.submitter)
        return PayrollPayments(bulk, self.submitter.clock, self.pause, self.advance, self.remark)


def _of_file(left_open: Iterable[KeptOrder], sheet: Sheet) -> list[KeptOrder]:
    """Those orders whose payee, amount and memo stand in a file."""
    contents = {wish_of(row).content for row in sheet.rows}
    return [order for order in left_open if order.content in contents]
