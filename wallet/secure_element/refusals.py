"""The secure element's refusals, with their sentences."""

from __future__ import annotations

from dcep.errors.v1 import errors_pb2
from language import N_
from offline_token.verify import Reason
from runtime.errors import Refusal


def bad(reason: Reason) -> Refusal:
    """The refusal for a payment or a piece of money that was found not to be good."""
    return Refusal(errors_pb2.REASON_TOKEN_INVALID, said(reason), verdict=reason.name)


def invalid(field: str, message: str) -> Refusal:
    """The refusal for something that was handed in and is not what it should be."""
    return Refusal(errors_pb2.REASON_FIELD_INVALID, message, field=field)


def in_too_many_pieces() -> Refusal:
    """The refusal when there is enough money, but not for one payment."""
    return Refusal(
        errors_pb2.REASON_INSUFFICIENT_FUNDS,
        N_(
            "the money is in too many pieces, or has changed hands too often, for one payment; "
            "deposit and load again"
        ),
        missing_fen="0",
    )


def uncertified() -> Refusal:
    """The refusal when no bank has certified a key of this device, or it has no trust bundle."""
    return Refusal(
        errors_pb2.REASON_DEVICE_UNKNOWN,
        N_("this wallet's device has not been certified by its bank yet"),
    )


def elsewhere() -> Refusal:
    """The refusal when the private key that is needed is in a PKCS#11 token that is not here."""
    return Refusal(
        errors_pb2.REASON_DEVICE_UNKNOWN,
        N_(
            "the key of this money lies in a PKCS#11 token, and no such key is at hand; set "
            "DCEP_PKCS11_LIBRARY and what belongs to it"
        ),
    )


def said(reason: Reason) -> str:
    """The sentence for a reason, or its name if it has none."""
    return _SENTENCES.get(reason, reason.name)


_SENTENCES = {
    Reason.UNREADABLE: N_("this is no whole payment"),
    Reason.BUNDLE_FORGED: N_("the trust bundle is not the central bank's"),
    Reason.BUNDLE_TOO_OLD: N_("this device has not been online for too long; load anew once"),
    Reason.TOKEN_FORGED: N_("the money is not signed by the central bank"),
    Reason.TOKEN_EXPIRED: N_("the money has expired, or ends too soon to be paid on"),
    Reason.TOKEN_TWICE: N_("the same money is in it twice"),
    Reason.VALUE_TOO_LARGE: N_("a piece is larger than the rules allow"),
    Reason.TOO_MANY_HOPS: N_("the money has changed hands too often; its holder must deposit it"),
    Reason.BANK_UNKNOWN: N_("a device's bank is not among the central bank's"),
    Reason.DEVICE_FORGED: N_("a device's certificate is not its bank's"),
    Reason.DEVICE_EXPIRED: N_("a device's certificate has expired"),
    Reason.DEVICE_REVOKED: N_("a device was revoked"),
    Reason.DEVICE_UNCLEAR: N_(
        "whether a device was revoked is not clear until the payer was online again"
    ),
    Reason.NOT_THE_OWNER: N_("a device pays with money that is not its own"),
    Reason.OUTPUT_INVALID: N_("an endorsement names a part that is not there"),
    Reason.AMOUNT_INVALID: N_("an amount does not add up"),
    Reason.ENDORSEMENT_FORGED: N_("a signature of an owner is wrong"),
    Reason.NOT_FOR_THIS_PAYEE: N_("the payment is for another device"),
    Reason.WRONG_CHALLENGE: N_("the payment is for another request, or one that has been paid"),
    Reason.WRONG_AMOUNT: N_("the payment is not what was asked for"),
    Reason.PAYMENT_TOO_LARGE: N_("the payment is larger than the central bank allows offline"),
}
