"""Performs acts that move money between reserves and circulation, each by two officers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from central_bank.authentication.banks import AdmittedBank
from central_bank.context import Context
from central_bank.issuance.redemption_reserve import RedemptionReserves
from central_bank.issuance.requests import APPROVED, ISSUE, REDEEM, REJECTED, BankRequests
from central_bank.ledger import accounts
from central_bank.ledger.accounts import BankAccounts
from currency.amount import format_yuan
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from officers.effects import Act, Decision, Effect
from runtime.checks import amount
from runtime.errors import Refusal
from settlement.builders import Row, records_of, refused, transfer
from settlement.core import Answers, Batch
from settlement.records import RecordFlag, Result

PAY_IN, PAY_OUT = "pay_in_reserves", "pay_out_reserves"


@dataclass(frozen=True)
class _Move:
    """From which of a bank's accounts an act moves money to which, and the Reason if the first is
    short.
    """

    kind: str
    right: int
    debit: Callable[[BankAccounts], int]
    credit: Callable[[BankAccounts], int]
    purpose: int
    short: int


def _paid_in(_: BankAccounts) -> int:
    return accounts.PAID_IN


def _reserves(of: BankAccounts) -> int:
    return of.reserves


def _circulation(of: BankAccounts) -> int:
    return of.circulation


_RESERVES, _ISSUANCE = office_pb2.RIGHT_RESERVES, office_pb2.RIGHT_ISSUANCE
_RESERVES_SHORT = errors_pb2.REASON_RESERVES_SHORT
_PAY_IN = _Move(PAY_IN, _RESERVES, _paid_in, _reserves, purposes_pb2.PURPOSE_RESERVES_IN, 0)
_PAY_OUT = _Move(
    PAY_OUT,
    _RESERVES,
    _reserves,
    _paid_in,
    purposes_pb2.PURPOSE_RESERVES_OUT,
    _RESERVES_SHORT,
)
_ISSUE = _Move(
    ISSUE,
    _ISSUANCE,
    _reserves,
    _circulation,
    purposes_pb2.PURPOSE_ISSUANCE,
    _RESERVES_SHORT,
)
_REDEEM = _Move(
    REDEEM,
    _ISSUANCE,
    _circulation,
    _reserves,
    purposes_pb2.PURPOSE_REDEMPTION,
    errors_pb2.REASON_CIRCULATION_SHORT,
)


class MoneyEffect(Effect):
    """The effect of an act that is one record: settled once by the act's number, in the transaction
    that marks the act.
    """

    def __init__(self, context: Context, move: _Move, requests: BankRequests) -> None:
        self.right = move.right
        self._move = move
        self._database = context.database
        self.ledger = context.ledger
        self._registry = context.registry
        self._requests = requests
        self._clock = context.clock
        self._standing = context.standing

    def check(self, act: Act) -> None:
        """See `Effect.check`."""
        self._standing.check()
        bank, fen = self.bank(act), amount(act.asked.amount_fen)
        if _request(act):
            self._requests.check(_request(act), bank, act.kind, fen)
        if self._move.short:
            row = self.ledger.read([self._move.debit(bank.accounts)])[0]
            missing = fen - int(row["available_fen"])
            if missing > 0:
                raise self._short(missing)

    def perform(self, act: Act, decision: Decision) -> None:
        """See `Effect.perform`."""
        self.check(act)
        record = self.record(act)
        result = self.ledger.submit(
            Batch(records_of([record]), [_note(act)], partial(self._mark, act, decision))
        ).result(0)
        if result == Result.INSUFFICIENT_FUNDS:
            # The money was spent between the check and the decision; this act has ended.
            raise self._short(act.asked.amount_fen)
        if not result.accepted:
            raise _refused(result)

    def end(self, act: Act, decision: Decision) -> None:
        """See `Effect.end`."""
        self._database.transaction(lambda c: self._ended(c, act, decision))

    def ended(self, connection: Connection, act: Act) -> None:
        """Does what else belongs to the end of an act, in its transaction."""

    def bank(self, act: Act) -> AdmittedBank:
        """The bank that the act is about."""
        return self._registry.get(act.asked.bank)

    def record(self, act: Act) -> Row:
        """The record that moves the money."""
        bank = self.bank(act)
        return transfer(
            origin=bank.accounts.office,
            sequence=act.number,
            debit=self._move.debit(bank.accounts),
            credit=self._move.credit(bank.accounts),
            amount_fen=act.asked.amount_fen,
            purpose=self._move.purpose,
            time_ms=self._clock.now_ms(),
            flags=RecordFlag.NO_LIMIT,
            digest=act.record_digest,
        )

    def _mark(self, act: Act, decision: Decision, connection: Connection, answers: Answers) -> None:
        accepted = answers.result(0).accepted
        reason = 0 if accepted else self._move.short or errors_pb2.REASON_ALREADY_DECIDED
        decision.mark(connection, position=int(answers.positions[0]), reason=reason)
        self.ended(connection, act)
        if accepted and _request(act):
            self._requests.answered(connection, self.bank(act), _request(act), APPROVED, act.number)

    def _ended(
        self, connection: Connection, act: Act, decision: Decision, position: int = 0
    ) -> None:
        decision.mark(connection, position=position)
        self.ended(connection, act)
        if decision.state == office_pb2.ACT_STATE_REJECTED and _request(act):
            self._requests.answered(connection, self.bank(act), _request(act), REJECTED, act.number)

    def _short(self, missing: int) -> Refusal:
        what = "circulation" if self._move is _REDEEM else "reserves"
        return Refusal(
            self._move.short,
            f"the bank's {what} are {format_yuan(missing)} yuan short",
            field="amount_fen",
            missing_fen=str(missing),
        )


class Redemption(MoneyEffect):
    """The effect of a redemption: the bank's vault first reserves the money, and gets it back if
    the act is rejected.
    """

    def __init__(
        self, context: Context, requests: BankRequests, redemption_reserves: RedemptionReserves
    ) -> None:
        super().__init__(context, _REDEEM, requests)
        self._redemption_reserves = redemption_reserves

    def ready(self, act: Act) -> None:
        """See `Effect.ready`: has the vault reserve the money, once by the act's number."""
        self._redemption_reserves.ask(act.number, self.bank(act).index, act.asked.amount_fen)

    def perform(self, act: Act, decision: Decision) -> None:
        """See `Effect.perform`."""
        if not self._redemption_reserves.is_reserved(act.number):
            raise Refusal(
                errors_pb2.REASON_PEER_UNAVAILABLE,
                f"bank {act.asked.bank} has not said yet that it has reserved the money; it is"
                " asked again by and by",
            )
        super().perform(act, decision)

    def ended(self, connection: Connection, act: Act) -> None:
        """See `MoneyEffect.ended`."""
        self._redemption_reserves.over(connection, act.number)

    def end(self, act: Act, decision: Decision) -> None:
        """See `Effect.end`; the bank learns of it from its feed."""
        ended = refused(self.record(act))

        def in_transaction(connection: Connection, answers: Answers) -> None:
            self._ended(connection, act, decision, int(answers.positions[0]))

        self.ledger.submit(Batch(records_of([ended]), None, in_transaction))


def money_effects(
    context: Context, requests: BankRequests, redemption_reserves: RedemptionReserves
) -> Mapping[str, Effect]:
    """The effects of acts that move money, by the kind of act."""
    return {
        PAY_IN: MoneyEffect(context, _PAY_IN, requests),
        PAY_OUT: MoneyEffect(context, _PAY_OUT, requests),
        ISSUE: MoneyEffect(context, _ISSUE, requests),
        REDEEM: Redemption(context, requests, redemption_reserves),
    }


def _request(act: Act) -> str:
    """The bank's request that an act answers, or ""."""
    return str(act.asked.request_id) if act.kind in (ISSUE, REDEEM) else ""


def _note(act: Act) -> bytes:
    fen, act_id = act.asked.amount_fen, act.content.act_id
    if act.kind == ISSUE:
        issued = registration_pb2.Issued(amount_fen=fen, request_id=act_id)
        return bytes(issued.SerializeToString())
    if act.kind == REDEEM:
        redeemed = registration_pb2.Redeemed(amount_fen=fen, request_id=act_id)
        return bytes(redeemed.SerializeToString())
    return b""


def _refused(result: Result) -> Refusal:
    return Refusal(
        errors_pb2.REASON_ALREADY_DECIDED,
        f"the ledger has another end of it: {result.name}",
        field="act_id",
    )
