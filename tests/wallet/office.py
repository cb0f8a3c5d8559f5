"""An employer that pays its staff from a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from runtime.clock import ManualClock
from tests.wallet.apps import MakeApp
from tests.wallet.fake_bank import FakeBank
from tests.wallet.sheets import sheet_of, staff
from wallet.payroll.payroll import Payroll
from wallet.payroll.sheet import read_sheet

FUNDS_FEN = 900_000
Rows = list[tuple[str, str, int, str]]


class Office:
    """An employer with some staff, and a file of their wages.

    Attributes:
        rows: what the file has.
        paused_s: how long was waited.
    """

    def __init__(self, make_app: MakeApp, bank: FakeBank, clock: ManualClock, count: int) -> None:
        self._make_app, self._bank, self._clock = make_app, bank, clock
        self.payees = staff(make_app, count)
        self.rows: Rows = [
            (payee, f"worker {n}", 1_000 + n, "wages") for n, payee in enumerate(self.payees)
        ]
        self.paused_s = 0.0
        self.app = make_app("office")
        self.app.holder().top_up(FUNDS_FEN)
        self.number = self.app.profile().number

    def payroll(self) -> Payroll:
        """As the next command has it."""
        return replace(self.app.payroll(), pause=self._pause)

    def again(self) -> None:
        """The process ended, and another command begins."""
        self.app.close()
        self.app = self._make_app("office", opened=False)

    def run(self, name: str = "november", *, refused_too: bool = False) -> int:
        """Checks, confirms and pays the file; the reason for which it stopped."""
        payroll = self.payroll()
        sheet = read_sheet(sheet_of(self.rows), self.number)
        assert sheet.problems == []
        with payroll.alone():
            payroll.settle_open(name, sheet)
            plan = payroll.plan(name, sheet, refused_too=refused_too)
            assert plan.changed == []
            payroll.confirm(plan)
            return payroll.pay(plan)

    def came(self) -> list[int]:
        """What each of the staff has, in fen."""
        return [self._bank.accounts[payee].available_fen for payee in self.payees]

    def wages(self) -> list[int]:
        """What the file has for each of them."""
        return [fen for _payee, _name, fen, _memo in self.rows]

    def states(self, name: str = "november") -> Counter[str]:
        entries = self.payroll().runs.entries(name)
        return Counter(entry.state.value for entry in entries.values())

    def _pause(self, seconds: float) -> None:
        self.paused_s += seconds
        self._clock.advance(int(seconds * 1_000))


MakeOffice = Callable[[int], Office]
