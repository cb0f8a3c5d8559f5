"""Sends payments in order of time, in rounds; a bank gets its share of a round in one call.

A round is a stretch of the file. Its payments are signed, split by the payer's bank, and sent to
all banks at once. The next round is signed meanwhile, but a bank gets it only after it has answered
the one before. So a payer's later payment never overtakes an earlier one.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from dcep.bank.v1 import states_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from language import _
from runtime.chunks import chunks
from sandbox.limits import SETTLE_POLL_S, SETTLE_TIMEOUT_S
from sandbox.replay.peers import BankPeer
from sandbox.replay.reader import Payments
from sandbox.replay.wallets import ReplayWallet

Progress = Callable[[int], None]


class NotEnded(Exception):
    """Cross-bank payments were still pending after SETTLE_TIMEOUT_S."""


@dataclass
class Tally:
    """How many payments have been accepted and refused so far, and which are pending."""

    accepted: int = 0
    refused: Counter[int] = field(default_factory=Counter)
    pending: dict[int, list[SignedEnvelope]] = field(default_factory=dict)
    """Orders without a final answer yet, by bank."""

    def take(self, bank: int, orders: Sequence[SignedEnvelope], answers: Sequence[Answer]) -> int:
        """Count the answers to one call; returns how many were final."""
        waiting = self.pending.setdefault(bank, [])
        before = len(waiting)
        for order, answer in zip(orders, answers, strict=True):
            if answer.state == states_pb2.PAYMENT_STATE_PENDING and not answer.reason:
                waiting.append(order)
            elif answer.state in (
                states_pb2.PAYMENT_STATE_SETTLED,
                states_pb2.PAYMENT_STATE_RETURNED,
            ):
                self.accepted += 1
            else:
                self.refused[answer.reason] += 1
        return len(orders) - (len(waiting) - before)


Answer = states_pb2.ItemAnswer
Round = dict[int, list[SignedEnvelope]]


def signed_rounds(
    payments: Payments, wallets: Sequence[ReplayWallet], size: int, now_ms: Callable[[], int]
) -> Iterator[Round]:
    """The payments in order of time, signed, ``size`` in a round, by the payer's bank."""
    for start in range(0, len(payments), size):
        stop = min(start + size, len(payments))
        time_ms = now_ms()
        found: Round = {}
        for i in range(start, stop):
            payer = wallets[payments.source[i]]
            payee = wallets[payments.target[i]]
            order = payer.payment(payee.number, int(payments.amount_fen[i]), time_ms)
            found.setdefault(payer.bank, []).append(order)
        yield found


def send(peers: Sequence[BankPeer], rounds: Iterator[Round], progress: Progress) -> Tally:
    """Send every round; returns the tally, with the payments that are still pending."""
    tally = Tally()
    with ThreadPoolExecutor(max_workers=len(peers)) as pool:
        sent: dict[int, tuple[list[SignedEnvelope], Future[Sequence[Answer]]]] = {}
        for orders_by_bank in rounds:
            for bank, orders in orders_by_bank.items():
                _collect(tally, sent, bank, progress)
                sent[bank] = (orders, pool.submit(peers[bank].pay_many, orders))
        for bank in list(sent):
            _collect(tally, sent, bank, progress)
    return tally


def _collect(
    tally: Tally,
    sent: dict[int, tuple[list[SignedEnvelope], Future[Sequence[Answer]]]],
    bank: int,
    progress: Progress,
) -> None:
    if bank in sent:
        orders, answers = sent.pop(bank)
        progress(tally.take(bank, orders, answers.result()))


def finish(
    peers: Sequence[BankPeer], tally: Tally, items_per_call: int, progress: Progress
) -> None:
    """Send the pending payments' orders again until each has ended and the banks are quiet.

    Raises:
        NotEnded: after SETTLE_TIMEOUT_S.
    """
    ends_at = time.monotonic() + SETTLE_TIMEOUT_S
    while any(tally.pending.values()):
        pending, tally.pending = tally.pending, {}
        ended = 0
        for bank, orders in pending.items():
            for chunk in chunks(orders, items_per_call):
                ended += tally.take(bank, chunk, peers[bank].pay_many(chunk))
        progress(ended)
        if not ended:
            if time.monotonic() > ends_at:
                left = sum(len(orders) for orders in tally.pending.values())
                raise NotEnded(
                    _("{left:,} payments are pending after {settle_timeout_s:.0f} s").format(
                        left=left, settle_timeout_s=SETTLE_TIMEOUT_S
                    )
                )
            time.sleep(SETTLE_POLL_S)
    while any(peer.books().pending_outbound for peer in peers):
        if time.monotonic() > ends_at:
            raise NotEnded(_("the banks still have payments on their way"))
        time.sleep(SETTLE_POLL_S)
