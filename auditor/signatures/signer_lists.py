"""Checks the lists of wallets' signers: each is signed by as many as the one before it took."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from google.protobuf.message import Message

from auditor.signatures.orders import BEFORE_ORDER_MS, Line, Wrong, read, same
from auditor.signatures.signers import SignerList, SignerRows, where_of
from auditor.signatures.verifying import Problems, Verifying
from dcep.bank.v1 import keys_pb2, signers_pb2
from language import _
from settlement.records import record_digest


class Holder(NamedTuple):
    """A wallet's number, its keys from the first one on, and its lists of signers.

    Attributes:
        keys: b"" where a list was in the place of a key.
        lists: by where they are among the keys.
    """

    number: str
    keys: list[bytes]
    lists: Mapping[int, SignerList] = {}

    def orderers(self, number: int) -> dict[int, bytes]:
        """Who could order under a key or list: their keys by place; a single key has place 0."""
        if number in self.lists:
            return self.lists[number].releasing
        return {0: self.keys[number]} if 0 <= number < len(self.keys) else {}

    def signers(self, number: int) -> dict[int, bytes]:
        """The keys that were the wallet's under a key or list, by place."""
        if number in self.lists:
            signers = self.lists[number].order.signers
            return {one.place: bytes(one.public_key) for one in signers}
        return self.orderers(number)

    def ever(self, before: int | None = None) -> set[bytes]:
        """The keys that were the wallet's under any of its keys and lists.

        Args:
            before: under those before this one only.
        """
        numbers = range(len(self.keys))[:before]
        return {key for number in numbers for key in self.signers(number).values()}

    def alone(self, number: int) -> list[bytes]:
        """The keys each of which could order alone under a key or list."""
        return [*self.orderers(number).values()] if self.threshold(number) == 1 else []

    def threshold(self, number: int) -> int:
        """How many it took to order."""
        return self.lists[number].order.threshold if number in self.lists else 1


class SignerLists:
    """The lists of a bank's wallets, as the journal puts them in force."""

    def __init__(
        self, bank: str, rows: SignerRows, problems: Problems, verifying: Verifying
    ) -> None:
        self._bank = bank
        self._rows = rows
        self._problems = problems
        self._verifying = verifying
        self._came: set[int] = set()
        """Positions of lists whose records were seen."""

    def of(self, number: str) -> Mapping[int, SignerList]:
        """A wallet's lists, by where they are among its keys."""
        return self._rows.lists.get(number, {})

    def check(self, numbers: AbstractSet[str]) -> None:
        """Names rows that cannot be read, or are of no wallet of these."""
        for problem in self._rows.problems:
            self._problems.say(problem)
        for number in self._rows.lists.keys() - numbers:
            for listed in self.of(number).values():
                self._problems.say(f"{where_of(listed.row)}: {_('there is no such wallet')}")

    def put(self, line: Line, holder: Holder, listed: SignerList, before: int) -> None:
        """Takes a record that has put a list in force.

        Args:
            before: the number of the key or list that was in force.

        Raises:
            Wrong: it was not to be.
        """
        row, order = listed.row, listed.order
        payload = bytes(row.payload)
        same("wallet", order.wallet_number, holder.number)
        same("bank", order.bank, self._bank)
        same("list", order.list_number, row.key_number)
        same("list", row.key_number, line.ref)
        same("list", line.ref, before + 1)
        same("digest", record_digest(payload), line.digest)
        same("time", row.time_ms, line.time_ms)
        same("recovery", bool(row.gives_up_recovery), order.gives_up_recovery)
        if not order.created_time_ms - BEFORE_ORDER_MS <= line.time_ms <= order.expires_time_ms:
            raise Wrong(_("it was put in force outside of its time"))
        kind = signers_pb2.SignersOrder
        self.signed_by_enough(line.position, holder, before, kind, payload)
        if not 1 <= order.threshold <= len(listed.releasing):
            raise Wrong(_("nobody can order by this list"))
        self._places(holder, before, listed)
        self._came.add(row.position)

    def signed_by_enough(
        self, position: int, holder: Holder, number: int, kind: type[Message], payload: bytes
    ) -> None:
        """Checks who has signed something: so many as it took by the list then. Raises Wrong."""
        could = holder.orderers(number)
        signatures = self._rows.signatures.get(position, {})
        if not signatures.keys() <= could.keys():
            raise Wrong(_("somebody has signed it who could not"))
        if len(signatures) < holder.threshold(number):
            raise Wrong(_("too few of those who could have signed it"))
        for place, signature in signatures.items():
            self._verifying.add_always(
                self._problems,
                _("table signer_signatures, row position={position}, place={place}").format(
                    position=position, place=place
                ),
                could[place],
                kind,
                payload,
                signature,
            )

    def _places(self, holder: Holder, before: int, listed: SignerList) -> None:
        """Checks that who stays keeps the place, and that each new key has asked. Raises Wrong."""
        had = {key: place for place, key in holder.signers(before).items()}
        ever = holder.ever(before)
        places = [one.place for one in listed.order.signers]
        if len(set(places)) != len(places):
            raise Wrong(_("two signers have one place"))
        for one in listed.order.signers:
            key = bytes(one.public_key)
            if key in had:
                same("place", had[key], one.place)
                continue
            if key in ever:
                raise Wrong(_("a key that was taken out came back"))
            request = read(keys_pb2.KeyRequest, one.request.payload)
            same("wallet", request.wallet_number, holder.number)
            same("bank", request.bank, self._bank)
            same("key", request.public_key.hex(), key.hex())
            self._verifying.add_always(
                self._problems,
                _("{where}: the request of the new key").format(where=where_of(listed.row)),
                key,
                keys_pb2.KeyRequest,
                one.request.payload,
                one.request.signature,
            )

    def finish(self, position: int) -> None:
        """Names lists that no record up to a position has put in force."""
        for lists in self._rows.lists.values():
            for row in (one.row for one in lists.values()):
                if row.position not in self._came and row.position <= position:
                    self._problems.say(
                        _("{where}: no record has put it in force").format(where=where_of(row))
                    )
