"""What officers do without each other, or otherwise than they signed, is named by the audit."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey
from sqlalchemy import Table, select, update

from central_bank.authentication.tables import office as central_office
from dcep.office.v1 import office_pb2
from operator_bank.tables import office as bank_office
from runtime.envelope import sign_payload
from settlement.records import AccountFlag, Kind, RecordFlag
from tests.auditor.forging import Beside, made
from tests.auditor.simulated import CENTRAL
from tests.auditor.told import ALICE, CAROL, Stack, named
from tests.officers.people import Person

STRANGER = SigningKey(b"\x77" * 32)


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """Alpha has frozen alice's wallet, by two."""
    stack = Stack(tmp_path)
    acts, now_ms = stack.system.built["alpha"].acts, stack.system.clock.now_ms()
    maker, checker = Person("alpha", "wang"), Person("alpha", "zhou")
    freeze = office_pb2.FreezeWallet(wallet_number=stack.number(ALICE))
    proposal = maker.propose(freeze, now_ms, str(uuid.uuid4()))
    acts.propose(maker.identity, proposal)
    acts.approve(checker.identity, checker.signer.approve(proposal.payload, now_ms))
    assert stack.problems() == []
    return stack


def change(stack: Stack, name: str, table: Table, kind: str, **values: Any) -> None:
    """Changes the newest act of a kind, or the rows of another table."""
    with stack.system.engines[name].begin() as connection:
        statement = update(table).values(values)
        if "kind" in table.c:
            newest = select(table.c.id).where(table.c.kind == kind).order_by(table.c.id.desc())
            statement = statement.where(table.c.id == newest.limit(1).scalar_subquery())
        assert connection.execute(statement).rowcount


def act(stack: Stack, name: str, table: Table, kind: str) -> Any:
    with stack.system.engines[name].connect() as connection:
        query = select(table).where(table.c.kind == kind).order_by(table.c.id.desc())
        return connection.execute(query).first()


def test_a_wallet_frozen_by_nobody_is_named(stack: Stack) -> None:
    record = made(
        kind=Kind.SET_FLAGS, credit=stack.account(CAROL), ref=AccountFlag.FROZEN, digest=7
    )
    stack.forge("alpha", lambda told: told.append(Beside(record)))
    assert named(stack.problems(), "SET_FLAGS", "no act of two officers")


def test_an_act_that_froze_another_wallet_is_named(stack: Stack) -> None:
    def change_wallet(told: list[Beside]) -> None:
        told[-1].record["credit"] = stack.account(CAROL)

    stack.forge("alpha", change_wallet)
    assert named(stack.problems(), "SET_FLAGS", "wallet_number")


def test_an_act_that_one_officer_proposed_and_approved_is_named(stack: Stack) -> None:
    wang, now_ms = Person("alpha", "wang"), stack.system.clock.now_ms()
    row = act(stack, "alpha", bank_office.acts, "freeze_wallet")
    own = wang.signer.approve(bytes(row.proposal), now_ms)
    change(
        stack, "alpha", bank_office.acts, "freeze_wallet",
        decider="wang", decision=own.payload, decision_signature=own.signature,
    )  # fmt: skip
    problems = stack.problems()
    assert named(problems, "table officer_acts", "one officer proposed and approved it")
    assert named(problems, "SET_FLAGS", "no act of two officers")


@pytest.mark.parametrize("what", ["proposal", "decision"])
def test_an_act_with_another_signature_is_named(stack: Stack, what: str) -> None:
    forged = {f"{what}_signature": bytes(64)}
    change(stack, "alpha", bank_office.acts, "freeze_wallet", **forged)
    assert named(stack.problems(), "table officer_acts", what, "not signed by a key")


def test_a_key_that_nobody_gave_an_officer_is_named(stack: Stack) -> None:
    """Who can write into the table gives zhou a key of his own, and signs with it."""
    row = act(stack, "alpha", bank_office.acts, "freeze_wallet")
    signed = sign_payload(office_pb2.OfficerApproval, bytes(row.decision), STRANGER, b"zhou")
    change(stack, "alpha", bank_office.acts, "freeze_wallet", decision_signature=signed.signature)
    credentials = bank_office.credentials
    with stack.system.engines["alpha"].begin() as connection:
        mine = update(credentials).where(credentials.c.officer == "zhou")
        connection.execute(mine.values(signing_key=bytes(STRANGER.verify_key)))
    assert named(stack.problems(), "officer zhou has a key", "neither the founding nor")


def test_a_founding_that_the_bank_did_not_sign_is_named(stack: Stack) -> None:
    change(stack, "alpha", bank_office.founding, "", signature=bytes(64))
    assert named(stack.problems(), "table officer_founding", "business key")


def test_money_issued_by_nobody_is_named(stack: Stack) -> None:
    alpha = stack.bank_accounts("alpha")
    record = made(
        origin=alpha.office, debit=alpha.reserves, credit=alpha.circulation,
        kind=Kind.TRANSFER, sequence=999, amount_fen=77, flags=RecordFlag.NO_LIMIT,
    )  # fmt: skip
    stack.forge(CENTRAL, lambda told: told.append(Beside(record)))
    assert named(stack.problems(), "central-bank", "77 fen", "no act of two officers")


@pytest.mark.parametrize(
    ("field", "value", "said"), [("amount_fen", 78, "amount_fen"), ("sequence", 999, "number")]
)
def test_more_issued_than_two_signed_is_named(
    stack: Stack, field: str, value: int, said: str
) -> None:
    position = act(stack, CENTRAL, central_office.acts, "issue").position

    def more(told: list[Beside]) -> None:
        told[position - 1].record[field] = value

    stack.forge(CENTRAL, more)
    assert named(stack.problems(), "central-bank", f"position={position}", said)
