"""Reads what a bank's wallets' signers have released, and says which orders stand on it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message
from sqlalchemy import Engine, Row, column, inspect, select, table

from auditor.signatures.orders import Wrong, read, same
from auditor.signatures.signer_lists import Holder
from auditor.signatures.signers import PLACES
from auditor.signatures.verifying import Problems, Verifying
from dcep.bank.v1 import orders_pb2, signers_pb2
from language import _
from settlement.records import key_of

_KINDS: Mapping[int, type[Message]] = {
    signers_pb2.RELEASED_KIND_PAYMENT: orders_pb2.PaymentOrder,
    signers_pb2.RELEASED_KIND_REFUND: orders_pb2.RefundOrder,
    signers_pb2.RELEASED_KIND_EXCHANGE: orders_pb2.ExchangeOrder,
    signers_pb2.RELEASED_KIND_CLOSE: orders_pb2.CloseOrder,
}
_COLUMNS = ("number", "digest", "list_number", "place", "payload")
_releases = table("releases", *map(column, _COLUMNS))
_signatures = table("release_signatures", *map(column, ("number", "digest", "place", "signature")))
_AT_ONCE = 16
"""Releases in memory; each has half a megabyte at most."""

_MARK_BYTES = 16
Signatures = Mapping[int, bytes]


class Releases:
    """The releases of a bank's wallets that enough have signed."""

    def __init__(self, bank: str, engine: Engine, problems: Problems, verifying: Verifying) -> None:
        self._bank = bank
        self._engine = engine
        self._problems = problems
        self._verifying = verifying
        self._marks: set[bytes] = set()
        """Of each order that was released: wallet, list, preparer, kind and bytes."""

    def read(self, holders: Mapping[str, Holder]) -> None:
        """Reads the rows, and names those that are not signed by as many as it took.

        Whatever stands on a release was written after it; so the rows may be read at any time after
        the end of the journal is known.

        Args:
            holders: all wallets, by their numbers.
        """
        if not inspect(self._engine).has_table(_releases.name):
            return
        with self._engine.connect() as connection:
            signatures: dict[tuple[str, bytes], dict[int, bytes]] = defaultdict(dict)
            for row in connection.execute(select(_signatures)):
                signatures[row.number, bytes(row.digest)][row.place] = bytes(row.signature)
            query = select(_releases).order_by(_releases.c.number, _releases.c.digest)
            for row in connection.execution_options(yield_per=_AT_ONCE).execute(query):
                its = signatures.get((row.number, bytes(row.digest)), {})
                try:
                    self._take(row, its, holders)
                except Wrong as wrong:
                    self._problems.say(f"{_where(row)}: {wrong}")

    def covers(self, number: str, sequence: int, kind: type[Message], payload: bytes) -> bool:
        """Whether an order was released to the signer whose sequence it has, under its list."""
        return _mark(number, key_of(sequence), sequence % PLACES, kind, payload) in self._marks

    def _take(self, row: Row[Any], its: Signatures, holders: Mapping[str, Holder]) -> None:
        payload = bytes(row.payload)
        order = read(signers_pb2.ReleaseOrder, payload)
        holder = holders.get(row.number)
        if holder is None:
            raise Wrong(_("there is no such wallet"))
        same("wallet", order.wallet_number, holder.number)
        same("bank", order.bank, self._bank)
        same("list", order.list_number, row.list_number)
        same("place", order.place, row.place)
        same("digest", hashlib.sha256(payload).hexdigest(), bytes(row.digest).hex())
        self._signed_by_enough(row, its, holder, payload)
        for item in order.items:
            kind = _KINDS.get(item.kind)
            if kind is None:
                raise Wrong(_("it releases what may not be released"))
            self._marks.add(_mark(row.number, order.list_number, order.place, kind, item.payload))

    def _signed_by_enough(
        self, row: Row[Any], its: Signatures, holder: Holder, payload: bytes
    ) -> None:
        could = holder.orderers(row.list_number)
        if not its.keys() <= could.keys():
            raise Wrong(_("somebody has signed it who could not"))
        if row.list_number not in holder.lists or len(its) < holder.threshold(row.list_number):
            raise Wrong(_("too few of those who could have signed it"))
        for place, signature in its.items():
            self._verifying.add_always(
                self._problems,
                _("{where}: the signature of place {place}").format(where=_where(row), place=place),
                could[place],
                signers_pb2.ReleaseOrder,
                payload,
                signature,
            )


def _mark(number: str, list_number: int, place: int, kind: type[Message], payload: bytes) -> bytes:
    """Tells released orders apart; short, as there may be millions of them."""
    said = f"{number}/{list_number}/{place}/{kind.DESCRIPTOR.name}/".encode() + payload
    return hashlib.sha256(said).digest()[:_MARK_BYTES]


def _where(row: Row[Any]) -> str:
    return _("table releases, row number={number}, digest={digest}").format(
        number=row.number, digest=bytes(row.digest).hex()
    )
