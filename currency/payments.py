"""What a payment says of itself: what it is for, and who has made it."""

from __future__ import annotations

from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1.registration_pb2 import OutboundPayment


def purpose_of_payment(payment: OutboundPayment) -> purposes_pb2.Purpose:
    """What a payment between banks is: a payment, a refund, or a returned payment."""
    if payment.returns_payment_id:
        return purposes_pb2.PURPOSE_RETURN
    refunds = payment.refunds_payment_id
    return purposes_pb2.PURPOSE_REFUND if refunds else purposes_pb2.PURPOSE_PAYMENT


def payer_of(payment_id: str) -> str:
    """The number of the wallet that has ordered a payment: an id is that, a hyphen and the order's
    sequence.
    """
    return payment_id.partition("-")[0]
