"""Decides which bank bears the loss of a double spend beyond the float, and up to which cap.

docs/decisions/0005 says who pays, and why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, Select, func, insert, select

from central_bank.authentication.banks import AdmittedBank
from central_bank.context import Context
from central_bank.limits import MAX_BEARERS, MAX_LOSS_PER_DEVICE_FEN, MAX_LOSS_PER_LOAD
from central_bank.registration.offline.double_spends import Allocation, ProvenDoubleSpend
from central_bank.registration.offline.tables import losses, tokens
from dcep.purposes.v1 import purposes_pb2
from settlement.builders import Row, linked, records_of, transfer
from settlement.core import Batch
from settlement.records import RecordFlag, Result


class Losses:
    """Takes what the float does not pay from the banks that have to bear it."""

    def __init__(self, context: Context) -> None:
        self._database = context.database
        self._ledger = context.ledger
        self._registry = context.registry
        self._clock = context.clock

    def beyond_cap(self, allocations: Sequence[Allocation]) -> bool:
        """Whether these losses, with earlier ones, exceed what is paid for double spends."""
        by_load: Counter[tuple[int, int]] = Counter()
        by_device: Counter[bytes] = Counter()
        for allocation in allocations:
            for double, fen in allocation.lost:
                by_load[self._load(allocation.end.token_id)] += fen
                by_device[double.device] += fen
        return (
            any(
                fen + self._lost_of_load(load) > MAX_LOSS_PER_LOAD * self._value(load)
                for load, fen in by_load.items()
            )
            or any(
                fen + self._lost_by_device(device) > MAX_LOSS_PER_DEVICE_FEN
                for device, fen in by_device.items()
            )
            or len(self.borne(allocations)) > MAX_BEARERS
        )

    def borne(self, allocations: Sequence[Allocation]) -> dict[int, int]:
        """Fen that each bank has to bear, by its index."""
        borne: Counter[int] = Counter()
        for allocation in allocations:
            for double, fen in allocation.lost:
                borne[self._bearer(double)] += fen
        return dict(borne)

    def paying(self, allocations: Sequence[Allocation]) -> dict[int, int]:
        """Fen that each loss account pays, by its number, once it is funded."""
        banks = self._registry.by_index()
        return {banks[bank].accounts.loss: fen for bank, fen in self.borne(allocations).items()}

    def fund(self, borne: Mapping[int, int]) -> bool:
        """Takes what banks have to bear from their reserves; False if one's do not suffice, and
        then nothing is taken from any.

        Args:
            borne: fen by index of the bank.
        """
        banks = self._registry.by_index()
        now_ms = self._clock.now_ms()
        moves: list[Row] = []
        for bank, amount_fen in borne.items():
            loss, reserves = banks[bank].accounts.loss, banks[bank].accounts.reserves
            there, held = self._ledger.read([loss, reserves])
            missing = amount_fen - int(there["available_fen"])
            if missing > int(held["available_fen"]):
                return False
            if missing > 0:
                moves.append(
                    transfer(
                        origin=loss,
                        sequence=0 if moves else int(there["last_sequence"]) + 1,
                        debit=reserves,
                        credit=loss,
                        amount_fen=missing,
                        purpose=purposes_pb2.PURPOSE_DOUBLE_SPEND,
                        time_ms=now_ms,
                        flags=RecordFlag.NO_LIMIT,
                    )
                )
        if not moves:
            return True
        answers = self._ledger.submit(Batch(records_of(linked(moves))))
        return bool((answers.results == Result.ACCEPTED).all())

    def put(
        self,
        connection: Connection,
        bank: AdmittedBank,
        number: int,
        allocations: Sequence[Allocation],
        now_ms: int,
    ) -> None:
        """Keeps the losses of a deposit, in the transaction that takes them."""
        rows = [
            {
                "piece_id": allocation.end.id,
                "lost_at": double.piece.id,
                "token_id": allocation.end.token_id,
                "device_key": double.device,
                "borne_by": self._bearer(double),
                "amount_fen": fen,
                "bank": bank.index,
                "number": number,
                "time_ms": now_ms,
            }
            for allocation in allocations
            for double, fen in allocation.lost
        ]
        if rows:
            connection.execute(insert(losses), rows)

    def _bearer(self, double: ProvenDoubleSpend) -> int:
        """Index of the bank that certified the device."""
        return self._registry.get(double.certificate.bank).index

    def _load(self, token_id: bytes) -> tuple[int, int]:
        """The load that a token comes from: its bank's index and its number."""
        query = select(tokens.c.bank, tokens.c.number).where(tokens.c.token_id == token_id)
        row = self._database.read(lambda c: c.execute(query).one())
        return row.bank, row.number

    def _lost_by_device(self, device: bytes) -> int:
        return self._sum(select(func.sum(losses.c.amount_fen)).where(losses.c.device_key == device))

    def _lost_of_load(self, load: tuple[int, int]) -> int:
        """Fen lost so far for all tokens of a load."""
        query = select(func.sum(losses.c.amount_fen)).join(
            tokens, tokens.c.token_id == losses.c.token_id
        )
        return self._sum(query.where(*_of(load)))

    def _value(self, load: tuple[int, int]) -> int:
        return self._sum(select(func.sum(tokens.c.value_fen)).where(*_of(load)))

    def _sum(self, query: Select[int]) -> int:
        return int(self._database.read(lambda c: c.execute(query).scalar()) or 0)


def _of(load: tuple[int, int]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return tokens.c.bank == load[0], tokens.c.number == load[1]
