"""Computes the hash chain of a bank's feed from its journal, and compares what was signed of it.

The entries are the notes of the records that they became. The central bank signed the tips, which
the bank keeps. The central bank keeps its own marks of the chain, and the bank's signed receipt. So
an entry that was changed, left out or inserted shows, and so do two histories of one feed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine, Row, column, select, table

from auditor.books import MIRROR
from auditor.signatures.feed_tips import kept_tips
from auditor.signatures.orders import Line, Wrong, read
from auditor.signatures.verifying import Problems
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.registration.v1 import registration_pb2
from language import _
from runtime.ed25519 import verified
from runtime.envelope import signed_bytes
from runtime.hash_chain import beginning, linked
from settlement.records import ADMINISTRATIVE, Kind

_place = table("feed_place", *map(column, ("ledger", "number", "hash")))
_marks = table("feed_marks", *map(column, ("bank", "number", "hash")))
_receipts = table("feed_receipts", *map(column, ("bank", "number", "receipt")))
_put_backs = table("put_backs", *map(column, ("act", "bank", "receipt")))
_ledger = table("feed_ledger", column("ledger"))


class FeedChain:
    """Takes a bank's entries in order, and names where the chain breaks."""

    def __init__(
        self, bank: str, index: int, engine: Engine, central: Engine, keys: Sequence[bytes]
    ) -> None:
        """Reads up to which entry the bank has applied its feed; later ones are not looked at.

        Args:
            bank: its name.
            index: its id at the central bank.
            engine: the bank's database.
            central: the central bank's database.
            keys: the business keys that the bank has or had.
        """
        self._engine = engine
        self._problems = Problems()
        self._number, self._hash = 0, b""
        # The other side first: the bank has already written down everything that it says now.
        self._marks = self._other_side(bank, index, central, keys)
        with engine.connect() as connection:
            stands = connection.execute(select(_place)).first()
            ledgers = [bytes(row) for row in connection.execute(select(_place.c.ledger)).scalars()]
        with central.connect() as connection:
            told = connection.execute(select(_ledger.c.ledger)).scalar()
        self._until = stands.number if stands is not None else 0
        self._end = bytes(stands.hash) if stands is not None else b""
        if ledgers and told is not None and ledgers != [bytes(told)]:
            self._problems.say(_("table feed_place: it is the feed of another ledger"))
        self._hash = beginning("feed/v1", *ledgers[:1], bank.encode())
        for number in sorted(number for number in self._marks if number > self._until):
            where = self._marks.pop(number)[0][0]
            self._problems.say(
                _("{where}: the bank has applied {until} entries alone: an older copy").format(
                    where=where, until=self._until
                )
            )
        self._tips = self._signed_tips()
        self._tip = next(self._tips, None)
        self._last_signed = 0

    @property
    def complete(self) -> bool:
        """Whether all entries up to the feed's place have been taken."""
        return self._number >= self._until

    def take(self, line: Line, where: str) -> None:
        """Takes the journal's next record, and skips it when it came from no entry."""
        applied = line.accepted or line.kind == Kind.REFUSAL
        if line.origin != MIRROR or line.kind in ADMINISTRATIVE or not applied or self.complete:
            return
        try:
            said = read(registration_pb2.FeedEntry, line.note).number
            if said != self._number + 1:
                raise Wrong(
                    _("entry {said} follows entry {number} of the feed").format(
                        said=said, number=self._number
                    )
                )
        except Wrong as wrong:
            self._problems.say(
                _("table journal, {where}, position={position}: {wrong}").format(
                    where=where, position=line.position, wrong=wrong
                )
            )
        self._number += 1
        self._hash = linked(self._hash, line.note)
        self._compare()

    def finish(self) -> Problems:
        """What is wrong with the chain; call it after all entries were taken."""
        if not self.complete:
            self._problems.say(
                _(
                    "table feed_place: it stands at entry {until}, and the journal has {number}"
                ).format(until=self._until, number=self._number)
            )
        elif self._number and self._end != self._hash:
            self._problems.say(
                _("table feed_place: the chain of entry {number} has another hash").format(
                    number=self._number
                )
            )
        if self.complete and self._last_signed < self._until:
            self._problems.say(
                _(
                    "table feed_tips: the central bank has not signed the entries after "
                    "{last_signed}"
                ).format(last_signed=self._last_signed)
            )
        return self._problems

    def _compare(self) -> None:
        """Compares the chain with everything that was said about the newest entry."""
        for where, digest in self._marks.pop(self._number, ()):
            if digest != self._hash:
                self._problems.say(
                    _("{where}: the bank has another history up to entry {number}").format(
                        where=where, number=self._number
                    )
                )
        if self._tip is None or self._tip[0] != self._number:
            return
        if self._tip[1] != self._hash:
            self._problems.say(
                _(
                    "table feed_tips, row number={number}: the entries after {last_signed} are "
                    "not those that the central bank has signed"
                ).format(number=self._number, last_signed=self._last_signed)
            )
            self._hash = self._tip[1]  # go on from there, so that one break is named once
        self._last_signed = self._number
        self._tip = next(self._tips, None)

    def _signed_tips(self) -> Iterator[tuple[int, bytes]]:
        """(number, hash) of each tip up to the feed's place.

        `CentralTerms.check_tips` verifies their signatures and names those that cannot be read.
        """
        for number, kept in kept_tips(self._engine):
            if number > self._until:
                return
            with suppress(Wrong):
                envelope = read(SignedEnvelope, kept)
                yield number, read(registration_pb2.FeedTip, envelope.payload).place.hash

    def _other_side(
        self, bank: str, index: int, central: Engine, keys: Sequence[bytes]
    ) -> dict[int, list[tuple[str, bytes]]]:
        """By number, (place, hash) of the central bank's marks and the bank's receipts."""
        found: dict[int, list[tuple[str, bytes]]] = {}
        with central.connect() as connection:
            marks = connection.execute(select(_marks).where(_marks.c.bank == index)).all()
            receipts = connection.execute(select(_receipts).where(_receipts.c.bank == index)).all()
            before = connection.execute(select(_put_backs).where(_put_backs.c.bank == index)).all()
        for row in marks:
            where = _("table feed_marks of the central bank, row number={number}").format(
                number=row.number
            )
            found.setdefault(row.number, []).append((where, bytes(row.hash)))
        for row in receipts:
            where = _("table feed_receipts of the central bank, row number={number}").format(
                number=row.number
            )
            try:
                place = _receipt(row, bank, keys).place
            except Wrong as wrong:
                self._problems.say(f"{where}: {wrong}")
                continue
            found.setdefault(row.number, []).append((where, place.hash))
        for row in before:
            # A bank that was put back gets the entries again that it had acknowledged before.
            where = _("table put_backs of the central bank, row act={act}").format(act=row.act)
            try:
                if row.receipt:
                    place = _receipt(row, bank, keys).place
                    found.setdefault(place.number, []).append((where, place.hash))
            except Wrong as wrong:
                self._problems.say(f"{where}: {wrong}")
        return found


def _receipt(row: Row[Any], bank: str, keys: Sequence[bytes]) -> registration_pb2.FeedReceipt:
    """A bank's receipt for its place in the feed; raises Wrong unless the bank signed just that."""
    envelope = read(SignedEnvelope, bytes(row.receipt))
    message = signed_bytes(registration_pb2.FeedReceipt, envelope.payload)
    if not any(verified(key, message, envelope.signature) for key in keys):
        raise Wrong(_("it is not signed by the bank"))
    receipt = read(registration_pb2.FeedReceipt, envelope.payload)
    number = getattr(row, "number", receipt.place.number)
    if (receipt.bank, receipt.place.number) != (bank, number):
        raise Wrong(_("it is a receipt for another place"))
    return receipt
