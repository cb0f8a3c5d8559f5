"""What banks signed, kept so that whatever it moved can be held against it.

A row for each signed batch of which anything went to the journal, written in the transaction of
the first that did. A payment is the note of its own record already, so of a batch of payments only
what surrounds them is kept, and those that were not journaled with the first: what a bank signed
is made again from both, byte for byte.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy import Connection, insert

from central_bank.authentication.banks import Bank
from central_bank.registration.tables import bank_batches
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.registration.v1 import registration_pb2
from runtime.kept_payload import KeptPayload, take_apart
from settlement.core import Answers
from settlement.records import Result

PAYMENTS, REGISTRATION, DEPOSIT = "payments", "registration", "deposit"
_PAYMENTS_FIELD = registration_pb2.OutboundBatch.PAYMENTS_FIELD_NUMBER


class SignedBatch:
    """A batch of a bank, written down once, with the first that it moves.

    Attributes:
        bank: who signed it.
        envelope: what was signed.
    """

    def __init__(self, bank: Bank, kind: str, envelope: SignedEnvelope) -> None:
        self.bank = bank
        self._kind = kind
        self.envelope = envelope
        self._kept = False
        self._bytes = 0

    def kept_bytes(self) -> int:
        """How many bytes were kept since it was asked for the last time, beside the journal's."""
        kept, self._bytes = self._bytes, 0
        return kept

    def keep_whole(self, connection: Connection, answers: Answers) -> None:
        """Keeps all of it, where the first of these records is new."""
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
        """Keeps what is not in the journal of a batch of payments, once any of it is.

        Args:
            payments: all of the batch.
            places: in it, of those that were decided; the answers are theirs.
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
