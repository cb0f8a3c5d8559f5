"""Collects the result of a simulation."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from simulation.offline_risk.clearing import Paid
from simulation.offline_risk.money import Coin
from simulation.offline_risk.parameters import HOUR_MS, Parameters

_MILLION_FEN = 100_000_000


@dataclass
class BrokenDevice:
    """What one broken device has done, and what it cost.

    Attributes:
        first_ms, second_ms: when its first payment was taken, and its second, the double spend.
        found_ms: when the registration centre found it out.
        surfaced: its different payments that had been deposited by then.
    """

    bank: int
    loaded_fen: int
    payments: int = 0
    refused: int = 0
    refused_in_a_row: int = 0
    paid_fen: int = 0
    first_ms: int | None = None
    second_ms: int | None = None
    found_ms: int | None = None
    float_fen: int = 0
    bank_fen: int = 0
    unpaid_fen: int = 0
    payees_paid: set[int] = field(default_factory=set)
    payees_not_paid: set[int] = field(default_factory=set)
    surfaced: set[bytes] = field(default_factory=set)

    @property
    def loss_fen(self) -> int:
        """What people took from it in good faith and the float does not pay for."""
        return self.paid_fen - self.float_fen

    @property
    def detection_hours(self) -> float | None:
        """Hours from the double spend to its discovery; None when one of them did not happen."""
        if self.found_ms is None or self.second_ms is None:
            return None
        return (self.found_ms - self.second_ms) / HOUR_MS

    def paid(self, amount_fen: int, now_ms: int) -> None:
        """To be called when somebody has taken a payment from it."""
        self.payments += 1
        self.refused_in_a_row = 0
        self.paid_fen += amount_fen
        if self.first_ms is None:
            self.first_ms = now_ms
        elif self.second_ms is None:
            self.second_ms = now_ms

    def was_refused(self) -> None:
        """To be called when somebody's device has refused a payment from it."""
        self.refused += 1
        self.refused_in_a_row += 1

    def came_in(self, coin: Coin) -> None:
        """To be called when its money is deposited and it has not been found out yet."""
        if coin.chain is not None:
            self.surfaced.add(coin.chain.hops[0].endorsement.challenge)

    def cleared(self, paid: Paid, depositor: int) -> None:
        """Adds who paid for a deposited piece of its money."""
        self.float_fen += paid.float_fen
        self.bank_fen += paid.bank_fen
        self.unpaid_fen += paid.unpaid_fen
        (self.payees_not_paid if paid.unpaid_fen else self.payees_paid).add(depositor)


@dataclass
class Outcome:
    """The result of a whole simulation.

    Attributes:
        made: honest payments that were taken.
        paid_fen: their sum.
        not_made: honest payments that were not made, for want of money or of room at the payee, or
            because of the bound on hops.
        returned: honest payments that the payees gave back and the payers deposited.
        returned_fen: their sum.
        verified: payments whose bytes were verified.
        reasons: how often payees refused payments, by reason.
    """

    parameters: Parameters
    broken: list[BrokenDevice]
    made: int = 0
    paid_fen: int = 0
    not_made: int = 0
    returned: int = 0
    returned_fen: int = 0
    verified: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def loss_fen(self) -> int:
        """What people took from broken devices in good faith and the float does not pay for."""
        return sum(one.loss_fen for one in self.broken)

    @property
    def fraud_fen(self) -> int:
        """The sum of what broken devices have paid."""
        return sum(one.paid_fen for one in self.broken)

    @property
    def loss_per_device_fen(self) -> float:
        """The expected loss of a broken device."""
        return self.loss_fen / len(self.broken) if self.broken else 0.0

    @property
    def loss_per_million_fen(self) -> float:
        """The loss for each million yuan that was paid offline, in fen."""
        paid_fen = self.paid_fen + self.fraud_fen
        return self.loss_fen * _MILLION_FEN / paid_fen if paid_fen else 0.0

    def detection(self) -> dict[str, float | int | None]:
        """How many double spenders were found, and how many hours that took."""
        hours = sorted(
            one.detection_hours for one in self.broken if one.detection_hours is not None
        )
        return {
            "found": len(hours),
            "median_hours": round(statistics.median(hours), 1) if hours else None,
            "p95_hours": round(hours[-(-95 * len(hours) // 100) - 1], 1) if hours else None,
            "most_surfacings": max((len(one.surfaced) for one in self.broken), default=0),
        }

    def as_fields(self) -> dict[str, Any]:
        """The fields for JSON; amounts are in fen."""
        paid: set[int] = set()
        not_paid: set[int] = set()
        for one in self.broken:
            paid |= one.payees_paid
            not_paid |= one.payees_not_paid
        return {
            "parameters": self.parameters.as_fields(),
            "honest": {
                "payments": self.made,
                "paid_fen": self.paid_fen,
                "not_made": self.not_made,
                "returned": self.returned,
                "returned_fen": self.returned_fen,
            },
            "broken": {
                "devices": len(self.broken),
                "double_spenders": sum(one.second_ms is not None for one in self.broken),
                "loaded_fen": sum(one.loaded_fen for one in self.broken),
                "payments": sum(one.payments for one in self.broken),
                "paid_fen": self.fraud_fen,
                "refused": sum(one.refused for one in self.broken),
            },
            "loss": {
                "total_fen": self.loss_fen,
                "per_broken_device_fen": round(self.loss_per_device_fen),
                "per_million_yuan_paid_fen": round(self.loss_per_million_fen),
                "banks_of_the_broken_fen": sum(one.bank_fen for one in self.broken),
                "payees_fen": sum(one.unpaid_fen for one in self.broken),
            },
            "payees": {"paid": len(paid - not_paid), "not_paid": len(not_paid)},
            "detection": self.detection(),
            "verified": self.verified,
            "refused_because": dict(sorted(self.reasons.items())),
        }
