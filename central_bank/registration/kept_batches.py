"""Keeps what banks signed, so that everything it moved can be proved.

There is a row for each signed batch of which anything went to the journal, written in the
transaction of the first record that did. A payment is already the note of its own record. So of a
batch of payments only the rest is kept: what surrounds the payments, and the payments that were not
journaled with the first. What the bank signed can be rebuilt from both, byte for byte.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy import Connection, insert

from central_bank.authentication.banks import AdmittedBank
from central_bank.registration.tables import bank_batches
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.registration.v1 import registration_pb2
from runtime.kept_payload import KeptPayload, take_apart
from settlement.core import Answers
from settlement.records import Result

PAYMENTS, REGISTRATION, DEPOSIT = "payments", "registration", "deposit"
_PAYMENTS_FIELD = registration_pb2.OutboundBatch.PAYMENTS_FIELD_NUMBER


class SignedBatch:
    """A signed batch of a bank, kept once, with the first record that it makes.

    Attributes:
        bank: who signed it.
        envelope: what was signed.
    """

    def __init__(self, bank: AdmittedBank, kind: str, envelope: SignedEnvelope) -> None:
        self.bank = bank
        self._kind = kind
        self.envelope = envelope
        self._kept = False
        self._bytes = 0

    def kept_bytes(self) -> int:
        """How many bytes were kept, besides the journal's, since this was last called."""
        kept, self._bytes = self._bytes, 0
        return kept

    def keep_whole(self, connection: Connection, answers: Answers) -> None:
        """Keeps the whole batch, if the first of these records is new."""
        if not self._kept and not answers.repeated[0] and answers.positions[0]:
            self._put(
                connection, int(answers.positions[0]), 1, KeptPayload(self.envelope.payload, None)
            )

    def keep_payments(
        self,
        connection: Connection,
        answers: Answers,
        payments: Sequence[registration_pb2.OutboundPayment],
        places: Sequence[int],
    ) -> None:
        """Keeps the part of a batch of payments that is not in the journal, once any of them is
        new.

        Args:
            connection: of the transaction that journals them.
            answers: the rule's, to the payments at `places`.
            payments: all payments of the batch.
            places: of those that were decided, in the batch.
        """
        if self._kept:
            return
        new = (answers.positions > 0) & ~answers.repeated & (answers.results != Result.ID_REUSED)
        if not new.any():
            return
        journaled = {places[index] for index in np.flatnonzero(new).tolist()}
        kept = take_apart(
            self.envelope.payload,
            _PAYMENTS_FIELD,
            [payment.SerializeToString() for payment in payments],
            journaled,
        )
        self._put(connection, int(answers.positions[new][0]), len(journaled), kept)

    def _put(self, connection: Connection, position: int, count: int, kept: KeptPayload) -> None:
        row = {
            "position": position,
            "count": count,
            "bank": self.bank.index,
            "kind": self._kind,
            "head": kept.head,
            "others": kept.others,
            "signature": self.envelope.signature,
        }
        connection.execute(insert(bank_batches), row)
        self._kept = True
        self._bytes = len(kept.head) + len(kept.others or b"") + len(self.envelope.signature)
