"""Asks the bank that has a label whom it stands for, on behalf of another bank.

The directory does not see the answer: it is sealed by a key of the banks. Where there is nobody to
ask, or no answer in time, as many random bytes are given, at the same moments.
"""

from __future__ import annotations

import os
from concurrent.futures import Future

from sqlalchemy import Connection

from central_bank.aliases.budgets import check_lookups, count_lookup
from central_bank.aliases.changes import AliasChanges
from central_bank.authentication.banks import AdmittedBank
from central_bank.context import Context
from central_bank.peers.asking import Asking
from dcep.bank.v1 import inbound_pb2
from runtime.bounds import greatest_in
from runtime.errors import NoAnswer, Refusal
from runtime.one_call_each import OneCallEach

ANSWER_BYTES = greatest_in(inbound_pb2.AnswerAliasResponse, "answer")


class AliasFinding:
    """The use-case behind FindAlias."""

    def __init__(
        self,
        context: Context,
        changes: AliasChanges,
        asking: Asking,
        counting: OneCallEach,
        lookups_per_day: int,
    ) -> None:
        self._database = context.database
        self._clock = context.clock
        self._changes = changes
        self._asking = asking
        self._counting = counting
        self._lookups_per_day = lookups_per_day

    def begin(self, asker: AdmittedBank, label: bytes, nonce: bytes) -> Future[bytes] | None:
        """Begins to ask; None if nobody is asked.

        Raises:
            Refusal: TOO_MANY_LOOKUPS.
        """
        now_ms = self._clock.now_ms()

        def count(connection: Connection) -> None:
            count_lookup(connection, asker, self._lookups_per_day, now_ms)

        with self._counting.holding({asker.index}):
            # Who is refused writes nothing, not even an empty transaction: for that all wait.
            self._database.read(lambda c: check_lookups(c, asker, self._lookups_per_day, now_ms))
            self._database.transaction(count)
        holder = self._changes.holder(label)
        if holder is None:
            return None
        asked = self._asking.answer_alias(asker, holder, label, nonce)
        return None if asked is None else asked.answer


def said(answer: Future[bytes] | None) -> bytes:
    """What is given to the bank that asked, once it has waited: an answer, or random bytes."""
    nothing = os.urandom(ANSWER_BYTES)
    if answer is None or not answer.done():
        return nothing
    try:
        found = answer.result()
    except (NoAnswer, Refusal):
        return nothing
    return found if len(found) == ANSWER_BYTES else nothing
