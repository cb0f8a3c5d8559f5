"""Settlement between banks: circulation moves, once by (bank, number), or never will."""

from __future__ import annotations

import hashlib
import queue
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import wait
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, TypeVar

from google.protobuf.message import Message
from sqlalchemy import Connection

from central_bank.authentication.banks import Bank, Registry
from central_bank.limits import (
    BATCH_VALIDITY_MS,
    CLOCK_SKEW_MS,
    FIRST_LOOK_S,
    MAX_AHEAD_MS,
    PATIENCE_S,
)
from central_bank.peers.asking import Asked, Asking
from central_bank.registration.kept_batches import PAYMENTS, SignedBatch
from central_bank.registration.kept_for_nothing import KeptForNothing
from central_bank.registration.outbound_check import check_payment
from central_bank.registration.returns import Returns
from central_bank.registration.unanswered import Unanswered
from currency.number import prefix_of
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from runtime.checks import invalid, of_item
from runtime.clock import Clock
from runtime.envelope import verify_by_one
from runtime.errors import NoAnswer, Refusal
from runtime.messages import read_payload
from runtime.one_call_each import OneCallEach
from settlement.builders import Row, records_of, refused, transfer
from settlement.core import Answers, Batch
from settlement.history import History
from settlement.ledger import Ledger, Overloaded
from settlement.records import Kind, RecordFlag, Records, Result

OutboundPayment = registration_pb2.OutboundPayment
T = TypeVar("T", bound=Message)
_TRANSFER, _REFUSAL, _NO_LIMIT = int(Kind.TRANSFER), int(Kind.REFUSAL), int(RecordFlag.NO_LIMIT)
_REFUSED, _ID_REUSED = int(Result.MALFORMED), int(Result.ID_REUSED)
_PENDING = (registration_pb2.OUTCOME_STATE_PENDING, errors_pb2.REASON_PEER_UNAVAILABLE)


class _Question(NamedTuple):
    """Payments of one bank to another, about whose payees that bank has been asked."""

    signed: SignedBatch
    payments: Sequence[OutboundPayment]
    indices: Sequence[int]
    asked: Asked[list[int]]

    def verdicts(self) -> Sequence[int] | None:
        """For each payment a Reason, 0 to settle it; None when the bank did not say."""
        try:
            return self.asked.answer.result(0)
        except (NoAnswer, TimeoutError):
            return None


class Settlement:
    """The use-case behind SubmitPayments.

    A payee's bank that does not answer keeps nobody waiting but the payments to it. What it says
    too late for the call that asked is settled by `settle_late`, and the feed tells.
    """

    def __init__(
        self,
        ledger: Ledger,
        history: History,
        registry: Registry,
        asking: Asking,
        returns: Returns,
        kept: KeptForNothing,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._history = history
        self._registry = registry
        self._asking = asking
        self._returns = returns
        self._kept = kept
        self._unanswered = Unanswered()
        self._clock = clock
        self._settling = OneCallEach()
        # Bounded by what each bank may be asked at once.
        self._late: queue.SimpleQueue[_Question] = queue.SimpleQueue()
        self.on_late: Callable[[], None] = lambda: None
        self.on_payees_refused: Callable[[str, int], None] = lambda bank, count: None

    def submit(
        self, bank: Bank, envelope: SignedEnvelope
    ) -> registration_pb2.SubmitPaymentsResponse:
        """Settles a signed batch of the bank's outbound payments; an outcome for each, in order."""
        self._kept.check(bank)
        kind = registration_pb2.OutboundBatch
        batch = open_signed(kind, envelope, bank, self._clock.now_ms())
        payments = list(batch.payments)
        for index, payment in enumerate(payments):
            try:
                check_payment(payment, bank)
            except Refusal as refusal:
                raise of_item(f"payments[{index}]", refusal) from None
        if len({payment.number for payment in payments}) != len(payments):
            raise invalid("payments", "has the same number twice")
        ends: list[tuple[int, int]] = [_PENDING] * len(payments)
        signed = SignedBatch(bank, PAYMENTS, envelope)
        verdicts, questions, payees = self._sort(bank, payments, signed)
        first = self._look(questions, FIRST_LOOK_S)
        self._settle_once(signed, payments, verdicts, first, ends)
        self._settle_once(signed, payments, {}, self._look(questions, PATIENCE_S), ends)
        for question in questions:
            question.asked.answer.add_done_callback(partial(self._came_late, question))
        waiting = {payments[i].number: payee for i, payee in payees.items() if ends[i] == _PENDING}
        self._unanswered.wait(bank.index, waiting)
        response = registration_pb2.SubmitPaymentsResponse()
        add = response.outcomes.add
        for payment, (state, reason) in zip(payments, ends, strict=True):
            add(number=payment.number, state=state, reason=reason)
        return response

    def settle_late(self) -> bool:
        """Settles what a bank has said after nobody waited any more; True when there was any."""
        try:
            question = self._late.get_nowait()
        except queue.Empty:
            return False
        verdicts = question.verdicts()
        if verdicts is not None and self._stands(question.signed):
            known = dict(zip(question.indices, verdicts, strict=True))
            ends: list[tuple[int, int]] = [_PENDING] * len(question.payments)
            with suppress(Overloaded):  # they stay pending, and are asked about again
                self._settle_with(question.signed, question.payments, known, [], ends)
        return True

    def _stands(self, signed: SignedBatch) -> bool:
        """Whether what a bank signed counts now as it did when it came.

        A bank that was suspended meanwhile settles nothing, nor does a key that was revoked or has
        ended; reinstated, or with its new key, the bank asks again.
        """
        bank = self._registry.get(signed.bank.name)
        try:
            verify_by_one(
                registration_pb2.OutboundBatch, signed.envelope, bank.keys(self._clock.now_ms())
            )
        except Refusal:
            return False
        return not bank.suspended and bank.incarnation == signed.bank.incarnation

    def _came_late(self, question: _Question, _: object) -> None:
        self._late.put(question)
        self.on_late()

    def _sort(
        self, bank: Bank, payments: Sequence[OutboundPayment], signed: SignedBatch
    ) -> tuple[dict[int, int], list[_Question], dict[int, int]]:
        """A Reason, 0 to settle it, for each payment that nobody has to be asked about, by index.

        And the questions about the others that are on their way. A bank that is not asked now
        leaves its payments pending. And for each of these others the index of the bank that is to
        be asked. One that expired by a bank's silence stays pending where too many did.
        """
        banks = self._banks()
        verdicts: dict[int, int] = {}
        asked: dict[str, list[int]] = {}
        now_ms = self._clock.now_ms()
        for index, payment in enumerate(payments):
            prefix = prefix_of(payment.payee_number)
            payee_bank = banks.get(prefix)
            if payee_bank is None:
                verdicts[index] = errors_pb2.REASON_BANK_UNKNOWN
            elif payee_bank.index == bank.index:
                verdicts[index] = errors_pb2.REASON_SAME_ACCOUNT
            elif payee_bank.suspended:
                verdicts[index] = errors_pb2.REASON_BANK_SUSPENDED
            elif payment.expires_time_ms < now_ms:
                # The rule says EXPIRED.
                silent = self._unanswered.whose(bank.index, payment.number)
                if silent is None or self._kept.may_expire(bank.index, silent):
                    verdicts[index] = 0
            elif payment.returns_number:
                verdicts[index] = 0  # it ends in suspense if nobody takes it
            elif payment.created_time_ms <= now_ms + MAX_AHEAD_MS:
                # One that was made later than that stays pending until its time has come.
                asked.setdefault(prefix, []).append(index)
        questions: list[_Question] = []
        payees: dict[int, int] = {}
        for prefix, indices in asked.items():
            numbers = [payments[i].payee_number for i in indices]
            question = self._asking.check(bank, banks[prefix], numbers)
            if question is not None:
                questions.append(_Question(signed, payments, indices, question))
            payees |= dict.fromkeys(indices, banks[prefix].index)
        return verdicts, questions, payees

    def _look(self, questions: list[_Question], patience_s: float) -> list[_Question]:
        """Takes out the questions that are answered, after waiting for those one waits for."""
        waited = [q.asked.answer for q in questions if q.asked.waited_for]
        if waited:
            wait(waited, patience_s)
        done: list[_Question] = []
        left: list[_Question] = []
        for question in questions:
            (done if question.asked.answer.done() else left).append(question)
        questions[:] = left
        return done

    def _settle_once(
        self,
        signed: SignedBatch,
        payments: Sequence[OutboundPayment],
        verdicts: Mapping[int, int],
        answered: Sequence[_Question],
        ends: list[tuple[int, int]],
    ) -> None:
        """As `_settle_with`, while other calls of the bank with some of the same payments wait.

        All at once, each of them would find nothing decided before, and the writer would look up
        all but the first.
        """
        indices = {*verdicts, *(index for question in answered for index in question.indices)}
        if not indices:
            return
        bank = signed.bank.index
        with self._settling.holding({(bank, payments[index].number) for index in indices}):
            self._settle_with(signed, payments, verdicts, answered, ends)

    def _settle_with(
        self,
        signed: SignedBatch,
        payments: Sequence[OutboundPayment],
        verdicts: Mapping[int, int],
        answered: Sequence[_Question],
        ends: list[tuple[int, int]],
    ) -> None:
        """Settles the payments that have a verdict or an answer, and notes their ends."""
        known = dict(verdicts)
        for question in answered:
            said = question.verdicts()
            if said is not None:
                known.update(zip(question.indices, said, strict=True))
        for index, end in self._ended_before(signed.bank, payments, known).items():
            ends[index] = end
            del known[index]
        if not known:
            return
        failed = sum(
            verdict == errors_pb2.REASON_PAYEE_CANNOT_BE_PAID for verdict in known.values()
        )
        if failed:
            self.on_payees_refused(signed.bank.name, failed)
        returns = [i for i, verdict in known.items() if not verdict and payments[i].returns_number]
        if not returns:
            self._settle_known(signed, payments, known, ends)
            return
        with self._returns.deciding:
            banks = self._banks()
            known |= self._returns.judge(signed.bank, payments, returns, banks)
            self._settle_known(signed, payments, known, ends)

    def _settle_known(
        self,
        signed: SignedBatch,
        payments: Sequence[OutboundPayment],
        known: Mapping[int, int],
        ends: list[tuple[int, int]],
    ) -> None:
        chosen = sorted(known)
        rows, notes = self._rows(signed.bank, payments, known, chosen)
        returns = {
            place: payments[index]
            for place, index in enumerate(chosen)
            if payments[index].returns_number and not known[index]
        }

        def keep(connection: Connection, answers: Answers) -> None:
            signed.keep_payments(connection, answers, payments, chosen)
            if returns:
                self._returns.keep(connection, answers, signed.bank, returns, self._banks())

        for index, end in zip(chosen, self._settle(signed, rows, notes, keep), strict=True):
            ends[index] = end

    def _ended_before(
        self, bank: Bank, payments: Sequence[OutboundPayment], indices: Iterable[int]
    ) -> dict[int, tuple[int, int]]:
        """(OutcomeState, Reason) of those, by index, that were decided before; not of each.

        Looked for in the call that brings them again: the writer, whom all banks wait for, would
        take longer for each of them than for a new one.
        """
        own = bank.accounts.circulation
        last = int(self._ledger.read([own])[0]["last_sequence"])
        late = {payments[i].number: i for i in indices if payments[i].number <= last}
        try:
            rows = self._history.rows({(own, number) for number in late}) if late else {}
        except Overloaded:  # the past cannot be looked at now: the ledger says so
            return {}
        ended = {}
        for (_, number), row in rows.items():
            note = payments[late[number]].SerializeToString()
            same = bytes(row.note) == note
            result, reason = (row.result, row.reason) if same else (_ID_REUSED, 0)
            ended[late[number]] = outcome_of(result, reason)
        self._unanswered.end(bank.index, [payments[i].number for i in ended])
        return ended

    def _banks(self) -> dict[str, Bank]:
        return {found.prefix: found for found in self._registry.all()}

    def _rows(
        self,
        bank: Bank,
        payments: Sequence[OutboundPayment],
        verdicts: Mapping[int, int],
        chosen: Sequence[int],
    ) -> tuple[list[Row], list[bytes]]:
        """A RECORD for each chosen payment, that it settles or, with a verdict, that it never will.

        And its note: the payment itself.
        """
        now_ms = self._clock.now_ms()
        own = bank.accounts.circulation
        payees = {found.prefix: found.accounts.circulation for found in self._registry.all()}
        rows: list[Row] = []
        notes: list[bytes] = []
        for index in chosen:
            payment, verdict = payments[index], verdicts[index]
            note = payment.SerializeToString()
            rows.append(_row(own, payees, payment, verdict, now_ms, digest(note)))
            notes.append(note)
        return rows, notes

    def _settle(
        self,
        signed: SignedBatch,
        rows: Sequence[Row],
        notes: Sequence[bytes],
        keep: Callable[[Connection, Answers], None],
    ) -> list[tuple[int, int]]:
        """(OutcomeState, Reason) of each record, in order."""
        records = records_of(rows)
        batch = Batch(records, notes, keep)
        answers = self._ledger.submit(batch)
        bank, numbers = signed.bank.index, records["sequence"].tolist()
        self._kept.count(
            signed,
            batch,
            answers,
            silent=lambda place: self._unanswered.whose(bank, numbers[place]),
        )
        self._unanswered.end(bank, numbers)
        ends: list[tuple[int, int]] = []
        for place, (result, row) in enumerate(zip(answers.results.tolist(), rows, strict=True)):
            reason = row.reason
            if result == _ID_REUSED:
                result, reason = self._earlier(records[place], notes[place])  # noqa: PLW2901
            ends.append(outcome_of(result, reason))
        return ends

    def _earlier(self, record: Records, note: bytes) -> tuple[Result, int]:
        """A number that was answered before: a refusal may look different from a payment now."""
        row = self._history.row(int(record["origin"]), int(record["sequence"]))
        if row is None or bytes(row.note) != note:
            return Result.ID_REUSED, 0
        return Result(row.result), row.reason


def _row(
    own: int,
    payees: Mapping[str, int],
    payment: OutboundPayment,
    verdict: int,
    now_ms: int,
    note_digest: int,
) -> Row:
    """That a payment out of an account settles or, with a verdict, that it never will."""
    returned = payment.returns_payment_id
    purpose = purposes_pb2.PURPOSE_RETURN if returned else purposes_pb2.PURPOSE_PAYMENT
    row = transfer(
        origin=own,
        sequence=payment.number,
        debit=own,
        credit=0 if verdict else payees[prefix_of(payment.payee_number)],
        amount_fen=payment.amount_fen,
        purpose=purpose,
        time_ms=now_ms,
        expires_ms=payment.expires_time_ms,
        flags=_NO_LIMIT,
        digest=note_digest,
    )
    return refused(row, verdict) if verdict else row


def outcome_of(result: int, reason: int) -> tuple[int, int]:
    """(OutcomeState, Reason) for the rule's answer, a Result, to an outbound payment."""
    if result < _REFUSED:
        return registration_pb2.OUTCOME_STATE_SETTLED, 0
    if result == Result.EXPIRED:
        return registration_pb2.OUTCOME_STATE_EXPIRED, errors_pb2.REASON_EXPIRED
    if result == Result.REFUSED_UPSTREAM:
        return (
            registration_pb2.OUTCOME_STATE_REFUSED,
            reason or errors_pb2.REASON_PAYEE_CANNOT_BE_PAID,
        )
    if result == Result.INSUFFICIENT_FUNDS:
        return registration_pb2.OUTCOME_STATE_REFUSED, errors_pb2.REASON_CIRCULATION_SHORT
    if result == Result.ID_REUSED:
        return registration_pb2.OUTCOME_STATE_REFUSED, errors_pb2.REASON_ID_REUSED
    return registration_pb2.OUTCOME_STATE_REFUSED, errors_pb2.REASON_PAYEE_CANNOT_BE_PAID


def open_signed(kind: type[T], envelope: SignedEnvelope, bank: Bank, now_ms: int) -> T:
    """Verifies a bank's envelope and reads what it carries; checks whose and how old it is."""
    if envelope.key_id != bank.name.encode():
        raise invalid("key_id", "is not the calling bank's name")
    statement: Any = read_payload(kind, verify_by_one(kind, envelope, bank.keys(now_ms)))
    if statement.bank != bank.name:
        raise invalid("bank", "is not the calling bank's name")
    check_incarnation(bank, statement.incarnation)
    check_window(statement.created_time_ms, statement.expires_time_ms, now_ms, BATCH_VALIDITY_MS)
    return statement  # type: ignore[no-any-return]


def check_incarnation(bank: Bank, incarnation: int) -> None:
    """Refuses what a bank says from before it was put back, or as if it had been."""
    if incarnation != bank.incarnation:
        raise Refusal(
            errors_pb2.REASON_FEED_STEPPED_BACK,
            f"bank {bank.name} was put back by act {bank.incarnation} of the central bank's"
            f" officers, and this is from incarnation {incarnation}",
            field="incarnation",
            incarnation=str(bank.incarnation),
        )


def check_window(created_ms: int, expires_ms: int, now_ms: int, longest_ms: int) -> None:
    """Not from the future, not over, not valid for too long.

    A refusal tells the time here, so that a bank whose clock is wrong can go on.
    """
    if created_ms > now_ms + CLOCK_SKEW_MS:
        raise Refusal(
            errors_pb2.REASON_NOT_YET_VALID,
            "it was made in the future",
            field="created_time_ms",
            now_ms=str(now_ms),
        )
    if expires_ms < now_ms:
        raise Refusal(
            errors_pb2.REASON_EXPIRED,
            "it has expired",
            field="expires_time_ms",
            now_ms=str(now_ms),
        )
    if expires_ms - created_ms > longest_ms:
        raise Refusal(
            errors_pb2.REASON_VALIDITY_TOO_LONG,
            f"it may be valid for at most {longest_ms} ms",
            field="expires_time_ms",
        )


def digest(content: bytes) -> int:
    """The 64 bits of a record that say whether two are the same."""
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "little")
