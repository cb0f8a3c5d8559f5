"""Checks whose keys wallets have: each after the first one by an act of two officers, in its time.

Which key has signed an order is told from the order's sequence; the journal says where a key took
another one's place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from google.protobuf.message import Message
from sqlalchemy import Engine, Row, column, inspect, select, table

from auditor.signatures.acts import Approved
from auditor.signatures.orders import Line, Wrong, read, same
from auditor.signatures.verifying import Problems, Verifying
from dcep.bank.v1 import keys_pb2
from dcep.office.v1 import office_pb2
from language import _
from settlement.records import key_of

_COLUMNS = (
    "act", "act_digest", "number", "public_key", "approved_time_ms", "due_time_ms", "state",
    "key_number", "position", "ended_time_ms", "objection", "objection_signature",
)  # fmt: skip
_replacements = table("key_replacements", *map(column, _COLUMNS))
_IN_FORCE, _OBJECTED = keys_pb2.KEY_STATE_IN_FORCE, keys_pb2.KEY_STATE_OBJECTED


class Holder(NamedTuple):
    """A wallet's number, and its keys from the first one on."""

    number: str
    keys: list[bytes]


def replacement_rows(engine: Engine) -> Sequence[Row[Any]]:
    """The replacements of keys that a bank ever had approved, as they stand now."""
    if not inspect(engine).has_table(_replacements.name):
        return ()
    with engine.connect() as connection:
        return connection.execute(select(_replacements).order_by(_replacements.c.act)).all()


class WalletKeys:
    """All keys of a bank's wallets after their first ones, and which is in force where."""

    def __init__(
        self,
        bank: str,
        rows: Sequence[Row[Any]],
        approved: Sequence[Approved],
        last: Sequence[Row[Any]],
        problems: Problems,
        verifying: Verifying,
    ) -> None:
        """Takes what is there.

        Args:
            bank: its name.
            rows: of replacements, read before the acts: the act of each is among these.
            approved: the bank's acts that took effect.
            last: the same rows, read after the acts: what each of these did is among them.
            problems: takes what is wrong.
            verifying: takes the signatures.
        """
        self._bank = bank
        self._problems = problems
        self._verifying = verifying
        self._acts = {act.number: act for act in approved if act.content.HasField("replace_key")}
        self._rows = {row.act: row for row in last}
        self._in_force_rows: dict[str, list[Row[Any]]] = {}
        for row in last:
            if row.state == _IN_FORCE:
                self._in_force_rows.setdefault(row.number, []).append(row)
        self._with_acts = {row.act for row in rows} | self._acts.keys()
        self._in_force: dict[str, int] = {}
        """The number of each wallet's key, as of the record that is walked through."""
        self._came: set[int] = set()
        """Acts whose records were seen."""

    def keys(self, number: str, first: bytes) -> list[bytes]:
        """A wallet's keys, from its first one on."""
        found = {row.key_number: bytes(row.public_key) for row in self._of(number)}
        return [first, *(found[each] for each in sorted(found))]

    def check(self, holders: Mapping[int, Holder]) -> None:
        """Compares the table with the acts; `holders` are all wallets, by account."""
        of_number = {holder.number: holder for holder in holders.values()}
        for row in self._rows.values():
            where = self._where(row)
            try:
                self._check(row, of_number, where)
            except Wrong as wrong:
                self._problems.say(f"{where}: {wrong}")
        for act in self._acts.keys() - self._rows.keys():
            self._problems.say(
                _("table {table}: act {act} of two officers is missing").format(
                    table=_replacements.name, act=act
                )
            )

    def replaced(self, line: Line, holder: Holder) -> None:
        """Takes a record that has put another key in force. Raises Wrong."""
        number = holder.number
        row = next((row for row in self._of(number) if row.position == line.position), None)
        if row is None:
            raise Wrong(_("no act of two officers is behind it"))
        same("key", row.key_number, line.ref)
        same("key", line.ref, self._in_force.get(number, 0) + 1)
        same("digest", int.from_bytes(bytes(row.act_digest)[:8], "little"), line.digest)
        same("time", row.ended_time_ms, line.time_ms)
        if line.time_ms < row.due_time_ms:
            raise Wrong(_("the key before it could still have objected"))
        self._in_force[number] = line.ref
        self._came.add(row.act)

    def signer(self, line: Line, holder: Holder) -> bytes:
        """The key that must have signed the order of a record. Raises Wrong."""
        key = key_of(line.sequence)
        if line.accepted and key != self._in_force.get(holder.number, 0):
            raise Wrong(_("its order is of a key that was not the wallet's then"))
        return self.of_sequence(line.sequence, holder)

    def of_sequence(self, sequence: int, holder: Holder) -> bytes:
        """The key that orders with this sequence are signed by. Raises Wrong."""
        key = key_of(sequence)
        if key >= len(holder.keys):
            raise Wrong(_("its order is of a key that was not the wallet's then"))
        return holder.keys[key]

    def finish(self, position: int) -> None:
        """Names keys that the table says are in force and no record up to a position has put so."""
        for row in self._rows.values():
            if row.state == _IN_FORCE and row.act not in self._came and row.position <= position:
                self._problems.say(
                    _("{where}: no record has put it in force").format(where=self._where(row))
                )

    def _where(self, row: Row[Any]) -> str:
        return _("table {table}, row act={act}").format(table=_replacements.name, act=row.act)

    def _of(self, number: str) -> list[Row[Any]]:
        """The replacements of a wallet's key that are or were in force."""
        return self._in_force_rows.get(number, [])

    def _check(self, row: Row[Any], holders: Mapping[str, Holder], where: str) -> None:
        holder = holders.get(row.number)
        if holder is None:
            raise Wrong(_("there is no such wallet"))
        act = self._acts.get(row.act)
        if act is None:
            if row.act in self._with_acts:
                raise Wrong(_("no act of two officers is behind it"))
            return  # it was approved while this audit reads
        self._as_approved(row, act, holder, where)
        if (row.state == _OBJECTED) != (row.objection is not None):
            raise Wrong(_("it is not as its objection says"))
        if row.objection is not None:
            self._objected(row, holder, where)

    def _as_approved(self, row: Row[Any], act: Approved, holder: Holder, where: str) -> None:
        asked: office_pb2.ReplaceKey = act.content.replace_key
        request = read(keys_pb2.KeyRequest, asked.request.payload)
        same("wallet", asked.wallet_number, row.number)
        same("wallet", request.wallet_number, row.number)
        same("bank", request.bank, self._bank)
        same("key", request.public_key.hex(), bytes(row.public_key).hex())
        same("time", act.time_ms, row.approved_time_ms)
        same("time", act.time_ms + asked.wait_ms, row.due_time_ms)
        same("digest", act.digest, int.from_bytes(bytes(row.act_digest)[:8], "little"))
        self._verify(
            _("{where}: the request of the new key").format(where=where),
            request.public_key,
            keys_pb2.KeyRequest,
            asked.request.payload,
            asked.request.signature,
        )

    def _objected(self, row: Row[Any], holder: Holder, where: str) -> None:
        """Checks that the key that was in force then has objected."""
        objection = read(keys_pb2.KeyObjection, bytes(row.objection))
        same("wallet", objection.wallet_number, row.number)
        same("bank", objection.bank, self._bank)
        same("key", objection.public_key.hex(), bytes(row.public_key).hex())
        before = [r for r in self._of(row.number) if r.ended_time_ms <= row.ended_time_ms]
        self._verify(
            _("{where}: the objection").format(where=where),
            holder.keys[len(before)],
            keys_pb2.KeyObjection,
            bytes(row.objection),
            bytes(row.objection_signature),
        )

    def _verify(
        self, where: str, key: bytes, kind: type[Message], payload: bytes, signature: bytes
    ) -> None:
        self._verifying.add(
            self._problems,
            where,
            key=key,
            kind=kind,
            payload=payload,
            signature=signature,
            always=True,
        )
