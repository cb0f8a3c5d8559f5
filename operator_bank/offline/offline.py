"""Puts together the bank's part in offline money: certificates, loads, deposits."""

from __future__ import annotations

from collections.abc import Sequence

from offline_token.formats import DEVICE, Certificate, FormatError
from operator_bank.context import Context
from operator_bank.limits import (
    MAX_CERTIFICATES_ASKED,
)
from operator_bank.offline.certifying import Certifying
from operator_bank.offline.deposits import Deposits
from operator_bank.offline.device_keys import DeviceKeys
from operator_bank.offline.loads import Loads
from operator_bank.offline.newest_bundle import NewestBundle
from operator_bank.offline.questions import Questions, unavailable
from operator_bank.offline.resending import Resending
from operator_bank.offline.revocations import Revocations
from operator_bank.payments.outbound import Outbound
from operator_bank.peers.central_keys import Verifies
from operator_bank.wallets.orders import Orders
from operator_bank.wallets.refused import Refused
from runtime.checks import at_most, invalid
from runtime.errors import NoAnswer
from runtime.signing_keys import Signer


class Offline:
    """The use-cases behind OfflineService, and what repeats loads and deposits that have not ended.

    Attributes:
        certifying: certifies devices.
        loads: turns money into tokens.
        deposits: turns tokens into money.
    """

    def __init__(
        self,
        context: Context,
        orders: Orders,
        outgoing: Outbound,
        business_key: Signer,
        refused: Refused,
        bundles: NewestBundle,
        central_keys: Verifies,
    ) -> None:
        keys = DeviceKeys(context, business_key)
        self._central_bank = context.central_bank
        self.bundles = bundles
        self.questions = questions = Questions(outgoing, context.clock)
        self.keys = keys
        self.revocations = revocations = Revocations(context, keys, bundles)
        self.certifying = Certifying(context, orders, refused, keys, revocations, questions)
        self.loads = Loads(context, orders, refused, keys, revocations, outgoing, questions)
        self.deposits = Deposits(context, orders, refused, keys, central_keys, questions)
        self.resending = Resending(context, self.deposits.end_refused, keys.possession)

    def trust_bundle(self) -> bytes:
        """The root's key, 32 bytes, and the newest trust bundle that this bank has verified.

        Raises:
            Refusal: PEER_UNAVAILABLE, there is no bundle that a device would take.
        """
        try:
            return self.questions.ask(self.bundles.newest).encoded
        except NoAnswer as error:
            kept = self.bundles.kept()
            if kept is not None:
                return kept.encoded
            raise unavailable() from error

    def statements(self, certificates: Sequence[bytes]) -> Sequence[bytes]:
        """The root's statements about devices and their banks that its trust bundle does not cover.

        Args:
            certificates: of the devices, encoded.

        Raises:
            Refusal: TOO_MANY_ITEMS, FIELD_INVALID, PEER_UNAVAILABLE.
        """
        at_most(certificates, "certificates", MAX_CERTIFICATES_ASKED)
        for encoded in certificates:
            try:
                Certificate.decode(encoded, DEVICE)
            except FormatError as error:
                raise invalid("certificates", f"holds one that is unreadable: {error}") from None
        return self.questions.need(lambda: self._central_bank.statements(list(certificates)))
