"""Decides which of the secure element's keys a load is for, and which keys are forgotten.

A key is made for a load. It stays while tokens may still come for it, while it owns a piece, while
a request that shows it may be paid, while a payment by it may come back, and while it is the newest
key that a bank has certified. The next load forgets the others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dcep.errors.v1 import errors_pb2
from language import N_
from offline_token.formats import DEVICE, Certificate, Payment, Request
from offline_token.signing import verified
from runtime.errors import Refusal
from wallet.secure_element.limits import MAX_KEYS
from wallet.secure_element.refusals import invalid
from wallet.secure_element.signer import Keyring
from wallet.secure_element.state import ElementState, HeldKey


def own_key(state: ElementState, public: bytes) -> HeldKey | None:
    """The device's key with this public key, 32 bytes; None if it has no such key."""
    wanted = public.hex()
    return next((key for key in state.keys if key.public == wanted), None)


def newest_certified(state: ElementState) -> HeldKey | None:
    """The key that a bank certified last, which requests show; None before the first."""
    return next((key for key in reversed(state.keys) if key.certificate), None)


def certificate_of(key: HeldKey) -> Certificate:
    """A certified key's certificate."""
    return Certificate.decode(bytes.fromhex(key.certificate), DEVICE)


def settle(state: ElementState, public: bytes, bank: str, wallet: str) -> HeldKey:
    """Binds a key to a wallet of a bank and returns it. Raises Refusal if it is bound elsewhere."""
    key, home = own_key(state, public), f"{bank} {wallet}"
    made_for_another = key is not None and key.loader not in ("", wallet)
    if key is None or made_for_another or key.home not in ("", home):
        raise Refusal(
            errors_pb2.REASON_NOT_THE_OWNER,
            N_("the key is not this device's, or lives at another bank or in another wallet"),
            field="device_key",
        )
    key.home = home
    return key


def certify(
    state: ElementState, device: Certificate, bank: Certificate, roots: Sequence[bytes]
) -> None:
    """Keeps a key's certificate; the key is now the newest. Raises Refusal unless it is good.

    Args:
        device: the certificate of one of the device's keys.
        bank: the certificate of the bank that signed it.
        roots: keys of which one must have signed the bank's certificate; none for a device that
            knows no root yet, which skips that check.
    """
    key = own_key(state, device.key)
    signed = verified(bank.key, device.signed_part(), device.signature)
    if key is None or device.bank != bank.bank or not signed:
        raise invalid("device_certificate", N_("it is not the bank's for this device"))
    if key.home and key.home.split()[0] != bank.bank:
        raise invalid("device_certificate", N_("the key has not asked this bank for it"))
    part = bank.signed_part()
    if roots and not any(verified(root, part, bank.signature) for root in roots):
        raise invalid("bank_certificate", N_("it is not signed by the central bank"))
    key.certificate = device.encode().hex()
    state.keys.remove(key)
    state.keys.append(key)


def key_for_load(
    state: ElementState, wallet: str, busy: Collection[bytes], now_ms: int, keyring: Keyring
) -> HeldKey:
    """The key for a wallet's next load: one made for a load that came to nothing, or a new one.

    Args:
        wallet: the wallet's number.
        busy: keys of its loads that have no answer yet.
        now_ms: the time.
        keyring: makes a new key.

    Raises:
        Refusal: OVERLOADED when too many keys have money.
    """
    at_work = {public.hex() for public in busy}
    for key in state.keys:
        if key.shown and key.loader == wallet and key.public not in at_work:
            # Payers have seen this key, so nothing is loaded under it: that would link the two.
            key.loader = ""
    _forget_idle(state, at_work, now_ms)
    for key in state.keys:
        if key.loader == wallet and key.public not in at_work:
            return key
    _make_room(state, at_work, now_ms)
    made = keyring.make(state)
    made.loader = wallet
    state.keys.append(made)
    return made


def _forget_idle(state: ElementState, at_work: set[str], now_ms: int) -> None:
    asked = {
        request.certificate.key.hex()
        for request in map(_request, state.asked.values())
        if request.certificate.expires_time_ms >= now_ms
    }
    needed = at_work | asked | _owners(state) | _payers(state, now_ms) | _newest(state)
    idle = {key.public for key in state.keys if not key.loader} - needed
    _forget(state, idle)


def _make_room(state: ElementState, at_work: set[str], now_ms: int) -> None:
    """Forgets the oldest keys without money until there is room for one more key.

    Keys whose requests wait for a payment are forgotten last but one, and last those whose own
    payments may come back: without its key, a payment that comes cannot be given back, and one
    that came back cannot be deposited. Raises Refusal when too many keys have money.
    """
    needed = at_work | _owners(state) | _newest(state)
    needed |= {key.public for key in state.keys if key.loader and key.certificate}
    payers = _payers(state, now_ms)
    spare = [key.public for key in state.keys if key.public not in needed]
    asked = {_request(each).certificate.key.hex() for each in state.asked.values()}
    spare.sort(key=lambda public: (public in payers, public in asked))
    over = len(state.keys) + 1 - MAX_KEYS
    if over > len(spare):
        raise Refusal(
            errors_pb2.REASON_OVERLOADED,
            f"the device holds money of {MAX_KEYS} loads; deposit it first",
        )
    _forget(state, set(spare[: max(over, 0)]))


def _forget(state: ElementState, publics: set[str]) -> None:
    state.keys = [key for key in state.keys if key.public not in publics]
    state.asked = {
        challenge: request
        for challenge, request in state.asked.items()
        if _request(request).certificate.key.hex() not in publics
    }


def _owners(state: ElementState) -> set[str]:
    """Keys that own money which can be paid or deposited; pieces that have ended do not count."""
    return {piece.owner for piece in state.pieces if not piece.refused}


def _payers(state: ElementState, now_ms: int) -> set[str]:
    """Keys whose payments may still come back for a deposit: those of tokens not yet expired."""
    found: set[str] = set()
    for challenge, (payment, _) in state.paid.items():
        if challenge in state.back:
            continue
        for chain in Payment.decode(bytes.fromhex(payment)).chains:
            if chain.token.expires_time_ms >= now_ms:
                found.add(chain.hops[-1].certificate.key.hex())
    return found


def _newest(state: ElementState) -> set[str]:
    newest = newest_certified(state)
    return {newest.public} if newest is not None else set()


def _request(encoded: str) -> Request:
    return Request.decode(bytes.fromhex(encoded))
