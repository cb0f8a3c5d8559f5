"""Carries requests to pay from bank to bank; nothing of them is kept here."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

from google.protobuf.message import DecodeError

from central_bank.authentication.banks import AdmittedBank, Registry
from central_bank.peers.asking import Asking
from currency.number import prefix_of
from dcep.bank.v1 import inbound_pb2, orders_pb2
from dcep.errors.v1 import errors_pb2
from runtime.checks import invalid
from runtime.errors import Refusal


class Carrying:
    """The use-case behind CarryRequests."""

    def __init__(self, registry: Registry, asking: Asking) -> None:
        self._registry = registry
        self._asking = asking

    def begin(
        self, sender: AdmittedBank, prefix: str, items: Sequence[inbound_pb2.CarriedRequest]
    ) -> Future[None]:
        """Begins to give requests to pay, or changes of them, to another bank.

        Args:
            sender: the bank that calls.
            prefix: of the other one's wallets.
            items: what it is to be told.

        Returns:
            Its answer, in time; it raises NoAnswer, or Refusal.

        Raises:
            Refusal: BANK_UNKNOWN; FIELD_INVALID, an item that is not the sender's to send;
                PEER_UNAVAILABLE, the other bank cannot be told now.
        """
        for index, item in enumerate(items):
            _check(item, sender.prefix, prefix, f"items[{index}]")
        to = next((bank for bank in self._registry.all() if bank.prefix == prefix), None)
        if to is None or to.name == sender.name:
            raise Refusal(
                errors_pb2.REASON_BANK_UNKNOWN, "there is no such other bank", field="prefix"
            )
        asked = None if to.suspended else self._asking.take_requests(sender, to, items)
        if asked is None:
            raise Refusal(errors_pb2.REASON_PEER_UNAVAILABLE, "it cannot be told now")
        return asked.answer


def _check(item: inbound_pb2.CarriedRequest, sender: str, to: str, field: str) -> None:
    """Raises Refusal unless a bank may tell another one of a request.

    Nobody asks in another's name: a bank sends requests of its own wallets, and what its own
    wallets have ordered about others'. Prefixes as those of `Carrying.begin`.
    """
    try:
        request = orders_pb2.RequestToPay.FromString(item.request.payload)
        change = orders_pb2.ChangeAskedOrder.FromString(item.change.payload)
    except DecodeError:
        raise invalid(field, "cannot be read") from None
    asker, payer = prefix_of(request.wallet_number), prefix_of(request.payer_number)
    if (asker, payer) not in ((sender, to), (to, sender)):
        raise invalid(field, "is not between wallets of the two banks")
    if asker != sender and not item.HasField("change"):
        raise invalid(field, "is another bank's request")
    if item.HasField("change") and prefix_of(change.wallet_number) != sender:
        raise invalid(field, "is changed by another bank's wallet")
