"""Says how things stand with a key, to whoever signs with it; and to officers, which were asked
for.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from dcep.bank.v1 import keys_pb2, officers_pb2, orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from operator_bank.context import Context
from operator_bank.customers.customers import Customers
from operator_bank.keys.effect import KeyReplacement
from operator_bank.keys.replacing import IN_FORCE, KeyReplacements
from operator_bank.keys.requests import KeyRequests
from operator_bank.limits import MAX_LIVE_KEYS
from operator_bank.offline.tables import devices
from operator_bank.wallets.directory import Directory, Wallet
from operator_bank.wallets.orders import Orders
from runtime.errors import Refusal
from settlement.records import key_of

_REQUESTED, _REPLACED = keys_pb2.KEY_STATE_REQUESTED, keys_pb2.KEY_STATE_REPLACED


class WalletKeys:
    """The use-cases behind KeyService, and what officers see of it."""

    def __init__(
        self,
        context: Context,
        directory: Directory,
        orders: Orders,
        customers: Customers,
        wait_ms: int,
    ) -> None:
        self._database = context.database
        self._clock = context.clock
        self._directory = directory
        self._wait_ms = wait_ms
        self.requests = KeyRequests(context)
        self.replacements = KeyReplacements(context, directory, orders)
        self.effect = KeyReplacement(
            context,
            directory,
            customers,
            self.requests,
            self.replacements,
            least_wait_ms=wait_ms,
        )

    def state(self, envelope: SignedEnvelope) -> keys_pb2.GetKeyResponse:
        """How things stand with the key that signed a question.

        Raises:
            Refusal: the question is not good; REQUEST_UNKNOWN.
        """
        number, key = self.requests.asking(envelope)
        wallet = self._directory.find(number)
        if wallet is not None and wallet.public_key == key:
            return self._in_force(wallet)
        # All of it is looked up whether there is such a wallet or not: it takes as long.
        known, asked = self._known(number, key), self.requests.has(number, key)
        if known is not None:
            return known
        if asked:
            return keys_pb2.GetKeyResponse(state=_REQUESTED)
        raise Refusal(
            errors_pb2.REASON_REQUEST_UNKNOWN,
            "this bank knows nothing of this key, or no more",
            field="key_id",
        )

    def asked(self, number: str) -> officers_pb2.ListKeyRequestsResponse:
        """The keys that were asked for for a number, as officers see them."""
        answer = officers_pb2.ListKeyRequestsResponse(wait_ms=self._wait_ms)
        of_key = {bytes(row.public_key): row for row in self.replacements.rows(number)}
        for row in self.requests.of_number(number):
            key = bytes(row.public_key)
            said = of_key.get(key)
            asked = answer.keys.add(time_ms=row.time_ms, state=_REQUESTED)
            asked.request.payload = bytes(row.payload)
            asked.request.signature = bytes(row.signature)
            asked.request.key_id = key.hex().encode()
            if said is not None:
                asked.state, asked.in_force_time_ms = said.state, _in_force_ms(said)
        return answer

    def _in_force(self, wallet: Wallet) -> keys_pb2.GetKeyResponse:
        answer = keys_pb2.GetKeyResponse(state=IN_FORCE)
        if wallet.key_number:
            rows = self.replacements.rows(wallet.number)
            answer.in_force_time_ms = _time_of(rows, wallet.key_number)
            answer.earlier_devices.extend(self._earlier_devices(wallet))
        coming = self.replacements.waiting_for(wallet.number)
        if coming is not None:
            answer.successor, answer.successor_time_ms = coming.key, coming.due_ms
        return answer

    def _known(self, number: str, key: bytes) -> keys_pb2.GetKeyResponse | None:
        """What is said of a key that is not the wallet's now; None if it never was to be."""
        rows, first = self.replacements.rows(number), self.replacements.first_key(number)
        said = next((row for row in reversed(rows) if bytes(row.public_key) == key), None)
        if said is not None and said.state != IN_FORCE:
            return keys_pb2.GetKeyResponse(
                state=said.state,
                in_force_time_ms=_in_force_ms(said),
            )
        if said is None and key != first:
            return None
        after = (said.key_number if said is not None else 0) + 1
        return keys_pb2.GetKeyResponse(state=_REPLACED, in_force_time_ms=_time_of(rows, after))

    def _earlier_devices(self, wallet: Wallet) -> list[bytes]:
        """Devices whose tokens may be good, certified by orders of keys before this one."""
        of, now_ms = devices.c, self._clock.now_ms()
        query = select(of.device_key, of.order_payload).where(
            of.wallet == wallet.row_id, of.live_until_ms >= now_ms, of.revoked_time_ms.is_(None)
        )
        rows = self._database.read(lambda c: c.execute(query.limit(MAX_LIVE_KEYS)).all())
        return [
            bytes(row.device_key)
            for row in rows
            if key_of(_certified(bytes(row.order_payload)).sequence) < wallet.key_number
        ]


def _certified(payload: bytes) -> orders_pb2.CertifyDeviceOrder:
    order: orders_pb2.CertifyDeviceOrder = orders_pb2.CertifyDeviceOrder.FromString(payload)
    return order


def _in_force_ms(row: Row[Any]) -> int:
    """From when on a replacement counts or is to count; 0 if it never will."""
    if row.state == IN_FORCE:
        return int(row.ended_time_ms)
    return int(row.due_time_ms) if row.state == keys_pb2.KEY_STATE_APPROVED else 0


def _time_of(rows: list[Row[Any]], key_number: int) -> int:
    """When a wallet's key of this number came into force."""
    return next(int(row.ended_time_ms) for row in rows if row.key_number == key_number)
