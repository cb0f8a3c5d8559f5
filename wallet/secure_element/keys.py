"""The keys in the secure element: which one a load is for, which are shown, when one is forgotten.

A key is made for a load. It stays while tokens may still come for it, while it owns a piece, while
a request that shows it may be paid, and while it is the newest that a bank has certified. The next
load forgets the others.
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
from wallet.secure_element.state import HeldKey, State


def own_key(state: State, public: bytes) -> HeldKey | None:
    """The device's own key of these 32 bytes, or None."""
    wanted = public.hex()
    return next((key for key in state.keys if key.public == wanted), None)


def newest_certified(state: State) -> HeldKey | None:
    """The key that requests show."""
    return next((key for key in reversed(state.keys) if key.certificate), None)


def certificate_of(key: HeldKey) -> Certificate:
    """A certified key's certificate."""
    return Certificate.decode(bytes.fromhex(key.certificate), DEVICE)


def settle(state: State, public: bytes, bank: str, wallet: str) -> HeldKey:
    """The key, which from now on lives at this bank, for this wallet. Raises Refusal."""
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


def certify(state: State, device: Certificate, bank: Certificate, roots: Sequence[bytes]) -> None:
    """Keeps a certificate; its key is now the newest. Raises Refusal unless it is good for it.

    Args:
        device: the certificate of one of its keys.
        bank: that of the bank which made it.
        roots: keys of which one has to have signed the bank's; none for a device that knows none.
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
    state: State, wallet: str, busy: Collection[bytes], now_ms: int, keyring: Keyring
) -> HeldKey:
    """The key of a wallet's next load: one made before for a load that came to nothing, or new.

    Args:
        wallet: its number.
        busy: keys that stand in its loads without an answer.
        now_ms: the time.
        keyring: makes it.
    """
    at_work = {public.hex() for public in busy}
    for key in state.keys:
        if key.shown and key.loader == wallet and key.public not in at_work:
            # What it is paid and what is loaded are not to be under one key.
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


def _forget_idle(state: State, at_work: set[str], now_ms: int) -> None:
    asked = {
        request.certificate.key.hex()
        for request in map(_request, state.asked.values())
        if request.certificate.expires_time_ms >= now_ms
    }
    needed = at_work | asked | _owners(state) | _payers(state, now_ms) | _newest(state)
    idle = {key.public for key in state.keys if not key.loader} - needed
    _forget(state, idle)


def _make_room(state: State, at_work: set[str], now_ms: int) -> None:
    """Below the bound, whatever waits for a payment under the oldest keys without money.

    Keys that wait for a payment go last, and behind them those whose payments may come back:
    without its key what is paid is not given back, nor what came back deposited.
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


def _forget(state: State, publics: set[str]) -> None:
    state.keys = [key for key in state.keys if key.public not in publics]
    state.asked = {
        challenge: request
        for challenge, request in state.asked.items()
        if _request(request).certificate.key.hex() not in publics
    }


def _owners(state: State) -> set[str]:
    """Keys that own money which they can pay or deposit: not what was refused for good."""
    return {piece.owner for piece in state.pieces if not piece.refused}


def _payers(state: State, now_ms: int) -> set[str]:
    """Keys whose payments may still come back, to be deposited: of no expired tokens."""
    found: set[str] = set()
    for challenge, (payment, _) in state.paid.items():
        if challenge in state.back:
            continue
        for chain in Payment.decode(bytes.fromhex(payment)).chains:
            if chain.token.expires_time_ms >= now_ms:
                found.add(chain.hops[-1].certificate.key.hex())
    return found


def _newest(state: State) -> set[str]:
    newest = newest_certified(state)
    return {newest.public} if newest is not None else set()


def _request(encoded: str) -> Request:
    return Request.decode(bytes.fromhex(encoded))
