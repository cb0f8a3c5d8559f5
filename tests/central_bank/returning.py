"""Payments that are given back."""

from __future__ import annotations

from typing import Any

from central_bank.registration.settlement import OutboundPayment
from tests.central_bank.system import System


def returned(system: System, old: OutboundPayment, number: int, **changes: Any) -> OutboundPayment:
    """Beta's return of a payment of alpha."""
    now_ms = system.clock.now_ms()
    values = {
        "number": number,
        "payment_id": f"beta-return-{number}",
        "payer_number": old.payee_number,
        "payee_number": old.payer_number,
        "amount_fen": old.amount_fen,
        "created_time_ms": now_ms,
        "expires_time_ms": now_ms + 60_000,
        "returns_payment_id": old.payment_id,
        "returns_number": old.number,
    }
    return OutboundPayment(**{**values, **changes})
