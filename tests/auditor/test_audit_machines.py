"""What the audit finds of cash machines, and of cash that no machine took in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from nacl.signing import SigningKey
from sqlalchemy import create_engine, insert

from auditor.signatures.acts import Approved
from auditor.signatures.machines import CashMachines, machine_rows
from auditor.signatures.orders import Wrong
from auditor.signatures.verifying import Problems, Signatures, Verifying
from console.cash_machine import CashMachine
from console.tray import Tray
from dcep.bank.v1 import orders_pb2
from dcep.office.v1 import office_pb2
from operator_bank.exchange.tables import cash_machines
from operator_bank.tables import metadata

FIRST, SECOND, THIEF = (SigningKey(bytes([n]) * 32) for n in (1, 2, 3))
NUMBER = "6201000000000012"
FOUNDED = [("machine-1", FIRST)]


def registered(number: int, name: str, key: SigningKey) -> Approved:
    asked = office_pb2.RegisterCashMachine(name=name, public_key=bytes(key.verify_key))
    return Approved(number, 0, office_pb2.OfficerAct(register_cash_machine=asked), "zhou", 0)


def revoked(number: int, name: str) -> Approved:
    asked = office_pb2.RevokeCashMachine(name=name)
    return Approved(number, 0, office_pb2.OfficerAct(revoke_cash_machine=asked), "zhou", 0)


class Books:
    """A bank's table of machines, and what the audit says of it."""

    def __init__(
        self,
        rows: Sequence[tuple[str, SigningKey, int, int | None]],
        acts: Sequence[Approved] = (),
        since: Sequence[tuple[str, SigningKey, int, int | None]] = (),
        founding: Sequence[tuple[str, SigningKey]] = (),
    ) -> None:
        """A table of machines.

        Args:
            rows: of the table.
            acts: that took effect.
            since: what came into the table while the acts were read.
            founding: the machines of the founding record.
        """
        engine = create_engine("sqlite://")
        metadata.create_all(engine)
        found = []
        for some in (rows, since):
            with engine.begin() as connection:
                for name, key, by, until in some:
                    values: dict[str, object] = {"name": name, "public_key": bytes(key.verify_key)}
                    values |= {"registered_by": by, "revoked_by": until}
                    connection.execute(insert(cash_machines), values)
            found.append(machine_rows(engine))
        self._problems = Problems()
        self._verifying = Verifying(Signatures.ALL, records=1)
        first = {name: bytes(key.verify_key) for name, key in founding}
        self.machines = CashMachines(
            found[0], first, acts, found[1], self._problems, self._verifying
        )

    def found(self) -> str:
        self._verifying.finish()
        return "; ".join(self._problems.all())


def top_up(
    key: SigningKey, name: str, fen: int = 500, said_fen: int = 500
) -> orders_pb2.ExchangeOrder:
    """An order that puts cash in, by a receipt of such a machine."""
    receipt = CashMachine("alpha", key, name).receipt(NUMBER, said_fen)
    return orders_pb2.ExchangeOrder(
        wallet_number=NUMBER,
        direction=orders_pb2.EXCHANGE_DIRECTION_TOP_UP,
        amount_fen=fen,
        cash_receipt=receipt,
    )


def test_machines_of_the_founding_and_of_acts_are_proved() -> None:
    acts = [registered(4, "desk", SECOND), revoked(6, "desk")]
    books = Books([("machine-1", FIRST, 0, None), ("desk", SECOND, 4, 6)], acts, founding=FOUNDED)
    for key, name in ((FIRST, "machine-1"), (SECOND, "desk")):
        books.machines.stands_behind(top_up(key, name), "alpha", "here")  # type: ignore[arg-type]
    assert books.found() == ""


@pytest.mark.parametrize(
    ("row", "acts", "said"),
    [
        (("mine", THIEF, 3, None), [revoked(5, "machine-1")], "no act of two officers"),
        (("mine", THIEF, 10**9, None), [revoked(5, "machine-1")], "no act of two officers"),
        (("desk", SECOND, 4, 0), [registered(4, "desk", SECOND)], "no act of two officers"),
        (("desk", SECOND, 4, 10**9), [registered(4, "desk", SECOND)], "no act of two officers"),
        (("mine", THIEF, 0, None), [], "the founding record has no such machine"),
        (("machine-1", THIEF, 0, None), [], "the founding record has no such machine"),
        (("desk", SECOND, 4, None), [registered(4, "desk", SECOND)], "machine-1 of the founding"),
        (
            ("machine-1", FIRST, 0, None),
            [registered(4, "desk", SECOND)],
            "desk of act 4 is missing",
        ),
        (("desk", THIEF, 4, None), [registered(4, "desk", SECOND)], "for another key"),
        (("mine", THIEF, 4, None), [registered(4, "desk", SECOND)], "no act of two officers"),
        (
            ("desk", SECOND, 4, None),
            [registered(4, "desk", SECOND), revoked(6, "desk")],
            "an act of two officers revoked it",
        ),
        (
            ("desk", SECOND, 4, 5),
            [registered(4, "desk", SECOND), revoked(6, "machine-1")],
            "no act of two officers",
        ),
    ],
)
def test_a_machine_that_no_act_made_or_that_one_revoked_is_named(
    row: tuple[str, SigningKey, int, int | None], acts: Sequence[Approved], said: str
) -> None:
    assert said in Books([row], acts, founding=FOUNDED).found()


def test_a_machine_that_is_registered_while_the_audit_runs_is_left_to_the_next_one() -> None:
    books = Books(
        [("machine-1", FIRST, 0, None)], since=[("desk", SECOND, 4, None)], founding=FOUNDED
    )
    assert books.found() == ""
    with pytest.raises(Wrong, match="no machine"):
        books.machines.stands_behind(top_up(SECOND, "desk"), "alpha", "here")  # type: ignore[arg-type]


def test_cash_that_no_machine_took_in_is_named() -> None:
    books = Books([("machine-1", FIRST, 0, None)], founding=FOUNDED)
    for order, said in (
        (orders_pb2.ExchangeOrder(wallet_number=NUMBER, amount_fen=500), "no machine"),
        (top_up(THIEF, "mine"), "no machine"),
        (top_up(FIRST, "machine-1", fen=501), "cash"),
    ):
        with pytest.raises(Wrong, match=said):
            books.machines.stands_behind(order, "alpha", "here")  # type: ignore[arg-type]
    with pytest.raises(Wrong, match="bank"):
        books.machines.stands_behind(top_up(FIRST, "machine-1"), "beta", "here")  # type: ignore[arg-type]
    books.machines.stands_behind(top_up(THIEF, "machine-1"), "alpha", "position 7")  # type: ignore[arg-type]
    assert "position 7: its receipt" in books.found()


def test_notes_that_went_out_were_ready_and_not_taken_in(tmp_path: Path) -> None:
    books = Books([("machine-1", FIRST, 0, None)], founding=FOUNDED)
    machine = CashMachine("alpha", FIRST, "machine-1")
    for place, receipt in (
        ("first", machine.ready(NUMBER, 500, Tray(tmp_path))),
        ("second", machine.receipt(NUMBER, 500)),
    ):
        order = orders_pb2.ExchangeOrder(
            wallet_number=NUMBER,
            direction=orders_pb2.EXCHANGE_DIRECTION_CASH_OUT,
            amount_fen=500,
            cash_receipt=receipt,
        )
        books.machines.stands_behind(order, "alpha", place)
    found = books.found()
    assert "second: its receipt" in found and "first: its receipt" not in found


def test_cash_that_is_counted_twice_is_named() -> None:
    """Whoever deletes the row of a used receipt has the bank take it once more."""
    books = Books([("machine-1", FIRST, 0, None)], founding=FOUNDED)
    first, second = top_up(FIRST, "machine-1"), top_up(FIRST, "machine-1")
    second.sequence = first.sequence + 1
    second.cash_receipt.CopyFrom(first.cash_receipt)
    other = top_up(FIRST, "machine-1")
    for order in (first, other):
        books.machines.stands_behind(order, "alpha", "here")
    with pytest.raises(Wrong, match="stands behind an earlier exchange"):
        books.machines.stands_behind(second, "alpha", "here")
    assert books.found() == ""
