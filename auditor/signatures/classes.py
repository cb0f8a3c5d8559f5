"""Checks that a wallet's class follows from what its holder has shown, at its opening and later."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row, column, select, table

from auditor.signatures.acts import ActsDone
from auditor.signatures.orders import Line, Wrong, read, same
from auditor.signatures.presences import Presences
from auditor.signatures.signer_lists import Holder
from auditor.signatures.verifying import Problems, Verifying
from currency.contract_words import class_name
from currency.proofs import ASKED, Proof, class_of
from dcep.bank.v1 import orders_pb2, wallets_pb2
from language import _
from settlement.records import record_digest

_changes = table(
    "class_changes",
    *(
        column(name)
        for name in (
            *("position", "wallet", "wallet_class", "shown", "request_id"),
            *("order_payload", "order_signature", "act"),
        )
    ),
)


class ClassChangesDone:
    """The changes of wallets' classes that a bank keeps; records can be compared with them."""

    def __init__(
        self,
        connection: Connection,
        acts: ActsDone,
        presences: Presences,
        verifying: Verifying,
        problems: Problems,
        keys_of: Callable[[Holder], list[bytes]],
    ) -> None:
        """Reads them, in the transaction in which the wallets are read.

        Args:
            keys_of: the keys each of which orders alone for a wallet where the walk stands.
        """
        self._keys_of = keys_of
        self._acts = acts
        self._presences = presences
        self._verifying = verifying
        self._problems = problems
        rows = connection.execute(select(_changes).order_by(_changes.c.position)).all()
        self._by_position = {row.position: row for row in rows}
        self._of_wallet: dict[int, list[Row[Any]]] = defaultdict(list)
        for row in rows:
            self._of_wallet[row.wallet].append(row)

    def deposit_order(self, wallet: int, opening: bytes, shown: int) -> bytes:
        """What was signed for a wallet's deposit account: its opening, or the change that came to a
        class with one.
        """
        if class_of(Proof(shown)) <= wallets_pb2.WALLET_CLASS_II:
            return opening
        for row in self._of_wallet.get(wallet, ()):
            if row.wallet_class <= wallets_pb2.WALLET_CLASS_II and row.order_payload is not None:
                return bytes(row.order_payload)
        return opening

    def check_shown(self, wallet: int, number: str, opened_with: int, now: int | None) -> None:
        """Raises Wrong if a customer has proofs that neither an order nor two officers stand
        for.
        """
        known = {opened_with, *(row.shown for row in self._of_wallet.get(wallet, ()))}
        known |= self._presences.shown.get(wallet, set())
        if now is None or now not in known:
            raise Wrong(_("its holder has shown nothing of the kind that table customers says"))
        self._presences.check_shown(wallet, number, now)

    def took_effect(self, line: Line, wallet: int, holder: Holder) -> None:
        """Checks the record of a change; `wallet` is the row's id. Raises Wrong."""
        row = self._by_position.pop(line.position, None)
        if row is None or row.wallet != wallet:
            raise Wrong(_("nobody ordered a change of the wallet's class"))
        same("class", row.wallet_class, line.ref)
        best = class_of(Proof(row.shown))
        if not best or line.ref < best:
            raise Wrong(
                _("its holder has not shown enough for class {name}").format(
                    name=class_name(line.ref)
                )
            )
        self._presences.check_shown(wallet, holder.number, row.shown, line.position, line.time_ms)
        if row.act is not None:
            self._withdrawn(line, row, holder)
            return
        payload = bytes(row.order_payload or b"")
        order = read(orders_pb2.ChangeClassOrder, payload)
        same("wallet", order.wallet_number, holder.number)
        same("class", order.wallet_class, line.ref)
        same("digest", record_digest(payload), line.digest)
        signature, kinds = bytes(row.order_signature or b""), [orders_pb2.ChangeClassOrder]
        if not self._verifying.now(self._keys_of(holder), kinds, payload, signature):
            raise Wrong(_("the signature is not by the wallet's key"))

    def _withdrawn(self, line: Line, row: Row[Any], holder: Holder) -> None:
        """Checks a change that two officers decided. Raises Wrong."""
        asked = self._acts.took_effect(
            line, "downgrade_wallet", wallet_number=holder.number, number=row.act
        )
        if Proof(row.shown) & ~ASKED[asked.wallet_class] or line.ref < asked.wallet_class:
            raise Wrong(_("the wallet keeps more than the act of two officers leaves it"))

    def finish(self, position: int) -> None:
        """Names the rows up to a place in the journal that no record stands for."""
        for place in sorted(self._by_position):
            if place <= position:
                self._problems.say(
                    _("table class_changes, row position={place}: no record did this").format(
                        place=place
                    )
                )
