"""Keeps the root's statements about single banks and devices that the element's money needs.

A payee's bundle may lack the bank of a device that the money came through, and its filter takes a
few honest devices for revoked ones. The root's statements about these travel with each payment.
Those that are missing are asked for when a bank is in reach.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from language import N_
from offline_token.bundle import TrustBundle
from offline_token.formats import (
    Certificate,
    Clearance,
    FormatError,
    Statement,
    decode_statement,
)
from offline_token.limits import MAX_STATEMENT_BYTES, MAX_STATEMENTS
from offline_token.signing import verified
from offline_token.verify import Bad, Reason, check_device
from wallet.secure_element.keys import certificate_of
from wallet.secure_element.pieces import Trust, held_pieces
from wallet.secure_element.refusals import invalid
from wallet.secure_element.state import ElementState, chain_of

_TOO_LITTLE = frozenset((Reason.BANK_UNKNOWN, Reason.DEVICE_FORGED, Reason.DEVICE_UNCLEAR))


def for_devices(trust: Trust, certificates: Iterable[Certificate]) -> tuple[Statement, ...]:
    """The element's statements about these devices and their banks that the bundle does not cover.

    At most MAX_STATEMENTS, the newest.
    """
    lacking = [each for each in dict.fromkeys(certificates) if _lacks(trust.bundle, each)]
    return tuple(
        each
        for each in trust.statements
        if any(_is_about(each, certificate) for certificate in lacking)
    )[-MAX_STATEMENTS:]


def said(trust: Trust, certificates: Iterable[Certificate]) -> list[Statement]:
    """Those of `for_devices` that the root has signed, for statements that somebody else
    brought."""
    found = for_devices(trust, certificates)
    return [each for each in found if _is_said(each, trust)]


def wanted(state: ElementState, trust: Trust) -> list[Certificate]:
    """Certificates of devices that neither the bundle nor the element's statements clear up.

    At most MAX_STATEMENTS, and none of a bank that is suspended.
    """
    at_stake = _at_stake(state)
    return [each for each in at_stake if _says_too_little(trust, each)][:MAX_STATEMENTS]


def note(state: ElementState, trust: Trust, shown: Sequence[bytes]) -> None:
    """Keeps statements that were asked for. Raises Refusal if the root has not signed all of them.

    Args:
        shown: encoded statements; those after the first 2 × MAX_STATEMENTS are not looked at.
    """
    try:
        statements = [decode_statement(each) for each in shown[: 2 * MAX_STATEMENTS]]
    except FormatError as error:
        raise invalid("statements", str(error)) from None
    if not all(_is_said(each, trust) for each in statements):
        raise invalid("statements", N_("it is not signed by the central bank"))
    keep(state, statements)


def keep(state: ElementState, statements: Iterable[Statement]) -> None:
    """Keeps statements about the element's own keys and the devices that its money came through.

    Of each device and each bank's key it keeps the latest statement, and of all together the newest
    ones, up to `MAX_STATEMENT_BYTES`.
    """
    devices = _at_stake(state)
    latest: dict[bytes, Statement] = {}
    for each in (*statements_of(state), *statements):
        name = each.device if isinstance(each, Clearance) else each.key
        before = latest.pop(name, None)
        if isinstance(before, Clearance) and isinstance(each, Clearance):
            each = max(before, each, key=lambda said: said.time_ms)
        latest[name] = each
    kept = [each for each in latest.values() if any(_is_about(each, one) for one in devices)]
    while sum(len(each.encode()) for each in kept) > MAX_STATEMENT_BYTES:
        del kept[0]
    state.statements = [each.encode().hex() for each in kept]


def statements_of(state: ElementState) -> tuple[Statement, ...]:
    """The statements that the element has."""
    return tuple(decode_statement(bytes.fromhex(each)) for each in state.statements)


def _is_said(statement: Statement, trust: Trust) -> bool:
    part, signature = statement.signed_part(), statement.signature
    return any(verified(root, part, signature) for root in trust.roots)


def _at_stake(state: ElementState) -> list[Certificate]:
    """Certificates of the element's own keys, and of devices in the chains of what it could pay.

    Those of the newest pieces come first.
    """
    found = [certificate_of(key) for key in state.keys if key.certificate]
    for piece in held_pieces(state):
        if not piece.returned:
            found += [hop.certificate for hop in chain_of(piece).hops]
    return list(dict.fromkeys(reversed(found)))


def _says_too_little(trust: Trust, certificate: Certificate) -> bool:
    try:
        check_device(certificate, trust.bundle, trust.now_ms, beside=trust.beside)
    except Bad as no:
        return no.reason in _TOO_LITTLE and not trust.bundle.bars(certificate.bank)
    return False


def _lacks(bundle: TrustBundle, certificate: Certificate) -> bool:
    known = any(_has_signed(key, certificate) for key in bundle.of_bank(certificate.bank))
    return not known or bundle.may_be_revoked(certificate.revocation())


def _is_about(statement: Statement, certificate: Certificate) -> bool:
    if isinstance(statement, Clearance):
        return statement.device == certificate.revocation()
    return _has_signed(statement, certificate)


def _has_signed(bank: Certificate, device: Certificate) -> bool:
    same = bank.bank == device.bank
    return same and verified(bank.key, device.signed_part(), device.signature)
