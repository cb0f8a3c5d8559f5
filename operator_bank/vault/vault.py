"""Keeps the vault: asks for issuance when it is short, reserves for redemptions, shows the
books.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sqlalchemy import func, select

from currency.amount import format_yuan
from dcep.errors.v1 import errors_pb2
from dcep.purposes.v1 import purposes_pb2
from operator_bank.context import Context
from operator_bank.ledger import accounts
from operator_bank.ledger.reasons import refusal_of
from operator_bank.ledger.tables import ledger as tables
from operator_bank.payments.tables import IS_PENDING, outbound
from operator_bank.vault.drawing import Drawing
from runtime.checks import amount, invalid
from runtime.errors import Refusal
from settlement.builders import records_of, refusal, transfer
from settlement.core import Batch
from settlement.records import RecordFlag, Result

_OF = tables.balances.c
_SUMS = select(
    func.sum(_OF.available_fen).filter(_OF.account >= accounts.FIRST_OF_WALLETS),
    func.sum(_OF.held_fen),
    select(func.count()).select_from(outbound).where(IS_PENDING).scalar_subquery(),
).where(_OF.ledger == accounts.CURRENCY)
"""What wallets have, what is held, and how many payments are on their way, of one moment."""


@dataclass(frozen=True)
class Books:
    """The bank's side of equation 2, in fen, and how far its books have come."""

    mirror_fen: int
    vault_fen: int
    wallets_fen: int
    holds_fen: int
    suspense_fen: int
    lost_fen: int
    feed_position: int
    journal_position: int
    projected_position: int
    pending_outbound: int


class Vault:
    """The currency that the bank holds."""

    def __init__(self, context: Context) -> None:
        self._ledger = context.ledger
        self._history = context.history
        self._projection = context.books.projection
        self.drawing = Drawing(context)
        self._clock = context.clock

    def draw(self, number: str, sequence: int, missing_fen: int) -> None:
        """Has issuance asked for, as much as is missing for an order."""
        self.drawing.want(f"{number} {sequence}", missing_fen)

    def reserve_for_redemption(self, number: int, amount_fen: int) -> None:
        """Takes money out of the vault for a redemption, once for each number.

        Raises:
            Refusal: VAULT_SHORT if the vault does not have so much.
        """
        if number < 1:
            raise invalid("number", "is at least 1")
        amount(amount_fen)
        reserved = transfer(
            origin=accounts.REDEMPTION_RESERVE,
            sequence=number,
            debit=accounts.VAULT,
            credit=accounts.REDEMPTION_RESERVE,
            amount_fen=amount_fen,
            purpose=purposes_pb2.PURPOSE_REDEMPTION_RESERVE,
            time_ms=self._clock.now_ms(),
            flags=RecordFlag.NO_LIMIT,
        )
        result = self._ledger.submit(Batch(records_of([reserved]))).result(0)
        if result == Result.INSUFFICIENT_FUNDS:
            vault_fen = int(self._ledger.read([accounts.VAULT])[0]["available_fen"])
            missing_fen = max(amount_fen - vault_fen, 0)
            raise Refusal(
                errors_pb2.REASON_VAULT_SHORT,
                f"the bank's vault is {format_yuan(missing_fen)} yuan short",
                field="amount_fen",
                missing_fen=str(missing_fen),
            )
        if not result.accepted:
            raise refusal_of(result)

    def was_reserved(self, number: int) -> bool:
        """Whether money is reserved for a redemption; if not, none can be from now on."""
        never = refusal(
            origin=accounts.REDEMPTION_RESERVE,
            sequence=number,
            debit=accounts.REDEMPTION_RESERVE,
            credit=accounts.VAULT,
            purpose=purposes_pb2.PURPOSE_REDEMPTION_RESERVE,
            time_ms=self._clock.now_ms(),
        )
        self._ledger.submit(Batch(records_of([never])))
        found = self._history.find(accounts.REDEMPTION_RESERVE, number)
        return found is not None and Result(found.result).accepted

    def reserved_fen(self, number: int) -> int:
        """Fen reserved for a redemption; 0 if nothing was."""
        found = self._history.find(accounts.REDEMPTION_RESERVE, number)
        if found is None or not Result(found.result).accepted:
            return 0
        return int(found.record["amount_fen"])

    def books(self) -> Books:
        """The books; wallets and holds are those of the projection, which is brought up to date
        first.

        Raises:
            Refusal: OVERLOADED while what is made from the journal is made again.
        """
        with self._history.followed(balances=True) as connection:
            wallets_fen, holds_fen, pending = connection.execute(_SUMS).one()
        rows = self._ledger.read(
            [
                accounts.MIRROR,
                accounts.VAULT,
                accounts.REDEMPTION_RESERVE,
                accounts.SUSPENSE,
                accounts.LOST,
            ]
        )
        mirror, vault, reserve_for_redemption, suspense, lost = rows["available_fen"].tolist()
        return Books(
            mirror_fen=mirror,
            vault_fen=vault + reserve_for_redemption,
            wallets_fen=int(wallets_fen or 0),
            holds_fen=int(holds_fen or 0),
            suspense_fen=suspense,
            lost_fen=lost,
            feed_position=int(np.int64(rows[0]["last_sequence"])),
            journal_position=self._ledger.position(),
            projected_position=self._projection.position(),
            pending_outbound=int(pending),
        )
