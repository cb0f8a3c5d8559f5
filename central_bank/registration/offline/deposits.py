"""Takes deposits of offline money: each piece is retired once, in favour of the depositor's
bank.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection

from central_bank.authentication.banks import AdmittedBank
from central_bank.authentication.trust_bundle import Devices
from central_bank.context import Context
from central_bank.ledger import accounts
from central_bank.limits import MAX_CLEARED_AT_ONCE, MAX_CLEARED_SINGLY
from central_bank.registration.kept_batches import DEPOSIT, SignedBatch
from central_bank.registration.kept_for_nothing import KeptForNothing
from central_bank.registration.offline.double_spends import (
    DEPOSITED,
    Allocation,
    Spends,
    VerifiedDeposit,
)
from central_bank.registration.offline.evidence import Evidence
from central_bank.registration.offline.losses import Losses
from central_bank.registration.offline.outcomes import (
    PENDING,
    SETTLED,
    DepositOutcome,
    DepositOutcomes,
)
from central_bank.registration.offline.pending_deposits import PendingDeposits, item_digest
from central_bank.registration.offline.registered import Registered
from central_bank.registration.offline.verification import Judged, Verification
from central_bank.registration.settlement import open_signed
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from offline_token.ruling import End
from offline_token.verify import Reason
from settlement.builders import Row, linked, records_of, transfer
from settlement.core import Answers, Batch
from settlement.fifo_lock import FifoLock
from settlement.records import RecordFlag, Result

_SPENT_TWICE = registration_pb2.TOKEN_VERDICT_SPENT_TWICE
_NOT_REGISTERED = registration_pb2.TOKEN_VERDICT_NOT_REGISTERED
_TRIED_AGAIN = frozenset((Reason.TOKEN_EXPIRED,))
"""Not final, because the central bank's clock may be wrong. A piece that comes too late has ended
only when its money has gone back to the loader; until then the bank asks again."""
_NOT_THE_PIECES = frozenset(
    (Reason.UNREADABLE, Reason.NOT_FOR_THIS_PAYEE, Reason.DEPOSIT_FORGED, Reason.TOKEN_TWICE)
)
"""The deposit is wrong, not the pieces: anybody may have made it from a chain that they have
seen."""


class DepositBroken(Exception):
    """The ledger refused a deposit that it must accept; the core must stop."""


class Deposits:
    """The use-case behind DepositTokens.

    Args:
        clearing: the lock of whoever decides what leaves the float.
    """

    def __init__(
        self,
        context: Context,
        verification: Verification,
        answers: DepositOutcomes,
        pending: PendingDeposits,
        evidence: Evidence,
        losses: Losses,
        devices: Devices,
        kept: KeptForNothing,
        clearing: FifoLock,
    ) -> None:
        self._database = context.database
        self._ledger = context.ledger
        self._verification = verification
        self._answers = answers
        self._pending = pending
        self._evidence = evidence
        self._losses = losses
        self._devices = devices
        self._kept = kept
        self._clock = context.clock
        self._clearing = clearing
        self._of_bank: dict[int, FifoLock] = {}

    def deposit(self, bank: AdmittedBank, envelope: SignedEnvelope) -> list[DepositOutcome]:
        """Retires deposited pieces, once each, in favour of the bank's wallets; an outcome for each
        item.

        Only one call of each bank is in line to be cleared, and only for a bounded part of it at a
        time. So however much a bank brings in is bad, other banks wait for one part of it.

        Raises:
            Refusal: the order is not good, and nothing was deposited.
        """
        self._kept.check(bank)
        kind = registration_pb2.TokenDeposit
        order = open_signed(kind, envelope, bank, self._clock.now_ms())
        # Before the lock, so that the signatures of the next call are verified while one is
        # cleared.
        judged = self._verification.judge(
            bank.name, order.items, self._pending.numbers(bank, order.items)
        )
        signed = SignedBatch(bank, DEPOSIT, envelope)
        outcomes: list[DepositOutcome] = []
        while len(outcomes) < len(judged):
            part = judged[len(outcomes) : len(outcomes) + MAX_CLEARED_AT_ONCE]
            with self._of_bank.setdefault(bank.index, FifoLock()), self._clearing:
                outcomes += self._deposit_part(bank, part, signed)
        return outcomes

    def _deposit_part(
        self, bank: AdmittedBank, judged: Sequence[Judged], signed: SignedBatch
    ) -> list[DepositOutcome]:
        """Clears deposits in order, up to those that fit into one turn.

        Deposits without a double spend or another problem are staged, and written together.
        """
        outcomes: list[DepositOutcome] = []
        staged: list[tuple[Judged, list[Allocation]]] = []
        news = self._news(bank, judged)
        spends = self._spends(bank, judged)
        singly = 0
        for one in judged:
            allocations: list[Allocation] = []
            if one.verdict.good and one.item.number in news:
                allocations = spends.add_plain(_deposited(one))
            if allocations:
                news.discard(one.item.number)
                staged.append((one, allocations))
                outcomes.append(DepositOutcome(one.item.number, SETTLED, 0, one.verdict.value_fen))
                continue
            if singly == MAX_CLEARED_SINGLY:
                break
            singly += 1
            self._retire_all(bank, staged, spends, signed)
            staged = []
            outcomes.append(self._deposit_one(bank, one, signed))
            spends.put(one.verdict.all_pieces, self._spends(bank, [one]).by_piece)
        self._retire_all(bank, staged, spends, signed)
        return outcomes

    def _news(self, bank: AdmittedBank, judged: Sequence[Judged]) -> set[int]:
        """Numbers of new deposits, of registered tokens that were not refunded."""
        counts = Counter(one.item.number for one in judged)
        unanswered = self._answers.none_yet(bank, list(counts))
        registered = self._registered(judged)
        return {
            one.item.number
            for one in judged
            if one.item.number in unanswered
            and counts[one.item.number] == 1
            and registered.has_all(one.chains)
            and not registered.is_refunded(one.chains)
        }

    def _deposit_one(
        self, bank: AdmittedBank, judged: Judged, signed: SignedBatch
    ) -> DepositOutcome:
        item, verdict = judged.item, judged.verdict
        known = self._answers.find(bank, item)
        if known is not None:
            return known
        registered = self._registered([judged])
        if (verdict.good or verdict.reason in _TRIED_AGAIN) and not registered.has_all(
            judged.chains
        ):
            # Nothing is ruled about the piece: these books may be an older copy than the token.
            return self._invalid(bank, judged, _NOT_REGISTERED)
        if registered.is_refunded(judged.chains):
            # Whatever the clock says now: what was left of it has gone back to its loader.
            return self._invalid(bank, judged, Reason.TOKEN_EXPIRED, End.REFUNDED)
        if verdict.reason in _NOT_THE_PIECES:
            return self._invalid(bank, judged, verdict.reason)
        if verdict.reason in _TRIED_AGAIN:
            said = errors_pb2.REASON_TOKEN_INVALID
            return DepositOutcome(item.number, PENDING, said, verdict=verdict.reason)
        if not verdict.good:
            return self._invalid(bank, judged, verdict.reason, End.BAD)
        spends = self._spends(bank, [judged])
        ends = [spends.by_piece.get(end.id, {}) for end in verdict.pieces]
        if any(DEPOSITED in end for end in ends):
            ruling = self._ruling(judged, End.DEPOSITED)
            before = errors_pb2.REASON_ALREADY_DEPOSITED
            return self._answers.refuse(bank, item, before, ruling=ruling)
        paid_away = spends.paid_away(_deposited(judged))
        allocations = spends.add(_deposited(judged))
        found = [
            double for allocation in allocations for double in allocation.doubles if double.is_new
        ]
        ended = paid_away or _to_the_cheater(allocations) or self._losses.beyond_cap(allocations)
        refused = bool(ended) or _to_the_cheater(allocations, item.own_device_keys)
        for double in [*found, *paid_away]:
            self._evidence.uncover(double, bank.index, refused=refused)
        if ended:
            return self._invalid(bank, judged, _SPENT_TWICE, End.SPENT_TWICE)
        if refused:
            # Only its bank says whose key that is. So this wallet is not paid, and nothing is ruled
            # about the piece.
            return self._invalid(bank, judged, _SPENT_TWICE)
        if not self._losses.fund(self._losses.borne(allocations)):
            # Not final: the bank asks again until the reserves suffice.
            self._pending.begin(bank, judged)
            return DepositOutcome(item.number, PENDING, errors_pb2.REASON_RESERVES_SHORT)
        self._retire_all(bank, [(judged, allocations)], spends, signed)
        return DepositOutcome(item.number, SETTLED, 0, verdict.value_fen)

    def _invalid(
        self, bank: AdmittedBank, judged: Judged, verdict: int, end: End | None = None
    ) -> DepositOutcome:
        """Refuses a deposit. With `end` its piece has ended too; else it may be deposited again."""
        reason = errors_pb2.REASON_TOKEN_INVALID
        ruling = b"" if end is None else self._ruling(judged, end)
        return self._answers.refuse(bank, judged.item, reason, verdict, ruling)

    def _ruling(self, judged: Judged, end: End) -> bytes:
        """The root's ruling about a deposit's only piece; b"" if it has several, as none of them is
        meant in particular.
        """
        only = judged.only()
        return b"" if only is None else self._devices.rule(*only, end)

    def _registered(self, judged: Sequence[Judged]) -> Registered:
        """What is known of the tokens in these deposits."""
        ids = {token_id for one in judged for token_id in one.token_ids()}
        return self._database.read(lambda c: Registered.of(c, ids))

    def _spends(self, bank: AdmittedBank, judged: Sequence[Judged]) -> Spends:
        """How the pieces in these deposits were spent before."""
        spent = [piece for one in judged for piece in one.verdict.all_pieces]
        return self._database.read(lambda c: Spends.of(c, bank.index, spent))

    def _retire_all(
        self,
        bank: AdmittedBank,
        staged: Sequence[tuple[Judged, Sequence[Allocation]]],
        spends: Spends,
        signed: SignedBatch,
    ) -> None:
        """Moves the money of staged deposits and keeps how their pieces were spent, in one
        commit.
        """
        if not staged:
            return
        now_ms = self._clock.now_ms()
        moves: list[Row] = []
        notes: list[bytes] = []
        for one, allocations in staged:
            sources = {
                accounts.OFFLINE_FLOAT: sum(allocation.retired_fen for allocation in allocations)
            }
            sources |= self._losses.paying(allocations)
            paying = _paying(bank, one.item, sources, now_ms)
            moves += paying
            notes += [
                registration_pb2.TokensDeposited(
                    number=one.item.number,
                    amount_fen=move.amount_fen,
                    whole_fen=one.verdict.value_fen,
                    payment_digest=hashlib.sha256(one.item.offline_payment).digest(),
                ).SerializeToString()
                for move in paying
            ]

        def keep(connection: Connection, answers: Answers) -> None:
            if (answers.results >= Result.MALFORMED).any() or answers.repeated.any():
                raise DepositBroken(f"bank {bank.name}: {answers.results.tolist()}")
            signed.keep_whole(connection, answers)
            spends.write(connection, now_ms)
            for one, allocations in staged:
                self._losses.put(connection, bank, one.item.number, allocations, now_ms)
                # It may have begun to wait after this call of it was judged.
                if any(allocation.lost for allocation in allocations):
                    self._pending.end(connection, bank, one.item.number)

        batch = Batch(records_of(moves), notes, keep)
        answers = self._ledger.submit(batch)
        moved_bytes = sum(len(one.item.offline_payment) for one, _ in staged)
        self._kept.count(signed, batch, answers, moved_bytes=moved_bytes)


def _deposited(one: Judged) -> VerifiedDeposit:
    return VerifiedDeposit(one.chains, one.verdict, one.ends, one.item.number)


def _to_the_cheater(allocations: Sequence[Allocation], own: Sequence[bytes] = ()) -> bool:
    """Whether a piece would be paid to the device that spent it, or a piece it comes from, twice.

    Args:
        allocations: what the pieces would be paid.
        own: further keys of the wallet that would be paid.
    """
    return any(
        double.device == allocation.end.owner or double.device in own
        for allocation in allocations
        for double in allocation.doubles
    )


_DEPOSIT = purposes_pb2.PURPOSE_TOKEN_DEPOSIT
_DOUBLE_SPEND = purposes_pb2.PURPOSE_DOUBLE_SPEND


def _paying(
    bank: AdmittedBank,
    item: registration_pb2.TokenDepositItem,
    sources: dict[int, int],
    now_ms: int,
) -> list[Row]:
    """A record for each account that pays; they are linked, so all are accepted or none is."""
    digest = item_digest(item)
    paying = [(account, fen) for account, fen in sources.items() if fen]
    return linked(
        [
            transfer(
                origin=bank.accounts.deposits,
                sequence=0 if index else item.number,
                debit=account,
                credit=bank.accounts.circulation,
                amount_fen=fen,
                purpose=_DEPOSIT if account == accounts.OFFLINE_FLOAT else _DOUBLE_SPEND,
                time_ms=now_ms,
                flags=RecordFlag.NO_LIMIT,
                digest=digest,
            )
            for index, (account, fen) in enumerate(paying)
        ]
    )
