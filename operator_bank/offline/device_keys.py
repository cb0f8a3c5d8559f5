"""Keeps the device keys that the bank has certified: whose they are, which are live, which revoked.

A wallet has a key for each load. Only its bank knows which keys belong to one wallet. So it is the
bank that bounds how many of them are live, and that puts all of them out of use when one is
revoked.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Delete, Row, Update, delete, insert, select, update

from dcep.bank.v1.orders_pb2 import CertifyDeviceOrder
from dcep.errors.v1 import errors_pb2
from offline_token.formats import DEVICE, Certificate
from offline_token.possession import POSSESSION_BYTES, Possession, account_of
from offline_token.signing import certify_device, verified
from operator_bank.context import Context
from operator_bank.keys.in_force import check_in_force
from operator_bank.limits import (
    DEVICE_LIFETIME_MS,
    DEVICE_RENEWAL_MS,
    KEY_KEPT_MS,
    KEY_LIVE_MS,
    MAX_FORGOTTEN,
    MAX_LIVE_KEYS,
    MAX_REPORTED,
    REVOKED_KEY_KEPT_MS,
)
from operator_bank.offline.tables import devices
from operator_bank.wallets.orders import VerifiedOrder
from runtime.chunks import chunks
from runtime.errors import Refusal
from runtime.signing_keys import Signer

_OF = devices.c


class DeviceKeys:
    """Certifies device keys, and keeps what is known of them."""

    def __init__(self, context: Context, business_key: Signer) -> None:
        self._database = context.database
        self._key = business_key
        self._clock = context.clock
        self._bank = context.bank
        # So that keys of one wallet are counted and added by one call at a time.
        self._changing = threading.Lock()

    def certify(self, order: VerifiedOrder[CertifyDeviceOrder], key: bytes) -> bytes:
        """The certificate of a wallet's device, encoded; the same again until it is due for
        renewal.

        It is due some time before it expires, and when the bank has another business key.

        Args:
            order: asks for the certificate, and is kept with it.
            key: the device's public key, 32 bytes.

        Raises:
            Refusal: ALREADY_EXISTS, DEVICE_REVOKED, TOO_MANY_DEVICE_KEYS.
        """
        wallet = order.wallet.row_id
        signed: dict[str, object] = {
            "order_payload": order.payload,
            "order_signature": order.signature,
        }
        with self._changing:
            self._check_not_revoked(wallet)
            row = self._row(key)
            if row is None:
                self._check_room(wallet)
                made = self._new_certificate(key)
                named = Certificate.decode(made, DEVICE).revocation()
                signed |= {"device_key": key, "revocation": named, "wallet": wallet}
                values = self._live(certificate=made, **signed)

                def body(connection: Connection) -> None:
                    check_in_force(connection, order.wallet)
                    connection.execute(insert(devices), values)

                self._database.transaction(body)
                return made
            if row.wallet != wallet:
                raise Refusal(
                    errors_pb2.REASON_ALREADY_EXISTS,
                    "the device is another wallet's",
                    field="device_key",
                )
            certificate = bytes(row.certificate)
            if self._is_due(certificate):
                certificate = self._new_certificate(key)
            self._enliven(row, certificate=certificate, **signed)
            return certificate

    def to_load(self, wallet: int, key: bytes) -> bytes:
        """The certificate of a key for which tokens are about to be made; the key counts as live
        again.

        Raises:
            Refusal: DEVICE_UNKNOWN, DEVICE_REVOKED, TOO_MANY_DEVICE_KEYS.
        """
        with self._changing:
            row = self._row(key)
            if row is None or row.wallet != wallet:
                raise Refusal(
                    errors_pb2.REASON_DEVICE_UNKNOWN,
                    "this bank has not certified the device for this wallet",
                    field="device_key",
                )
            self._check_not_revoked(wallet)
            self._enliven(row)
            return bytes(row.certificate)

    def among(self, wallet: int, keys: Collection[bytes]) -> list[bytes]:
        """Those of these keys that belong to the wallet, sorted."""
        query = select(_OF.device_key).where(_OF.device_key.in_(keys), _OF.wallet == wallet)
        found = self._database.read(lambda c: c.execute(query).scalars().all())
        return sorted(bytes(key) for key in found)

    def possession(self, certificate: bytes) -> bytes:
        """What a certified device signed to be certified here, as the central bank is shown it.

        Zeros for a key that is no longer known; the central bank refuses its load then.
        """
        row = self._row(Certificate.decode(certificate, DEVICE).key)
        if row is None:
            return bytes(POSSESSION_BYTES)
        asked = CertifyDeviceOrder.FromString(bytes(row.order_payload))
        return Possession(account_of(asked.wallet_number, asked.nonce), asked.possession).encode()

    def mark_revoked(self, revocations: Collection[bytes]) -> None:
        """Notes that devices, of any bank, are revoked; wallets here that have one get no more
        keys.

        Args:
            revocations: what the trust bundle lists for them, 32 bytes each.
        """
        ordered, now_ms = sorted(revocations), self._clock.now_ms()
        unmarked = update(devices).where(_OF.revoked_time_ms.is_(None))
        with self._changing:
            for chunk in chunks(ordered):
                these = _OF.revocation.in_(chunk)
                statement = unmarked.where(these).values(revoked_time_ms=now_ms)
                self._database.transaction(partial(_execute, statement))

    def to_report(self) -> list[Certificate]:
        """Certificates of the other keys of wallets with a revoked key, some at a time."""
        barred = select(_OF.wallet).where(_OF.revoked_time_ms.is_not(None))
        others = select(_OF.certificate).where(
            _OF.revoked_time_ms.is_(None), _OF.wallet.in_(barred)
        )
        query = others.order_by(_OF.device_key).limit(MAX_REPORTED)
        found = self._database.read(lambda c: c.execute(query).scalars().all())
        return [Certificate.decode(bytes(encoded), DEVICE) for encoded in found]

    def good(self, wallet: int) -> list[Certificate]:
        """Certificates of a wallet's keys that are neither revoked nor expired."""
        query = select(_OF.certificate).where(_OF.wallet == wallet, _OF.revoked_time_ms.is_(None))
        found = self._database.read(lambda c: c.execute(query).scalars().all())
        now_ms = self._clock.now_ms()
        kept = [Certificate.decode(bytes(encoded), DEVICE) for encoded in found]
        return [each for each in kept if each.expires_time_ms >= now_ms]

    def to_block(self, wallet: int, act: int) -> list[Certificate]:
        """Those keys of a wallet that an act is about to have the central bank revoke, some at a
        time; it is written down which.

        Args:
            wallet: whose keys.
            act: its number.
        """
        named = [each.revocation() for each in self.good(wallet)[:MAX_REPORTED]]
        if named:
            statement = update(devices).where(_OF.revocation.in_(named)).values(blocking_act=act)
            with self._changing:
                self._database.transaction(partial(_execute, statement))
        return self.blocked_by(wallet, act)

    def blocked_by(self, wallet: int, act: int) -> list[Certificate]:
        """Those keys of a wallet that an act has had revoked, or was about to."""
        query = select(_OF.certificate).where(_OF.wallet == wallet, _OF.blocking_act == act)
        query = query.order_by(_OF.device_key).limit(MAX_REPORTED)
        found = self._database.read(lambda c: c.execute(query).scalars().all())
        return [Certificate.decode(bytes(encoded), DEVICE) for encoded in found]

    def forget_old(self) -> bool:
        """Deletes some keys that nothing can come of any more; returns True if there may be others.

        No deposit that the central bank would take needs them, to show whose a piece is or who
        endorsed it, and none can prove that they cheated. Revoked keys stay as long as evidence
        against them is kept, because they say whose they were. One revoked key of each wallet stays
        for ever: it bars the wallet from more.
        """
        now_ms = self._clock.now_ms()
        past = _OF.live_until_ms < now_ms - KEY_KEPT_MS
        old = select(_OF.device_key).where(past).limit(MAX_FORGOTTEN)
        beside = devices.alias()
        barred = (
            select(beside.c.device_key)
            .where(beside.c.wallet == _OF.wallet, beside.c.revoked_time_ms.is_not(None))
            .where(beside.c.device_key > _OF.device_key)
        )
        spare = old.where(_OF.revoked_time_ms < now_ms - REVOKED_KEY_KEPT_MS, barred.exists())
        # A revoked key is never live again, so these may be looked for while other calls run.
        found = list(self._database.read(lambda c: c.execute(spare).scalars().all()))
        unrevoked = old.where(_OF.revoked_time_ms.is_(None))
        with self._changing:
            found += self._database.read(lambda c: c.execute(unrevoked).scalars().all())
            for chunk in chunks(found):
                statement = delete(devices).where(_OF.device_key.in_(chunk))
                self._database.transaction(partial(_execute, statement))
        return len(found) >= MAX_FORGOTTEN

    def _row(self, key: bytes) -> Row[Any] | None:
        query = select(devices).where(_OF.device_key == key)
        return self._database.read(lambda c: c.execute(query).first())

    def _enliven(self, row: Row[Any], **values: object) -> None:
        """Makes a key live again, if its wallet may have another live one."""
        if row.live_until_ms <= self._clock.now_ms():
            self._check_room(row.wallet)
        statement = update(devices).where(_OF.device_key == row.device_key)
        self._database.transaction(partial(_execute, statement.values(self._live(**values))))

    def _live(self, **values: object) -> dict[str, object]:
        return {"live_until_ms": self._clock.now_ms() + KEY_LIVE_MS, **values}

    def _check_room(self, wallet: int) -> None:
        now_ms = self._clock.now_ms()
        query = (
            select(_OF.live_until_ms)
            .where(_OF.wallet == wallet, _OF.live_until_ms > now_ms)
            .order_by(_OF.live_until_ms)
        )
        live = self._database.read(lambda c: c.execute(query).scalars().all())
        if len(live) >= MAX_LIVE_KEYS:
            frees = datetime.fromtimestamp(live[len(live) - MAX_LIVE_KEYS] / 1_000, UTC)
            raise Refusal(
                errors_pb2.REASON_TOO_MANY_DEVICE_KEYS,
                f"tokens of {MAX_LIVE_KEYS} loads of this wallet have not run out; the next load "
                f"is possible after {frees:%Y-%m-%d %H:%M} UTC",
                field="device_key",
            )

    def _check_not_revoked(self, wallet: int) -> None:
        query = select(_OF.device_key).where(_OF.wallet == wallet, _OF.revoked_time_ms.is_not(None))
        if self._database.read(lambda c: c.execute(query.limit(1)).first()) is not None:
            raise Refusal(
                errors_pb2.REASON_DEVICE_REVOKED,
                "a device of this wallet was revoked, so it loads no more offline money; what it "
                "has can be deposited",
                field="device_key",
            )

    def _new_certificate(self, key: bytes) -> bytes:
        expires_ms = self._clock.now_ms() + DEVICE_LIFETIME_MS
        return certify_device(self._key, self._bank, key, expires_ms).encode()

    def _is_due(self, encoded: bytes) -> bool:
        certificate = Certificate.decode(encoded, DEVICE)
        if certificate.expires_time_ms < self._clock.now_ms() + DEVICE_RENEWAL_MS:
            return True
        key, part = bytes(self._key.verify_key), certificate.signed_part()
        return not verified(key, part, certificate.signature)


def _execute(statement: Update | Delete, connection: Connection) -> None:
    connection.execute(statement)
