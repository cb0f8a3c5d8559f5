"""What clients asked for and were told, held against the databases afterwards.

A client writes down each call when it begins and what became of it; a call without an answer is of
unknown outcome, and is asked again under the same number. From that alone it follows what the
databases must have: what was told as settled, once; what was refused, never; what nobody knows, at
most once; and nothing else. Elle and Jepsen check histories in this way (Kingsbury and Alvaro,
"Elle: Inferring Isolation Anomalies from Experimental Observations", 2020).
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import text

from dcep.bank.v1 import payments_pb2, states_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from deployment.databases import reading_engine
from deployment.topology import StackPlan
from runtime.errors import NoAnswer, Refusal, is_undecided
from settlement.records import Kind, Result
from tests.integration.raw_wallet import RawWallet, now_ms

HOUR_MS = 3_600_000
CALL_S = 20.0
PAUSE_S = 0.05
PACE_S = 0.05
"""Between a payer's payments: clients that pay as fast as they can leave the services no processor
to come back with, and show nothing more.
"""
SILENT_S = 1.0
"""A time without any payment that came through counts as an interruption from this length on."""

ENDED_UNPAID = (
    states_pb2.PAYMENT_STATE_REFUSED,
    states_pb2.PAYMENT_STATE_EXPIRED,
    states_pb2.PAYMENT_STATE_RETURNED,
)


class Outcome(StrEnum):
    """What a client knows after a call."""

    SETTLED = "settled"
    UNPAID = "unpaid"
    UNKNOWN = "unknown"


class Payment(NamedTuple):
    """A payment as its payer names it."""

    payer: str
    sequence: int
    payee: str
    amount_fen: int


class Call(NamedTuple):
    """One call for a payment, from when to when by the machine's own clock, in seconds."""

    payment: Payment
    began_s: float
    ended_s: float
    outcome: Outcome


class Calls:
    """All calls of all clients, in the order of their ends. Used by many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[Call] = []

    def add(self, call: Call) -> None:
        """Adds a call that has ended."""
        with self._lock:
            self._calls.append(call)

    def all(self) -> list[Call]:
        """The calls so far."""
        with self._lock:
            return list(self._calls)

    def settled(self) -> set[Payment]:
        """The payments that were acknowledged so far."""
        return {call.payment for call in self.all() if call.outcome is Outcome.SETTLED}


class Payer:
    """A client that pays on and on, each order asked for until its end is known."""

    def __init__(
        self, wallet: RawWallet, payees: Sequence[str], calls: Calls, chance: random.Random
    ) -> None:
        self.wallet = wallet
        self.failure: Exception | None = None
        self._payees = [number for number in payees if number != wallet.number]
        self._calls = calls
        self._chance = chance
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begins to pay."""
        self._thread.start()

    def stop(self) -> None:
        """Begins no other payment."""
        self._stop.set()

    def join(self, timeout_s: float) -> None:
        """Waits until the end of the last payment is known; raises what went wrong."""
        self._thread.join(timeout_s)
        assert not self._thread.is_alive(), "a payment found no end"
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                payee, amount_fen = self._chance.choice(self._payees), self._chance.randint(1, 40)
                order = self.wallet.payment(payee, amount_fen, expires_time_ms=now_ms() + HOUR_MS)
                number, sequence = self.wallet.number, self.wallet.sequence
                self._end(order, Payment(number, sequence, payee, amount_fen))
                self._stop.wait(PACE_S)
        except Exception as failure:  # noqa: BLE001 - told to the test's own thread
            self.failure = failure

    def _end(self, order: SignedEnvelope, payment: Payment) -> None:
        while True:
            began_s = time.monotonic()
            outcome = self._asked(order)
            self._calls.add(Call(payment, began_s, time.monotonic(), outcome))
            if outcome is not Outcome.UNKNOWN:
                return
            time.sleep(PAUSE_S)

    def _asked(self, order: SignedEnvelope) -> Outcome:
        request = payments_pb2.PayRequest(order=order)
        try:
            answer = self.wallet.stubs.payments.Pay(request, timeout=CALL_S)
        except NoAnswer:
            return Outcome.UNKNOWN
        except Refusal as refusal:
            return Outcome.UNKNOWN if is_undecided(refusal.reason) else Outcome.UNPAID
        if answer.state == states_pb2.PAYMENT_STATE_SETTLED:
            return Outcome.SETTLED
        return Outcome.UNPAID if answer.state in ENDED_UNPAID else Outcome.UNKNOWN


_PAID = text(
    "SELECT w.number, p.sequence, p.kind, p.amount_fen, p.position, o.state FROM payments p"
    " JOIN accounts a ON a.number = p.origin JOIN wallets w ON w.id = a.owner"
    " LEFT JOIN outbound o ON o.account = p.origin AND o.sequence = p.sequence"
    f" WHERE p.result = {int(Result.ACCEPTED)} AND p.debit = p.origin"
    f" AND p.kind IN ({int(Kind.TRANSFER)}, {int(Kind.HOLD)}) ORDER BY p.position"
)


class Kept(NamedTuple):
    """What a bank's database says of a payment of one of its wallets."""

    position: int
    amount_fen: int
    settled: bool


def kept(plan: StackPlan) -> dict[tuple[str, int], list[Kept]]:
    """All payments in the databases of a stack's banks, by payer and sequence."""
    found: dict[tuple[str, int], list[Kept]] = defaultdict(list)
    for bank in plan.banks:
        engine = reading_engine(plan.database_url(bank.name))
        with engine.connect() as connection:
            for number, sequence, kind, amount_fen, position, state in connection.execute(_PAID):
                settled = kind == Kind.TRANSFER or state == states_pb2.PAYMENT_STATE_SETTLED
                found[number, sequence].append(Kept(position, amount_fen, settled))
        engine.dispose()
    return dict(found)


def contradictions(calls: Sequence[Call], found: dict[tuple[str, int], list[Kept]]) -> list[str]:
    """Sentences about all that the databases have otherwise than clients were told.

    Args:
        calls: every call of every client that has paid from these wallets.
        found: from `kept`, once nothing is on its way any more.
    """
    problems: list[str] = []
    told: dict[Payment, set[Outcome]] = defaultdict(set)
    for call in calls:
        told[call.payment].add(call.outcome)
    payers = {payment.payer for payment in told}
    for payment, outcomes in told.items():
        rows = found.get((payment.payer, payment.sequence), [])
        settled = [row for row in rows if row.settled]
        name = f"payment {payment.payer}-{payment.sequence}"
        if {Outcome.SETTLED, Outcome.UNPAID} <= outcomes:
            problems.append(f"{name} was told as settled and as not paid")
        if Outcome.SETTLED in outcomes and not settled:
            problems.append(f"{name} was acknowledged and is lost")
        if Outcome.UNPAID in outcomes and settled:
            problems.append(f"{name} was told as not paid and is paid")
        if len(settled) > 1:
            problems.append(f"{name} is paid {len(settled)} times")
        if any(row.amount_fen != payment.amount_fen for row in rows):
            problems.append(f"{name} is about another amount than was asked for")
    asked = {(payment.payer, payment.sequence) for payment in told}
    for payer, sequence in sorted(found.keys() - asked):
        if payer in payers:
            problems.append(f"payment {payer}-{sequence} was asked for by nobody")
    return problems + _disorder(calls, found)


def _disorder(calls: Sequence[Call], found: dict[tuple[str, int], list[Kept]]) -> list[str]:
    """A payment that ended before another one of its payer began comes before it."""
    last: dict[str, tuple[int, int]] = {}
    problems = []
    for payment in sorted({c.payment for c in calls if c.outcome is Outcome.SETTLED}):
        rows = found.get((payment.payer, payment.sequence), [])
        if not rows:
            continue
        before = last.get(payment.payer)
        if before is not None and before[1] >= rows[0].position:
            problems.append(
                f"payment {payment.payer}-{payment.sequence} comes before {before[0]} of its payer"
            )
        last[payment.payer] = payment.sequence, rows[0].position
    return problems


@dataclass(frozen=True)
class Service:
    """How well payers were served, in the manner of a central bank's report.

    Attributes:
        seconds: from the first call to the end of the last one.
        settled: payments that were acknowledged.
        unpaid: payments that were refused.
        unknown_calls: calls without an answer that decided anything; each was asked again.
        interruptions_s: the times of at least SILENT_S in which no payment came through.
    """

    seconds: float
    settled: int
    unpaid: int
    unknown_calls: int
    interruptions_s: tuple[float, ...]

    @property
    def availability(self) -> float:
        """The share of the time that was no interruption."""
        return 1 - sum(self.interruptions_s) / self.seconds if self.seconds else 0.0


def service(calls: Sequence[Call]) -> Service:
    """What the calls say about the service."""
    ends = sorted(call.ended_s for call in calls if call.outcome is Outcome.SETTLED)
    began = min(call.began_s for call in calls)
    times = [began, *ends, max(call.ended_s for call in calls)]
    gaps = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
    outcomes = Counter(call.outcome for call in calls)
    return Service(
        seconds=times[-1] - began,
        settled=outcomes[Outcome.SETTLED],
        unpaid=outcomes[Outcome.UNPAID],
        unknown_calls=outcomes[Outcome.UNKNOWN],
        interruptions_s=tuple(gap for gap in gaps if gap >= SILENT_S),
    )
