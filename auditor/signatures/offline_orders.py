"""Checks the orders behind offline money: deposits, and keys of devices."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, Row, column, select, table

from auditor.signatures.orders import Line, Wrong, read, same
from auditor.signatures.verifying import Problems
from auditor.signatures.wallet_keys import WalletKeys
from auditor.signatures.wallets import Wallets
from dcep.bank.v1 import orders_pb2
from dcep.registration.v1 import registration_pb2
from language import _
from offline_token.deposit import Deposit, signed_by_owners
from offline_token.formats import FormatError
from offline_token.possession import Possession, account_of
from offline_token.verify import Bad, Reason
from settlement.records import record_digest

_deposits = table(
    "token_deposits",
    *(column(name) for name in ("id", "wallet", "order_payload", "order_signature")),
)
_devices = table(
    "devices",
    *(column(name) for name in ("device_key", "wallet", "order_payload", "order_signature")),
)


class OfflineOrders:
    """The orders of a bank's holders about offline money."""

    def __init__(self, name: str, engine: Engine, wallets: Wallets, keys: WalletKeys) -> None:
        self._name = name
        self._engine = engine
        self._wallets = wallets
        self._keys = keys

    def depositor(self, said: Line) -> int:
        """The account of the wallet that made a deposit, whose order is verified. Raises Wrong."""
        note = read(registration_pb2.TokensDeposited, said.note)
        query = select(_deposits).where(_deposits.c.id == note.number)
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise Wrong(_("table token_deposits has no row id={number}").format(number=note.number))
        account = self._wallets.account_of_row.get(row.wallet, -1)
        holder = self._wallets.get(account)
        payload = bytes(row.order_payload)
        order = read(orders_pb2.DepositOrder, payload)
        same("wallet", order.wallet_number, holder.number)
        same("digest", record_digest(order.offline_payment), said.digest)
        self._owned(order)
        where = _("table token_deposits, row id={id}").format(id=row.id)
        signature = bytes(row.order_signature)
        key = self._keys.of_sequence(order.sequence, holder)
        self._wallets.verify(where, key, orders_pb2.DepositOrder, payload, signature)
        return account

    def _owned(self, order: orders_pb2.DepositOrder) -> None:
        """Raises Wrong unless the pieces' owners have signed them over to the order's wallet."""
        try:
            deposit = Deposit.decode(order.offline_payment)
            signed = signed_by_owners(deposit, deposit.pieces(), self._name)
        except (FormatError, Bad) as error:
            raise Wrong(_("the deposit cannot be read: {error}").format(error=error)) from None
        account = account_of(order.wallet_number, order.nonce)
        if signed != Reason.GOOD or deposit.account != account:
            raise Wrong(_("the owners of the pieces have not signed them over to this wallet"))

    def check_devices(self, problems: Problems) -> None:
        """Names keys of devices that no holder has asked a certificate for."""
        with self._engine.connect() as connection:
            for row in connection.execute(select(_devices)):
                where = _("table devices, row device_key={device_key}").format(
                    device_key=bytes(row.device_key).hex()
                )
                try:
                    self._check_device(row, where)
                except Wrong as wrong:
                    problems.say(f"{where}: {wrong}")

    def _check_device(self, row: Row[Any], where: str) -> None:
        holder = self._wallets.get(self._wallets.account_of_row.get(row.wallet, -1))
        payload = bytes(row.order_payload)
        order = read(orders_pb2.CertifyDeviceOrder, payload)
        same("wallet", order.wallet_number, holder.number)
        same("key", order.device_key.hex(), bytes(row.device_key).hex())
        account = account_of(order.wallet_number, order.nonce)
        if not Possession(account, order.possession).proves(order.device_key, self._name):
            raise Wrong(_("the key has not asked for it itself"))
        signature = bytes(row.order_signature)
        key = self._keys.of_sequence(order.sequence, holder)
        self._wallets.verify(where, key, orders_pb2.CertifyDeviceOrder, payload, signature)
