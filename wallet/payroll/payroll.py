"""The use-case: a file is read once, planned, confirmed, and paid, by one command at a time."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from dcep.bank.v1 import orders_pb2, signers_pb2
from dcep.errors.v1 import errors_pb2
from language import N_
from runtime.bounds import most_items
from runtime.chunks import chunks
from runtime.errors import Refusal
from wallet.limits import PREPARED_VALID_MS
from wallet.online.aliases import Payee
from wallet.orders.bulk import BulkPayments, Wish
from wallet.orders.order_book import KeptOrder, OrderState
from wallet.orders.releases import Releases, Terms
from wallet.orders.submitter import OrderSubmitter, refused_said
from wallet.payroll.payees import Found, PayeesFound, find_payees
from wallet.payroll.paying import PayrollPayments
from wallet.payroll.plan import Plan, plan_of, wish_of
from wallet.payroll.runs import Run, Runs
from wallet.payroll.sheet import Sheet

RELEASE_ITEMS = most_items(signers_pb2.ReleaseOrder, "items")
RUNNING = 0
"""The mark of a running payroll among the orders on their way: no order has this sequence."""


class PayrollRunning(Exception):
    """Another payroll of this home runs at this moment."""


@dataclass(frozen=True)
class Waits:
    """What of a run waits for others' signatures.

    Attributes:
        orders: as the order book has them.
        names: the ids of the releases that they stand in.
        missing: how many signatures one of these lacks at most.
    """

    orders: Sequence[KeptOrder]
    names: Sequence[str]
    missing: int

    @property
    def amount_fen(self) -> int:
        """The sum of the orders."""
        read = orders_pb2.PaymentOrder.FromString
        return sum(read(order.payload).amount_fen for order in self.orders)


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
        bank is only asked. What waits for others' signatures waits on.

        Raises:
            Refusal, NoAnswer: as `PayrollPayments.pay`.
        """
        left_open = self._not_waiting(run)
        confirmed = self.runs.get(run)
        is_confirmed = confirmed is not None and confirmed.digest == sheet.confirmed_as
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
        self.runs.confirm(Run(plan.run, plan.sheet.confirmed_as, plan.sheet.total_fen, now_ms))

    def pay(self, plan: Plan) -> int:
        """Pays what is left. Returns and raises as `PayrollPayments.pay`.

        An open order that is no payment of the file is not sent: nobody has confirmed it.

        Raises:
            Refusal: UNSPECIFIED: the file was not confirmed.
        """
        confirmed = self.runs.get(plan.run)
        if confirmed is None or confirmed.digest != plan.sheet.confirmed_as:
            raise Refusal(errors_pb2.REASON_UNSPECIFIED, N_("the file was not confirmed"))
        wishes = list(map(wish_of, plan.left))
        terms = self._releases().terms()
        left_open = _of_file(self._not_waiting(plan.run), plan.sheet)
        if terms is None:
            return self._payments().pay(plan.run, left_open, iter(wishes))
        stopped = self._payments().pay(plan.run, left_open, iter(())) if left_open else 0
        return self._put(plan.run, wishes, terms) or stopped

    def waiting(self, run: str) -> Waits:
        """What of a run waits for others' signatures."""
        left_open = list(self.runs.orders(run, only_open=True))
        terms = self._releases().terms() if left_open else None
        if terms is None:
            return Waits([], [], 0)
        by_digest = {hashlib.sha256(order.payload).digest(): order for order in left_open}
        releases = [
            one
            for one in self._releases().waiting(terms)
            if any(item.digest in by_digest for item in one.items)
        ]
        waits = {item.digest for one in releases for item in one.items}
        orders = [order for digest, order in by_digest.items() if digest in waits]
        missing = max((terms.left(one.signed) for one in releases), default=0)
        return Waits(orders, [one.name for one in releases], missing)

    def _not_waiting(self, run: str) -> list[KeptOrder]:
        """The run's orders of unknown outcome that need nobody's signature any more."""
        waits = {each.sequence for each in self.waiting(run).orders}
        left_open = self.runs.orders(run, only_open=True)
        return [order for order in left_open if order.sequence not in waits]

    def _put(
        self, run: str, wishes: Sequence[Wish], terms: Terms, *, followed: bool = False
    ) -> int:
        """Writes orders down, and puts them before those who may release them.

        Args:
            followed: the book was told of the list of now.

        Returns:
            The Reason for which the bank took no more; 0 if it took all.

        Raises:
            NoAnswer: what was sent last may wait at the bank; the same command finds out.
        """
        bulk, releases = BulkPayments(self.submitter), self._releases()
        for at, part in enumerate(chunks(wishes, RELEASE_ITEMS)):
            # All are good for as long as one another: released together, sent together.
            orders = bulk.order(run, part, PREPARED_VALID_MS)
            try:
                releases.put(orders, terms)
            except Refusal as refusal:
                # Nobody was shown them, and none of them was sent.
                self.submitter.book.finish_all([_never_put(order) for order in orders])
                if refusal.reason != errors_pb2.REASON_KEY_REPLACED:
                    return refusal.reason
                self.submitter.follow()  # the wallet's signers are others
                left = wishes[at * RELEASE_ITEMS :]
                return refusal.reason if followed else self._put(run, left, terms, followed=True)
            self.advance(len(orders))
        return 0

    def _releases(self) -> Releases:
        return Releases(self.submitter)

    def _payments(self) -> PayrollPayments:
        bulk = BulkPayments(self.submitter)
        return PayrollPayments(bulk, self.submitter.clock, self.pause, self.advance, self.remark)


def _never_put(order: KeptOrder) -> KeptOrder:
    """An order that was neither shown to anybody nor sent, as it ended."""
    reason = errors_pb2.REASON_NOT_RELEASED
    said = refused_said(reason)
    return replace(order, state=OrderState.REFUSED, reason=reason, message=said, heard=True)


def _of_file(left_open: Iterable[KeptOrder], sheet: Sheet) -> list[KeptOrder]:
    """Those orders whose payee, amount and memo stand in a file."""
    contents = {wish_of(row).content for row in sheet.rows}
    return [order for order in left_open if order.content in contents]
