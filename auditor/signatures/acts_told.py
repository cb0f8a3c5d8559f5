"""Reads where the chains of banks' acts ended, as the banks signed it to the central bank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, Row, column, select, table

from auditor.signatures.orders import Wrong, read
from auditor.signatures.verifying import Problems
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.registration.v1 import registration_pb2
from language import N_, _
from runtime.ed25519 import verified
from runtime.envelope import signed_bytes

_told = table("acts_told", *map(column, ("bank", "incarnation", "number", "receipt")))
_WHOSE = N_("the central bank")


class ActsTold:
    """The ends that the central bank was told, each verified once.

    Attributes:
        problems: what is wrong with the rows.
        ends: by bank, who was told of each (number, hash).
    """

    def __init__(
        self,
        central: Engine,
        indexes: Mapping[str, int],
        keys: Mapping[str, Sequence[bytes]],
        put_back: Sequence[Row[Any]],
    ) -> None:
        """Reads and verifies the ends.

        Args:
            central: the central bank's database.
            indexes: the banks' ids in it, by name.
            keys: the business keys that each bank has or had.
            put_back: the rows of `put_backs`, which are compared with acts elsewhere. What a bank
                told before it was put back counts only as far as its acts were not lost.
        """
        self.problems = Problems()
        self.ends: dict[str, dict[tuple[int, bytes], str]] = {name: {} for name in indexes}
        names = {index: name for name, index in indexes.items()}
        with central.connect() as connection:
            rows = connection.execute(select(_told).order_by(_told.c.bank, _told.c.number)).all()
        for row in rows:
            bank = names.get(row.bank, "")
            later = [b for b in put_back if b.bank == row.bank and b.act > row.incarnation]
            if any(row.number > back.acts_number for back in later):
                continue
            try:
                end = _end(bytes(row.receipt), bank, row.number, keys.get(bank, ()))
            except Wrong as wrong:
                where = _("table acts_told, row bank={bank} number={number}").format(
                    bank=row.bank, number=row.number
                )
                self.problems.say(f"{where}: {wrong}")
            else:
                self.ends[bank][end] = _WHOSE
        newest = {back.bank: back for back in put_back if back.bank in names}
        for back in newest.values():
            self.ends[names[back.bank]][back.acts_number, bytes(back.acts_hash)] = _WHOSE


def _end(receipt: bytes, bank: str, number: int, keys: Sequence[bytes]) -> tuple[int, bytes]:
    """The number and hash in a bank's receipt; raises Wrong unless the bank signed just that."""
    envelope = read(SignedEnvelope, receipt)
    message = signed_bytes(registration_pb2.FeedReceipt, envelope.payload)
    if not any(verified(key, message, envelope.signature) for key in keys):
        raise Wrong(_("it is not signed by the bank"))
    said = read(registration_pb2.FeedReceipt, envelope.payload)
    if (said.bank, said.acts.number) != (bank, number):
        raise Wrong(_("it tells of another end"))
    return said.acts.number, said.acts.hash
