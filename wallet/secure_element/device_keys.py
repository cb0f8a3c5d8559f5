"""The keys of a device, and what banks have certified of them."""

from __future__ import annotations

from collections.abc import Collection

from offline_token.formats import BANK, DEVICE, Certificate, FormatError
from offline_token.possession import NONCE_BYTES, account_of, prove
from offline_token.verify import Bad, Reason, check_device
from wallet.secure_element import keys
from wallet.secure_element.context import Context
from wallet.secure_element.limits import RENEWED_BEFORE_MS
from wallet.secure_element.refusals import invalid
from wallet.secure_element.state import ElementState


class DeviceKeys:
    """Makes a key for each load, and proves to a bank that it is the device's."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def public_key(self) -> bytes:
        """The key that requests show, else one without a certificate; b"" before the first."""
        state = self._context.read()
        newest = keys.newest_certified(state) or (state.keys[-1] if state.keys else None)
        return bytes.fromhex(newest.public) if newest is not None else b""

    def holds(self, public: bytes) -> bool:
        """Whether this key is the device's own."""
        return keys.own_key(self._context.read(), public) is not None

    def certified(self) -> bool:
        """Whether the key that requests show has a good certificate, valid for a while yet.

        Money that is paid to the key can be paid on for as long as its certificate is valid, and
        the holder may be offline meanwhile; hence RENEWED_BEFORE_MS. A certificate is not good if
        the newest bundle says that the bank's key which signed it was revoked. A device that the
        bundle lists as revoked counts as certified.
        """
        state = self._context.read()
        newest = keys.newest_certified(state)
        if newest is None:
            return False
        certificate, trust = keys.certificate_of(newest), self._context.trusting.view(state)
        if certificate.expires_time_ms < self._context.trusting.now_ms(state) + RENEWED_BEFORE_MS:
            return False
        if trust is None or trust.bundle.lists(certificate.revocation()):
            return True
        try:
            check_device(certificate, trust.bundle, trust.now_ms, beside=trust.beside)
        except Bad as no:
            return no.reason not in (Reason.DEVICE_FORGED, Reason.DEVICE_REVOKED)
        return True

    def load_key(self, wallet: str, busy: Collection[bytes]) -> bytes:
        """The public key, 32 bytes, for a wallet's next load: the same until tokens come for it.

        Args:
            wallet: the wallet's number.
            busy: keys of that wallet's loads that have no answer yet; they are neither given
                again nor forgotten.

        Raises:
            Refusal: OVERLOADED when too many keys have money.
        """

        def body(state: ElementState) -> bytes:
            now_ms = self._context.trusting.now_ms(state)
            key = keys.key_for_load(state, wallet, busy, now_ms, self._context.keyring)
            return bytes.fromhex(key.public)

        public, keyring = self._context.change(body), self._context.keyring
        if keyring.unused(self._context.read()):
            # In a change, which is alone with the state: no other process is just making a key.
            self._context.change(lambda state: keyring.destroy(keyring.unused(state)))
        return public

    def prove(self, public: bytes, bank: str, wallet: str) -> bytes:
        """Proves that the device has a key, so that a bank certifies it for a wallet.

        A key lives at one bank: it asks for one wallet there and never for another.

        Returns:
            A nonce, 16 bytes, followed by the signature, 64 bytes.

        Raises:
            Refusal: NOT_THE_OWNER for a key that is not the device's, or that was made for
                another wallet or has asked for one.
        """
        nonce = self._context.randomness.bytes(NONCE_BYTES)

        def body(state: ElementState) -> bytes:
            key = keys.settle(state, public, bank, wallet)
            account = account_of(wallet, nonce)
            return nonce + prove(self._context.keyring.signer(state, key), bank, account).signature

        return self._context.change(body)

    def certify(self, device_certificate: bytes, bank_certificate: bytes) -> None:
        """Keeps a key's certificate. Raises Refusal unless it is good and for one of the keys."""
        try:
            bank = Certificate.decode(bank_certificate, BANK)
            device = Certificate.decode(device_certificate, DEVICE)
        except FormatError as error:
            raise invalid("device_certificate", str(error)) from None

        def body(state: ElementState) -> None:
            keys.certify(state, device, bank, self._context.trusting.roots(state))

        self._context.change(body)
