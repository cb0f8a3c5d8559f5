"""Says how things stand with a key, to whoever signs with it; and to officers, which were asked
for.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from dcep.bank.v1 import keys_pb2, officers_pb2, orders_pb2, states_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from operator_bank.context import Context
from operator_bank.customers.customers import Customers
from operator_bank.keys.effect import KeyCancelling, KeyReplacement
from operator_bank.keys.named import RecoveryKeys
from operator_bank.keys.recovering import Recoveries
from operator_bank.keys.replacing import IN_FORCE, PHRASE, KeyReplacements
from operator_bank.keys.requests import KeyRequests
from operator_bank.keys.rotating import KeyRotations
from operator_bank.limits import KEY_REQUESTS_EACH, MAX_LIVE_KEYS
from operator_bank.offline.tables import devices
from operator_bank.signers.keys import key_row
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
        self.named = RecoveryKeys(context)
        parts = (self.requests, self.replacements)
        self.recoveries = Recoveries(context, directory, *parts, self.named, wait_ms=wait_ms)
        self.rotations = KeyRotations(context, directory, orders, *parts, self.named)
        self.effect = KeyReplacement(
            context,
            directory,
            customers,
            *parts,
            self.recoveries,
            least_wait_ms=wait_ms,
        )
        self.cancelling = KeyCancelling(context, directory, self.replacements)

    def state(self, envelope: SignedEnvelope) -> keys_pb2.GetKeyResponse:
        """How things stand with the key that signed a question.

        Raises:
            Refusal: the question is not good; REQUEST_UNKNOWN.
        """
        number, key = self.requests.asking(envelope)
        wallet = self._directory.find(number)
        if wallet is not None and key in wallet.all_keys:
            return self._in_force(wallet, key)
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
        rows = self.requests.of_number(number)
        for row in rows:
            key = bytes(row.public_key)
            asked = answer.keys.add(time_ms=row.time_ms, state=_REQUESTED)
            asked.request.CopyFrom(_envelope(row.payload, row.signature, key))
            if row.recovery is not None:
                recovery = _envelope(row.recovery, row.recovery_signature, row.recovery_key)
                asked.recovery.CopyFrom(recovery)
            if key in of_key:
                _say(asked, of_key[key])
        coming = self.replacements.waiting_for(number)
        if coming is not None and coming.cause == PHRASE and len(rows) < KEY_REQUESTS_EACH:
            said = of_key[coming.key]
            order = keys_pb2.RecoveryOrder.FromString(bytes(said.payload))
            asked = answer.keys.add(time_ms=coming.approved_ms, request=order.request)
            asked.recovery.CopyFrom(_envelope(said.payload, said.signature, coming.recovery_key))
            _say(asked, said)
        return answer

    def _in_force(self, wallet: Wallet, key: bytes) -> keys_pb2.GetKeyResponse:
        answer = keys_pb2.GetKeyResponse(state=IN_FORCE)
        place = place_of(wallet, key)
        if place is not None:
            answer.signer.CopyFrom(place)
            row = self._database.read(lambda c: key_row(c, wallet.number, key))
            answer.in_force_time_ms = int(row.since_time_ms) if row is not None else 0
        elif wallet.key_number:
            rows = self.replacements.rows(wallet.number)
            answer.in_force_time_ms = _time_of(rows, wallet.key_number)
        if wallet.key_number:
            answer.earlier_devices.extend(self._earlier_devices(wallet))
        coming = self.replacements.waiting_for(wallet.number)
        if coming is not None:
            answer.successor, answer.successor_time_ms = coming.key, coming.due_ms
            answer.successor_cause = coming.cause  # type: ignore[assignment]
            answer.successor_is_final = coming.final
        answer.has_recovery_key = bool(self.named.counting(wallet.number))
        return answer

    def _known(self, number: str, key: bytes) -> keys_pb2.GetKeyResponse | None:
        """What is said of a key that is not the wallet's now; None if it never was to be."""
        gone = self._database.read(lambda c: key_row(c, number, key))
        rows, first = self.replacements.rows(number), self.replacements.first_key(number)
        if gone is not None:
            return keys_pb2.GetKeyResponse(state=_REPLACED, in_force_time_ms=gone.until_time_ms)
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
        """Devices whose tokens may be good, certified by orders of keys before those in force."""
        of, now_ms = devices.c, self._clock.now_ms()
        signers = wallet.signers
        oldest = min(one.since for one in signers.signers) if signers else wallet.key_number
        query = select(of.device_key, of.order_payload).where(
            of.wallet == wallet.row_id, of.live_until_ms >= now_ms, of.revoked_time_ms.is_(None)
        )
        rows = self._database.read(lambda c: c.execute(query.limit(MAX_LIVE_KEYS)).all())
        return [
            bytes(row.device_key)
            for row in rows
            if key_of(_certified(bytes(row.order_payload)).sequence) < oldest
        ]


def _envelope(payload: bytes, signature: bytes, key: bytes) -> SignedEnvelope:
    """What a key has signed, which the envelope names."""
    return SignedEnvelope(
        payload=bytes(payload), signature=bytes(signature), key_id=bytes(key).hex().encode()
    )


def _say(asked: officers_pb2.AskedKey, row: Row[Any]) -> None:
    """Says what came of a key."""
    asked.state, asked.cause = row.state, row.cause
    asked.in_force_time_ms = _in_force_ms(row)


def place_of(wallet: Wallet, key: bytes) -> states_pb2.SignerPlace | None:
    """Which of a wallet's signers a key is; None if the wallet has one key."""
    signer = wallet.signers.of(key) if wallet.signers is not None else None
    if signer is None or wallet.signers is None:
        return None
    return states_pb2.SignerPlace(
        place=signer.place,
        role=signer.role,  # type: ignore[arg-type]
        threshold=wallet.signers.threshold,
    )


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
