"""A run pays each of its rows once, whatever happens to it and to its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcep.errors.v1 import errors_pb2
from runtime.clock import ManualClock
from runtime.errors import NoAnswer, Refusal
from tests.refusals import refused_for
from tests.wallet.fake_bank import FakeBank
from tests.wallet.office import FUNDS_FEN, MakeOffice
from tests.wallet.sheets import sheet_of
from wallet.limits import ALIKE_MS, BANK_BEHIND_MS, ORDER_VALID_MS
from wallet.payroll.payroll import PayrollRunning
from wallet.payroll.plan import RunUnclear, check_means, choose_run
from wallet.payroll.sheet import read_sheet
from wallet.peers.interface import GET_WALLET


@pytest.mark.usefixtures("few_at_once")
def test_all_rows_are_paid_and_the_next_command_has_nothing_to_do(
    make_office: MakeOffice, bank: FakeBank
) -> None:
    office = make_office(8)
    assert office.run() == 0
    assert office.came() == office.wages()
    before = len(bank.received)
    office.again()
    assert office.run() == 0
    assert (office.came(), len(bank.received)) == (office.wages(), before)


@pytest.mark.parametrize("lost", ["mute_before", "mute_after"])
def test_a_lost_call_is_made_again_and_pays_once(
    make_office: MakeOffice, bank: FakeBank, lost: str
) -> None:
    office = make_office(4)
    setattr(bank, lost, 2)
    assert office.run() == 0
    assert office.came() == office.wages()
    assert office.paused_s > 0


def test_a_bank_that_is_away_ends_it_and_the_same_command_goes_on(
    make_office: MakeOffice, bank: FakeBank
) -> None:
    office = make_office(4)
    assert office.app.holder().show().available_fen == FUNDS_FEN
    payroll = office.payroll()
    payroll.submitter.begin()
    bank.down = True
    with pytest.raises(NoAnswer):
        office.run()
    assert 80 < office.paused_s < 200
    assert office.states() == {"UNKNOWN": 4}
    bank.down = False
    office.again()
    assert office.run() == 0
    assert office.came() == office.wages()


def test_a_bank_that_says_when_to_ask_again_is_heeded(
    make_office: MakeOffice, bank: FakeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, full, real = make_office(2), [7], bank.pay_many

    def overloaded(orders: object) -> object:
        if full:
            raise Refusal(
                errors_pb2.REASON_OVERLOADED, "full", retry_after_ms=str(full.pop() * 1_000)
            )
        return real(orders)  # type: ignore[arg-type]

    monkeypatch.setattr(bank, "pay_many", overloaded)
    assert office.run() == 0
    assert 7 <= office.paused_s <= 10
    assert office.came() == office.wages()


@pytest.mark.usefixtures("few_at_once")
def test_a_payee_that_is_refused_stops_nobody_and_is_ordered_anew_only_when_asked(
    make_office: MakeOffice, bank: FakeBank
) -> None:
    office = make_office(8)
    gone = bank.accounts.pop(office.payees[1])
    assert office.run() == 0
    assert office.states() == {"DONE": 7, "REFUSED": 1}
    bank.accounts[office.payees[1]] = gone
    office.again()
    office.run()
    assert office.came()[1] == 0
    office.run(refused_too=True)
    assert office.came() == office.wages()
    assert office.states() == {"DONE": 8}


@pytest.mark.usefixtures("few_at_once")
def test_what_a_bank_does_not_decide_now_waits_and_holds_nobody_up(
    make_office: MakeOffice, bank: FakeBank
) -> None:
    office = make_office(8)
    for payee in office.payees[:4]:
        bank.not_now[payee] = errors_pb2.REASON_TOO_MANY_REFUSALS
    assert office.run() == 0
    assert office.came() == [0] * 4 + office.wages()[4:]
    assert office.states() == {"DONE": 4, "UNKNOWN": 4}
    bank.not_now.clear()
    office.run()
    assert office.came() == office.wages()


@pytest.mark.usefixtures("few_at_once")
def test_when_the_payer_is_refused_no_more_is_ordered_and_money_makes_it_go_on(
    make_office: MakeOffice, bank: FakeBank
) -> None:
    office = make_office(8)
    bank.accounts[office.number].available_fen = 3_500
    assert office.run() == errors_pb2.REASON_INSUFFICIENT_FUNDS
    assert sum(office.states().values()) == 6
    bank.accounts[office.number].available_fen = FUNDS_FEN
    office.again()
    assert office.run() == 0
    assert office.came() == office.wages()


def test_orders_that_came_too_late_are_made_anew_once(
    make_office: MakeOffice, bank: FakeBank, clock: ManualClock
) -> None:
    office = make_office(4)
    office.payroll().submitter.begin()
    bank.down = True
    with pytest.raises(NoAnswer):
        office.run()
    clock.advance(ORDER_VALID_MS + 1)
    bank.down = False
    office.again()
    assert office.run() == 0
    assert office.came() == office.wages()


def test_an_order_that_had_come_in_time_is_not_made_anew_when_it_is_old(
    make_office: MakeOffice, bank: FakeBank, clock: ManualClock
) -> None:
    office = make_office(4)
    bank.mute_after = 1_000
    with pytest.raises(NoAnswer):
        office.run()
    bank.mute_after = 0
    clock.advance(ORDER_VALID_MS + 1)
    office.again()
    assert office.run() == 0
    assert office.came() == office.wages()


def test_a_row_that_was_changed_after_it_was_paid_is_noticed(make_office: MakeOffice) -> None:
    office = make_office(4)
    office.run()
    payee, name, fen, memo = office.rows[2]
    for changed in ((payee, name, fen + 1, memo), (payee, name, fen, "bonus")):
        office.rows[2] = changed
        sheet = read_sheet(sheet_of(office.rows))
        plan = office.payroll().plan("november", sheet)
        assert [row.line for row in plan.changed] == [4]
        assert plan.left == []


def test_rows_that_were_added_are_paid_and_rows_that_were_taken_out_are_told(
    make_office: MakeOffice,
) -> None:
    office = make_office(4)
    whole = office.rows
    office.rows = whole[:3]
    office.run()
    office.rows = whole[1:]
    plan = office.payroll().plan("november", read_sheet(sheet_of(office.rows)))
    assert (plan.gone, [row.payee for row in plan.left]) == ([whole[0][0]], [whole[3][0]])
    office.run()
    assert office.came() == [fen for _payee, _name, fen, _memo in whole]


def test_open_orders_of_a_changed_file_are_asked_about_and_not_sent(
    make_office: MakeOffice, bank: FakeBank, clock: ManualClock
) -> None:
    office = make_office(4)
    office.payroll().submitter.begin()
    bank.down = True
    with pytest.raises(NoAnswer):
        office.run()
    bank.down = False
    office.again()
    office.rows[0] = (*office.rows[0][:2], 5_000, "wages")
    sheet = read_sheet(sheet_of(office.rows))
    payroll = office.payroll()
    payroll.settle_open("november", sheet)
    assert [row.line for row in payroll.plan("november", sheet).changed] == [2]
    assert office.came() == [0] * 4
    clock.advance(ORDER_VALID_MS + BANK_BEHIND_MS + 1)
    payroll.settle_open("november", sheet)
    assert payroll.plan("november", sheet).changed == []
    office.run()
    assert office.came() == office.wages()


def test_who_was_taken_out_of_the_file_is_not_paid_with_it(
    make_office: MakeOffice, bank: FakeBank, clock: ManualClock
) -> None:
    """The order was written down, and the bank was away. Nobody has confirmed it with this file."""
    office = make_office(6)
    office.payroll().submitter.begin()
    bank.down = True
    with pytest.raises(NoAnswer):
        office.run()
    bank.down = False
    out = office.rows.pop(1)
    total_fen = sum(office.wages())
    for _command in range(3):
        office.again()
        assert office.run() == 0
        assert (office.came()[1], sum(office.came())) == (0, total_fen)
    assert office.states() == {"DONE": 5, "UNKNOWN": 1}
    clock.advance(2 * ORDER_VALID_MS)
    office.run()
    assert office.states() == {"DONE": 5, "REFUSED": 1}
    office.rows.insert(1, out)
    office.run()
    assert office.came() == office.wages()


def test_what_had_come_of_one_who_was_taken_out_is_asked_for(
    make_office: MakeOffice, bank: FakeBank
) -> None:
    office = make_office(4)
    bank.mute_after = 1_000
    with pytest.raises(NoAnswer):
        office.run()
    bank.mute_after = 0
    assert office.came() == [1_000, 0, 0, 0]
    office.rows = office.rows[1:]
    office.again()
    office.run()
    assert office.states() == {"DONE": 4}


def test_the_same_file_is_the_same_run_and_another_month_wants_a_name(
    make_office: MakeOffice,
) -> None:
    office = make_office(4)
    runs = office.payroll().runs
    file = Path("wages.csv")
    sheet = read_sheet(sheet_of(office.rows))
    assert choose_run(runs, sheet, "", file) == "wages"
    office.run("wages")
    assert choose_run(runs, sheet, "", file) == "wages"
    assert choose_run(runs, sheet, "", Path("copy of wages.csv")) == "wages"
    office.rows[0] = (*office.rows[0][:2], 5_000, "wages")
    corrected = read_sheet(sheet_of(office.rows))
    for name in ("wages.csv", "wages corrected.csv"):
        with pytest.raises(RunUnclear, match="3 payments of this file are in the run 'wages'"):
            choose_run(runs, corrected, "", Path(name))
    for place, row in enumerate(office.rows):
        office.rows[place] = (*row[:3], "december")
    december = read_sheet(sheet_of(office.rows))
    with pytest.raises(RunUnclear, match="with other payments"):
        choose_run(runs, december, "", file)
    assert choose_run(runs, december, "", Path("december.csv")) == "december"
    assert choose_run(runs, sheet, "december", file) == "december"
    plan = office.payroll().plan("december", sheet)
    assert (len(plan.left), plan.elsewhere) == (4, {"wages": 4})


def test_the_same_amounts_with_another_memo_in_another_run_are_told_for_some_days(
    make_office: MakeOffice, clock: ManualClock
) -> None:
    """As when a memo was put right in a copy of the file: it is a new run, and pays all again."""
    office = make_office(4)
    office.run("wages")
    for place, row in enumerate(office.rows[:3]):
        office.rows[place] = (*row[:3], "corrected")
    office.rows[2] = (*office.rows[2][:2], 5_000, "corrected")
    sheet = read_sheet(sheet_of(office.rows))
    plan = office.payroll().plan("wages v2", sheet)
    assert (len(plan.left), plan.elsewhere, plan.alike) == (4, {"wages": 1}, {"wages": 2})
    assert office.payroll().plan("wages", sheet).alike == {}
    clock.advance(ALIKE_MS + 1)
    assert office.payroll().plan("wages v2", sheet).alike == {}


@pytest.mark.parametrize("name", ["/", "a/b", "x" * 65, "a\x07b", " ", "."])
def test_a_name_that_no_file_can_have_is_no_name_of_a_run(
    make_office: MakeOffice, name: str
) -> None:
    office = make_office(1)
    with pytest.raises(RunUnclear, match="cannot be the name"):
        choose_run(office.payroll().runs, read_sheet(sheet_of(office.rows)), name, Path("x"))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"available_fen": 4_005}, "INSUFFICIENT_FUNDS"),
        ({"limits.single_fen": 1_002}, "OVER_SINGLE_LIMIT"),
        ({"limits.day_fen": 5_000, "day_spent_fen": 995}, "OVER_DAY_LIMIT"),
        ({"limits.year_fen": 5_000, "year_spent_fen": 995}, "OVER_YEAR_LIMIT"),
        ({"status": 2}, "WALLET_FROZEN"),
        ({"status": 3}, "WALLET_CLOSED"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_paid(
    make_office: MakeOffice, fields: dict[str, int], reason: str
) -> None:
    office = make_office(4)
    submitter = office.payroll().submitter
    state = submitter.bank.get_wallet(submitter.query(GET_WALLET))
    plan = office.payroll().plan("november", read_sheet(sheet_of(office.rows)))
    check_means(plan, state)
    for name, value in fields.items():
        *inside, last = name.split(".")
        setattr(getattr(state, inside[0]) if inside else state, last, value)
    assert refused_for(check_means, plan, state) == reason


def test_nothing_is_paid_that_was_not_confirmed(make_office: MakeOffice, bank: FakeBank) -> None:
    """A file that was changed between the check and the payment is another file."""
    office = make_office(4)
    payroll = office.payroll()
    plan = payroll.plan("november", read_sheet(sheet_of(office.rows)))
    payroll.confirm(plan)
    thief = read_sheet(sheet_of([(*row[:2], row[2] * 9, row[3]) for row in office.rows]))
    assert refused_for(payroll.pay, payroll.plan("november", thief)) == "UNSPECIFIED"
    assert office.came() == [0] * 4


def test_two_payrolls_of_a_home_do_not_run_at_once(make_office: MakeOffice) -> None:
    office = make_office(1)
    with office.payroll().alone(), pytest.raises(PayrollRunning), office.payroll().alone():
        pass
    assert office.run() == 0


def test_a_persons_payment_is_never_taken_for_a_row(
    make_office: MakeOffice, bank: FakeBank
) -> None:
    office = make_office(2)
    office.payroll().submitter.begin()
    bank.down = True
    with pytest.raises(NoAnswer):
        office.run()
    bank.down = False
    payee, _name, fen, memo = office.rows[0]
    assert not office.app.holder().pay(payee, fen, memo).resent
    office.run()
    assert office.came() == [2 * office.wages()[0], office.wages()[1]]


@pytest.mark.usefixtures("few_at_once")
def test_a_wallet_that_is_used_elsewhere_pays_no_more(
    make_office: MakeOffice, bank: FakeBank
) -> None:
    office = make_office(8)
    bank.use_elsewhere(office.number, 3)
    assert refused_for(office.run) == "WALLET_USED_ELSEWHERE"
    assert office.states() == {"DONE": 2, "REFUSED": 1}
    office.again()
    assert refused_for(office.run) == "WALLET_USED_ELSEWHERE"
    assert office.came() == [office.wages()[0], 0, office.wages()[2], *([0] * 5)]
