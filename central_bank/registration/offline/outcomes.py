"""Keeps the final answers to deposits: refused ones in a table, settled ones in the journal."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Connection, delete, insert, select

from central_bank.authentication.banks import AdmittedBank
from central_bank.authentication.central_keys import CentralKeys
from central_bank.context import Context
from central_bank.limits import MAX_REFUSED_DEPOSITS
from central_bank.registration.offline.pending_deposits import PendingDeposits, item_digest
from central_bank.registration.offline.tables import refused_deposits
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from runtime.chunks import chunks
from runtime.envelope import key_id, sign
from runtime.errors import as_reason
from settlement.records import Result

SETTLED = registration_pb2.OUTCOME_STATE_SETTLED
REFUSED = registration_pb2.OUTCOME_STATE_REFUSED
PENDING = registration_pb2.OUTCOME_STATE_PENDING
_of = refused_deposits.c
LOOKED_AFTER_EACH = 1_000


@dataclass(frozen=True)
class DepositOutcome:
    """What became of one deposit."""

    number: int
    state: int
    reason: int = 0
    amount_fen: int = 0
    verdict: int = 0
    refusal: SignedEnvelope | None = None
    """The central bank's signed DepositRefusal, if it was refused."""


class DepositOutcomes:
    """Final answers by bank and number; a deposit keeps its first one."""

    def __init__(self, context: Context, pending: PendingDeposits, keys: CentralKeys) -> None:
        self._keys = keys
        self._clock = context.clock
        self._database = context.database
        self._ledger = context.ledger
        self._history = context.history
        self._pending = pending
        self._refused: Counter[int] = Counter()
        """Refusals by bank since the start; now and then it is checked whether too many are
        kept."""

    def find(
        self, bank: AdmittedBank, item: registration_pb2.TokenDepositItem
    ) -> DepositOutcome | None:
        """The final answer to this deposit; None if there is none yet."""
        same = (_of.bank == bank.index) & (_of.number == item.number)
        query = select(refused_deposits).where(same)
        row = self._database.read(lambda c: c.execute(query).first())
        if row is not None:
            if bytes(row.digest) != _payment_digest(item):
                return self._refusal(bank, item, errors_pb2.REASON_ID_REUSED)
            return self._refusal(bank, item, row.reason, row.verdict, bytes(row.ruling))
        settled = self._history.row(bank.accounts.deposits, item.number)
        if settled is None:
            return None
        if int.from_bytes(bytes(settled.digest), "little") != item_digest(item):
            return self._refusal(bank, item, errors_pb2.REASON_ID_REUSED)
        if not Result(settled.result).accepted:
            return self._refusal(bank, item, errors_pb2.REASON_INTERNAL)
        note = registration_pb2.TokensDeposited.FromString(bytes(settled.note))
        return DepositOutcome(item.number, SETTLED, 0, note.whole_fen)

    def none_yet(self, bank: AdmittedBank, numbers: Sequence[int]) -> set[int]:
        """Those of these numbers that have no final answer yet."""
        account = bank.accounts.deposits
        last = int(self._ledger.read([account])[0]["last_sequence"])
        refused = self._database.read(lambda c: _refused(c, bank, numbers))
        late = self._history.rows({(account, number) for number in numbers if number <= last})
        return set(numbers) - refused - {number for _, number in late}

    def refuse(
        self,
        bank: AdmittedBank,
        item: registration_pb2.TokenDepositItem,
        reason: int,
        verdict: int = 0,
        ruling: bytes = b"",
    ) -> DepositOutcome:
        """Refuses a deposit for good; with a ruling its piece has ended too.

        Args:
            bank: whose deposit it is.
            item: the deposit.
            reason: a Reason.
            verdict: a TokenVerdict; 0 for none.
            ruling: the root's, encoded; b"" for none.
        """
        row = {
            "bank": bank.index,
            "number": item.number,
            "digest": _payment_digest(item),
            "reason": reason,
            "verdict": verdict,
            "ruling": ruling,
        }

        def put(connection: Connection) -> None:
            connection.execute(insert(refused_deposits), row)
            self._pending.end(connection, bank, item.number)
            self._refused[bank.index] += 1
            if self._refused[bank.index] % LOOKED_AFTER_EACH == 0:
                _forget_old(connection, bank)

        self._database.transaction(put)
        return self._refusal(bank, item, reason, verdict, ruling)

    def _refusal(
        self,
        bank: AdmittedBank,
        item: registration_pb2.TokenDepositItem,
        reason: int,
        verdict: int = 0,
        ruling: bytes = b"",
    ) -> DepositOutcome:
        """The signed refusal. It is signed because otherwise the bank alone could take a holder's
        money.
        """
        told = registration_pb2.DepositRefusal(
            bank=bank.name,
            number=item.number,
            payment_digest=_payment_digest(item),
            reason=as_reason(reason),
            verdict=as_verdict(verdict),
            ruling=ruling,
            signed_time_ms=self._clock.now_ms(),
        )
        key = self._keys.signing()
        name = key_id(bytes(key.verify_key))
        signed = sign(told, key, name)
        return DepositOutcome(item.number, REFUSED, reason, 0, verdict, signed)


def as_verdict(number: int) -> registration_pb2.TokenVerdict:
    """A verdict as tables keep it, for a message's field; its type alone differs."""
    return cast("registration_pb2.TokenVerdict", number)


def _forget_old(connection: Connection, bank: AdmittedBank) -> None:
    own = _of.bank == bank.index
    newest = select(_of.number).where(own).order_by(_of.number.desc())
    last = connection.execute(newest.offset(MAX_REFUSED_DEPOSITS).limit(1)).scalar()
    if last is not None:
        connection.execute(delete(refused_deposits).where(own, _of.number <= last))


def _payment_digest(item: registration_pb2.TokenDepositItem) -> bytes:
    return hashlib.sha256(item.offline_payment).digest()


def _refused(connection: Connection, bank: AdmittedBank, numbers: Sequence[int]) -> set[int]:
    found: set[int] = set()
    for chunk in chunks(numbers):
        query = select(_of.number).where(_of.bank == bank.index, _of.number.in_(chunk))
        found |= set(connection.execute(query).scalars())
    return found
