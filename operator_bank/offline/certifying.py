"""Certifies devices for a wallet, with the bank's key."""

from __future__ import annotations

from dcep.bank.v1 import orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from offline_token.bundle import TrustBundle
from offline_token.formats import BANK, DEVICE, Certificate
from offline_token.possession import Possession, account_of
from offline_token.signing import verified
from operator_bank.context import Context
from operator_bank.offline.device_keys import DeviceKeys
from operator_bank.offline.questions import Questions
from operator_bank.offline.revocations import Revocations
from operator_bank.wallets.orders import Orders, VerifiedOrder, check_unexpired
from operator_bank.wallets.refused import Refused
from runtime.checks import public_key
from runtime.errors import Refusal


class Certifying:
    """Certifies keys of devices that have themselves signed that they want it."""

    def __init__(
        self,
        context: Context,
        orders: Orders,
        refused: Refused,
        keys: DeviceKeys,
        revocations: Revocations,
        questions: Questions,
    ) -> None:
        self._orders = orders
        self._refused = refused
        self._keys = keys
        self._revocations = revocations
        self._central_bank = context.central_bank
        self._questions = questions
        self._clock = context.clock
        self._bank = context.bank

    def certify(self, envelope: SignedEnvelope) -> tuple[bytes, bytes]:
        """Certifies a device; returns its certificate and the bank's, encoded.

        The same request gets the same certificate until that is due for renewal. Raises Refusal.
        """
        order = self._orders.open(orders_pb2.CertifyDeviceOrder, envelope)
        key = public_key(order.content.device_key, "device_key")
        self._check_possession(order, key)
        check_unexpired(order.content.expires_time_ms, self._clock.now_ms())
        self._refused.check(order)
        bundle = self._questions.need(self._revocations.newest)
        try:
            certificate = self._keys.certify(order, key)
        except Refusal as refusal:
            raise self._refused.keep(order, refusal) from None
        return certificate, self._certifier(bundle, certificate)

    def _certifier(self, bundle: TrustBundle, encoded: bytes) -> bytes:
        """The certificate of the bank's key that certified a device; b"" if it is not to be
        found.
        """
        device = Certificate.decode(encoded, DEVICE)
        part, signature = device.signed_part(), device.signature
        its = (bank for bank in bundle.of_bank(self._bank) if verified(bank.key, part, signature))
        found = [bank.encode() for bank in its]
        if not found:  # the bundle has no room for this bank: the central bank is asked
            said = self._questions.need(lambda: self._central_bank.statements([encoded]))
            found = [statement for statement in said if statement[:1] == BANK]
        return found[0] if found else b""

    def _check_possession(
        self, order: VerifiedOrder[orders_pb2.CertifyDeviceOrder], key: bytes
    ) -> None:
        """Raises Refusal unless the device key has signed that it is to be certified for this
        wallet.
        """
        account = account_of(order.wallet.number, order.content.nonce)
        if not Possession(account, order.content.possession).proves(key, self._bank):
            raise Refusal(
                errors_pb2.REASON_SIGNATURE_INVALID,
                "the device key has not signed that it is to be certified for this wallet",
                field="possession",
            )
