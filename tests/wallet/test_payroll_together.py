"""A payroll of a wallet of several people: put before the others, and paid once they release it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Table, delete, insert, select, update

from dcep.bank.v1 import signers_pb2, states_pb2
from dcep.errors.v1 import errors_pb2
from runtime.database import Database
from runtime.errors import NoAnswer, Refusal
from tests.refusals import refused_for
from tests.wallet.phones import Phones
from tests.wallet.sheets import sheet_of
from wallet.app import App
from wallet.online.together import Waiting
from wallet.orders.order_book import OrderState
from wallet.orders.releases import read_release
from wallet.payroll import payroll as payrolls
from wallet.payroll.payroll import Payroll
from wallet.payroll.runs import Entry, Runs
from wallet.payroll.sheet import read_sheet
from wallet.tables import orders, sequences

PREPARE = states_pb2.SIGNER_ROLE_PREPARE
RUN = "2026-11"


def agreed(_: Any) -> None:
    """Whoever is asked agrees."""


class Office:
    """A company whose clerk pays a file; two of two release."""

    def __init__(self, folder: Path) -> None:
        self.phones = Phones(folder)
        self.ben = self.phones.joined("ben")
        self.clerk = self.phones.joined("clerk", PREPARE)
        self.old = self.phones.old
        self.phones.old.signers().set_threshold(2, lambda: None)
        self.rows: list[tuple[str, str, int]] = [(self.phones.payee, "Carol", 700)]

    def payroll_of(self, name: str) -> Payroll:
        """The payrolls of somebody, whose orders lie in the database of their home."""
        made: App = self.phones.system.built[name]
        database = Database(self.phones.system.engines[name])
        runs = Runs(database, self.phones.number)
        return replace(made.payroll(), runs=runs, pause=self._pause)

    def _pause(self, seconds: float) -> None:
        self.phones.system.clock.advance(int(seconds * 1_000))

    @property
    def payroll(self) -> Payroll:
        return self.payroll_of("clerk")

    def run(self, by: str = "clerk") -> int:
        """What the command does, once; the reason for which it ended early."""
        payroll = self.payroll_of(by)
        sheet = read_sheet(sheet_of([(*row, "pay") for row in self.rows]))
        assert not sheet.problems
        with payroll.alone():
            payroll.settle_open(RUN, sheet)
            plan = payroll.plan(RUN, sheet)
            if plan.left:
                payroll.confirm(plan)
            return payroll.pay(plan) if plan.left else 0

    @property
    def entry(self) -> Entry:
        return self.payroll.runs.entries(RUN)[self.phones.payee]

    def release(self, *people: App) -> None:
        for app in people or (self.old, self.ben):
            for one in app.together().waiting():
                app.together().release(one.name, agreed)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_it_waits_for_the_others_and_is_paid_once(office: Office) -> None:
    assert office.run() == 0
    assert office.entry.open
    waits = office.payroll.waiting(RUN)
    assert (len(waits.orders), waits.amount_fen, waits.missing) == (1, 700, 2)
    for _ in range(2):
        office.run()
        assert len(office.ben.together().waiting()) == 1
    office.release(office.old)
    office.run()
    assert office.payroll.waiting(RUN).missing == 1
    assert office.phones.received() == []
    office.release(office.ben)
    assert office.payroll.waiting(RUN).orders == []
    for _ in range(2):
        assert office.run() == 0
        assert office.entry.settled
        assert office.phones.received() == [700]


def test_all_that_is_in_it_is_shown_before_it_is_signed(office: Office) -> None:
    office.run()
    seen: list[Waiting] = []
    [one] = office.ben.together().waiting()
    office.ben.together().release(one.name, seen.append)
    release = seen[0].release
    assert release is not None
    [item] = release.items
    assert (item.order.payee_number, item.order.amount_fen) == (office.phones.payee, 700)
    assert (release.amount_fen, seen[0].place) == (700, 2)


def test_whoever_releases_and_prepares_counts(office: Office) -> None:
    office.run("ben")
    office.release(office.old)
    office.run("ben")
    assert office.phones.received() == [700]


def test_what_was_withdrawn_is_put_before_them_anew(office: Office) -> None:
    office.run()
    [one] = office.ben.together().waiting()
    office.ben.together().withdraw(one.name, agreed)
    first = office.entry.sequence
    office.run()
    assert office.entry.open and office.entry.sequence > first
    office.release()
    office.run()
    assert office.phones.received() == [700]


def test_what_expired_without_a_release_is_put_before_them_anew(office: Office) -> None:
    office.run()
    office.phones.system.clock.advance(24 * 3_600_000 + 1)
    assert office.ben.together().waiting() == []
    office.run()
    assert office.entry.open
    office.release()
    office.run()
    assert office.phones.received() == [700]


def test_what_was_released_and_expired_is_ordered_anew(office: Office) -> None:
    office.run()
    office.release()
    office.phones.system.clock.advance(24 * 3_600_000 + 1)
    office.run()
    assert office.phones.received() == []
    office.release()
    office.run()
    assert office.phones.received() == [700]


@pytest.mark.parametrize("arrived", [True, False])
def test_a_release_whose_answer_was_lost_pays_nobody_twice(
    office: Office, monkeypatch: pytest.MonkeyPatch, arrived: bool
) -> None:
    port = type(office.clerk.key_here().bank)
    sign = port.sign

    def lost(bank: Any, request: Any) -> Any:
        if arrived:
            sign(bank, request)
        raise NoAnswer("lost")

    monkeypatch.setattr(port, "sign", lost)
    with pytest.raises(NoAnswer):
        office.run()
    monkeypatch.undo()
    office.run()
    assert len(office.ben.together().waiting()) == 1
    office.release()
    for _ in range(2):
        office.run()
    assert office.phones.received() == [700]


def test_an_answer_that_is_lost_when_it_is_paid_pays_nobody_twice(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.run()
    office.release()
    port = type(office.clerk.key_here().bank)
    pay_many = port.pay_many

    def lost(bank: Any, orders: Any) -> Any:
        pay_many(bank, orders)
        raise NoAnswer("lost")

    monkeypatch.setattr(port, "pay_many", lost)
    with pytest.raises(NoAnswer):
        office.run()
    monkeypatch.undo()
    office.run()
    assert office.entry.settled
    assert office.phones.received() == [700]


def test_who_signs_changes_and_the_run_goes_on_under_the_list_of_now(office: Office) -> None:
    office.run()
    office.old.signers().set_threshold(1, lambda: None)
    [listed] = [one for one in office.ben.together().waiting() if one.signers is not None]
    office.ben.together().release(listed.name, agreed)
    office.run()  # the list ended what waited
    office.run()
    assert [one.signed for one in office.ben.together().waiting()] == [[2]]
    office.release(office.ben)
    office.run()
    assert office.phones.received() == [700]


def test_a_list_that_changed_while_nothing_was_open_stops_no_later_payroll(office: Office) -> None:
    office.run()
    office.release()
    office.run()
    office.old.signers().set_threshold(1, lambda: None)
    [listed] = office.ben.together().waiting()
    office.ben.together().release(listed.name, agreed)
    office.rows.append((office.phones.system.numbers[_others(office)[0]], "somebody", 5))
    assert office.run() == 0
    assert office.payroll.waiting(RUN).amount_fen == 5


def test_an_older_copy_of_a_home_is_noticed_though_others_release_what_it_ordered_before(
    office: Office,
) -> None:
    """Its sequences were used by what its book does not know, which it would pay again."""
    office.run()
    engine = office.phones.system.engines["clerk"]
    kept = {of: _rows(engine, of) for of in (orders, sequences)}
    assert kept[orders]
    with engine.begin() as connection:
        connection.execute(delete(orders))
        next_sequence = min(row["sequence"] for row in kept[orders])
        connection.execute(update(sequences).values(next_sequence=next_sequence))
    older = _rows(engine, sequences)
    _put_back(engine, kept)
    office.release()
    office.run()
    assert office.phones.received() == [700]
    _put_back(engine, {orders: [], sequences: older})
    office.phones.system.clock.advance(1_000)
    office.run()
    office.release()
    assert refused_for(office.run) == "WALLET_USED_ELSEWHERE"
    assert office.phones.received() == [700]


def _rows(engine: Engine, of: Table) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(of)).mappings()]


def _put_back(engine: Engine, kept: dict[Table, list[dict[str, Any]]]) -> None:
    with engine.begin() as connection:
        for of, rows in kept.items():
            connection.execute(delete(of))
            if rows:
                connection.execute(insert(of), rows)


def test_the_bank_takes_no_more_and_the_rest_is_ordered_later(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = type(office.clerk.key_here().bank)

    def full(_bank: Any, _request: Any) -> Any:
        raise Refusal(errors_pb2.REASON_OVERLOADED, "20 is all")

    monkeypatch.setattr(port, "sign", full)
    assert office.run() == errors_pb2.REASON_OVERLOADED
    monkeypatch.undo()
    assert (office.entry.state, office.entry.refused) == (OrderState.REFUSED, False)
    office.run()
    office.release()
    office.run()
    assert office.phones.received() == [700]


def test_many_rows_go_into_several_releases(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payrolls, "RELEASE_ITEMS", 2)
    others = [str(office.phones.system.numbers[name]) for name in _others(office)]
    office.rows += [(number, "somebody", 1 + at) for at, number in enumerate(others)]
    office.run()
    waits = office.payroll.waiting(RUN)
    assert len(waits.orders) == len(office.rows)
    assert len(waits.names) == -(-len(office.rows) // 2)
    office.release()
    assert office.payroll.waiting(RUN).orders == []


def _others(office: Office) -> Sequence[str]:
    own = {office.phones.number, office.phones.payee}
    return [name for name, number in office.phones.system.numbers.items() if number not in own]


def test_other_bytes_than_are_signed_are_not_signed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.run()
    port = type(office.ben.key_here().bank)
    get, [one] = port.get_release, office.ben.together().waiting()

    def more(bank: Any, query: Any, digest: bytes) -> Any:
        found = get(bank, query, digest)
        content = signers_pb2.ReleaseOrder.FromString(found.payload)
        del content.items[0:]
        content.items.add(kind=signers_pb2.RELEASED_KIND_EXCHANGE, payload=b"\x08\x01")
        return signers_pb2.GetReleaseResponse(payload=content.SerializeToString())

    monkeypatch.setattr(port, "get_release", more)
    assert office.ben.together().waiting() == []
    assert refused_for(office.ben.together().release, one.name, agreed) == "REQUEST_UNKNOWN"


def test_what_cannot_be_shown_is_not_signed(office: Office) -> None:
    """An order of another wallet, one with more in it than is shown, and a field nobody knows."""
    office.run()
    [one] = office.ben.together().waiting()
    number = office.phones.number
    assert read_release(one.payload, number).items
    content = signers_pb2.ReleaseOrder.FromString(one.payload)
    assert refused_for(read_release, one.payload, office.phones.payee) == "FIELD_INVALID"
    order = office.payroll.waiting(RUN).orders[0].payload
    content.items[0].payload = order + b"\xf8\x07\x01"
    assert refused_for(read_release, content.SerializeToString(), number) == "FIELD_UNKNOWN"
    content.items[0].payload = order
    content.items[0].kind = 9  # type: ignore[assignment]
    assert refused_for(read_release, content.SerializeToString(), number) == "FIELD_INVALID"
    assert refused_for(read_release, one.payload + b"\xf8\x07\x01", number) == "FIELD_UNKNOWN"
