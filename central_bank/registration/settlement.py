"""Settles payments between banks: each settles once, by its bank and number, or never will."""

from __future__ import annotations

import hashlib
import queue
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import wait
from contextlib import suppress
from functools import partial
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection

from central_bank.authentication.banks import AdmittedBank
from central_bank.context import Context
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
from central_bank.registration.returns import Returns, gives_back
from central_bank.registration.unanswered import Unanswered
from currency.number import prefix_of
from currency.payments import purpose_of_payment
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from runtime.checks import invalid, of_item
from runtime.envelope import verify_by_one
from runtime.errors import NoAnswer, Refusal
from runtime.messages import read_payload
from runtime.one_call_each import OneCallEach
from settlement.builders import Row, records_of, refused, transfer
from settlement.core import Answers, Batch
from settlement.ledger import Overloaded
from settlement.records import Kind, RecordFlag, Records, Result

OutboundPayment = registration_pb2.OutboundPayment
BankStatement = (
    registration_pb2.OutboundBatch
    | registration_pb2.TokenRegistration
    | registration_pb2.TokenDeposit
    | registration_pb2.FeedReceipt
)
"""What a bank signs: each says whose it is, of which incarnation, and its times."""
T = TypeVar("T", bound=BankStatement)
_TRANSFER, _REFUSAL, _NO_LIMIT = int(Kind.TRANSFER), int(Kind.REFUSAL), int(RecordFlag.NO_LIMIT)
_REFUSED, _ID_REUSED = int(Result.MALFORMED), int(Result.ID_REUSED)
_PENDING = (registration_pb2.OUTCOME_STATE_PENDING, errors_pb2.REASON_PEER_UNAVAILABLE)


class _Question(NamedTuple):
    """Payments of one bank to another, and the question to that bank about their payees."""

    signed: SignedBatch
    payments: Sequence[OutboundPayment]
    indices: Sequence[int]
    payees_bank: str
    asked: Asked[list[int]]

    def verdicts(self) -> Sequence[int] | None:
        """For each payment a Reason, or 0 to settle it; None if the bank did not answer."""
        try:
            return self.asked.answer.result(0)
        except (NoAnswer, TimeoutError):
            return None


class Settlement:
    """The use-case behind SubmitPayments.

    A payee's bank that does not answer holds up only the payments to it. What it answers too late
    for the call that asked is settled by `settle_late`, and the feed tells the sender.
    """

    def __init__(
        self, context: Context, asking: Asking, returns: Returns, kept: KeptForNothing
    ) -> None:
        self._ledger = context.ledger
        self._history = context.history
        self._registry = context.registry
        self._asking = asking
        self._returns = returns
        self._kept = kept
        self._unanswered = Unanswered()
        self._clock = context.clock
        self._settling = OneCallEach()
        # Bounded by what each bank may be asked at once.
        self._late: queue.SimpleQueue[_Question] = queue.SimpleQueue()
        self.on_late: Callable[[], None] = lambda: None
        self.on_payees_refused: Callable[[str, int], None] = lambda bank, count: None

    def submit(
        self, bank: AdmittedBank, envelope: SignedEnvelope
    ) -> registration_pb2.SubmitPaymentsResponse:
        """Settles a signed batch of a bank's outbound payments; gives an outcome for each, in
        order.

        Raises:
            Refusal: the batch is not good, and nothing of it was settled.
        """
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
        """Settles what a bank answered too late; returns True if there was anything."""
        try:
            question = self._late.get_nowait()
        except queue.Empty:
            return False
        verdicts = self._said(question)
        if verdicts is not None and self._stands(question.signed):
            known = dict(zip(question.indices, verdicts, strict=True))
            ends: list[tuple[int, int]] = [_PENDING] * len(question.payments)
            with suppress(Overloaded):  # the payments stay pending, and are asked about again
                self._settle_with(question.signed, question.payments, known, [], ends)
        return True

    def _stands(self, signed: SignedBatch) -> bool:
        """Whether what a bank signed still counts as it did when it came.

        It does not if the bank was suspended meanwhile, or its key was revoked or has ended. Once
        it is reinstated, or has its new key, the bank submits its payments again.
        """
        bank = self._registry.get(signed.bank.name)
        try:
            verify_by_one(
                registration_pb2.OutboundBatch, signed.envelope, bank.keys(self._clock.now_ms())
            )
        except Refusal:
            return False
        return not bank.suspended and bank.incarnation == signed.bank.incarnation

    def _said(self, question: _Question) -> Sequence[int] | None:
        """What the payees' bank has answered. The word of one that was suspended meanwhile counts
        no more than its silence: the payments stay pending until they are submitted again.
        """
        suspended = self._registry.get(question.payees_bank).suspended
        return None if suspended else question.verdicts()

    def _came_late(self, question: _Question, _: object) -> None:
        self._late.put(question)
        self.on_late()

    def _sort(
        self, bank: AdmittedBank, payments: Sequence[OutboundPayment], signed: SignedBatch
    ) -> tuple[dict[int, int], list[_Question], dict[int, int]]:
        """Sorts payments into those that can be decided now, and those that another bank is asked
        about.

        A payment stays pending if its payee's bank is not asked now, or if it expired because that
        bank did not answer and too many did so.

        Returns:
            A Reason, or 0 to settle it, for each payment that no bank is asked about, by index; the
            questions on their way; and for each of the other payments the index of the bank to be
            asked.
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
                # The rule will answer EXPIRED.
                silent = self._unanswered.whose(bank.index, payment.number)
                if silent is None or self._kept.may_expire(bank.index, silent):
                    verdicts[index] = 0
            elif gives_back(payment):
                verdicts[index] = 0  # the money ends in suspense if its payee cannot take it
            elif payment.created_time_ms <= now_ms + MAX_AHEAD_MS:
                # A payment that is dated further ahead stays pending until its time has come.
                asked.setdefault(prefix, []).append(index)
        questions: list[_Question] = []
        payees: dict[int, int] = {}
        for prefix, indices in asked.items():
            numbers = [payments[i].payee_number for i in indices]
            question = self._asking.check(bank, banks[prefix], numbers)
            if question is not None:
                questions.append(_Question(signed, payments, indices, banks[prefix].name, question))
            payees |= dict.fromkeys(indices, banks[prefix].index)
        return verdicts, questions, payees

    def _look(self, questions: list[_Question], patience_s: float) -> list[_Question]:
        """Takes the answered questions out of the list, after waiting for those that may be waited
        for.
        """
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

        Otherwise each of them would find nothing decided before, and the writer would have to look
        up all but the first.
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
        """Settles the payments that have a verdict or an answer, and puts their ends into
        `ends`.
        """
        known = dict(verdicts)
        for question in answered:
            said = self._said(question)
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
        returns = [i for i, verdict in known.items() if not verdict and gives_back(payments[i])]
        if not returns:
            self._settle_known(signed, payments, known, ends)
            return
        banks = self._banks()
        with self._returns.deciding(signed.bank, payments, returns, banks):
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
        self, bank: AdmittedBank, payments: Sequence[OutboundPayment], indices: Iterable[int]
    ) -> dict[int, tuple[int, int]]:
        """(OutcomeState, Reason), by index, of payments that were decided before; some may be
        missing.

        They are looked up in the call that repeats them, because for each of them the writer, for
        which all banks wait, would need longer than for a new payment.
        """
        own = bank.accounts.circulation
        last = int(self._ledger.read([own])[0]["last_sequence"])
        late = {payments[i].number: i for i in indices if payments[i].number <= last}
        try:
            rows = self._history.rows({(own, number) for number in late}) if late else {}
        except Overloaded:  # the past cannot be looked up now, so the ledger will answer that
            return {}
        ended = {}
        for (_, number), row in rows.items():
            note = payments[late[number]].SerializeToString()
            same = bytes(row.note) == note
            result, reason = (row.result, row.reason) if same else (_ID_REUSED, 0)
            ended[late[number]] = outcome_of(result, reason)
        self._unanswered.end(bank.index, [payments[i].number for i in ended])
        return ended

    def _banks(self) -> dict[str, AdmittedBank]:
        return {found.prefix: found for found in self._registry.all()}

    def _rows(
        self,
        bank: AdmittedBank,
        payments: Sequence[OutboundPayment],
        verdicts: Mapping[int, int],
        chosen: Sequence[int],
    ) -> tuple[list[Row], list[bytes]]:
        """A record for each chosen payment, that it settles or, with a verdict, never will; and its
        note, which is the payment.
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
        """The earlier answer to a payment whose number was used: a refusal's record may differ from
        one for the payment now.
        """
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
    """The record that a payment out of an account settles or, with a verdict, never will."""
    row = transfer(
        origin=own,
        sequence=payment.number,
        debit=own,
        credit=0 if verdict else payees[prefix_of(payment.payee_number)],
        amount_fen=payment.amount_fen,
        purpose=purpose_of_payment(payment),
        time_ms=now_ms,
        expires_ms=payment.expires_time_ms,
        flags=_NO_LIMIT,
        digest=note_digest,
    )
    return refused(row, verdict) if verdict else row


def outcome_of(result: int, reason: int) -> tuple[int, int]:
    """(OutcomeState, Reason) for the rule's answer, a Result, to an outbound payment.

    Args:
        result: the answer.
        reason: why it was refused, if that was not the rule's doing; else 0.
    """
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


def open_signed(kind: type[T], envelope: SignedEnvelope, bank: AdmittedBank, now_ms: int) -> T:
    """Verifies a bank's envelope, checks whose it is and how old, and reads its content.

    Raises:
        Refusal: it is not good.
    """
    if envelope.key_id != bank.name.encode():
        raise invalid("key_id", "is not the calling bank's name")
    statement = read_payload(kind, verify_by_one(kind, envelope, bank.keys(now_ms)))
    if statement.bank != bank.name:
        raise invalid("bank", "is not the calling bank's name")
    check_incarnation(bank, statement.incarnation)
    check_window(statement.created_time_ms, statement.expires_time_ms, now_ms, BATCH_VALIDITY_MS)
    return statement


def check_incarnation(bank: AdmittedBank, incarnation: int) -> None:
    """Raises Refusal: FEED_STEPPED_BACK, if a bank speaks from another incarnation than its own
    now.
    """
    if incarnation != bank.incarnation:
        raise Refusal(
            errors_pb2.REASON_FEED_STEPPED_BACK,
            f"bank {bank.name} was put back by act {bank.incarnation} of the central bank's"
            f" officers, and this is from incarnation {incarnation}",
            field="incarnation",
            incarnation=str(bank.incarnation),
        )


def check_window(created_ms: int, expires_ms: int, now_ms: int, longest_ms: int) -> None:
    """Raises Refusal if a statement is from the future, has expired, or is valid for too long.

    The refusal tells the time here, so that a bank whose clock is wrong can go on.
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
    """The 64 bits of a record that tell whether two are the same."""
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "little")
