"""Checks whose keys wallets have: each after the first one by an act of two officers or by an order
of the recovery key, in its time, by an order of the key before it, or by a list of signers that the
key or list before has signed.

Which key has signed an order is told from the order's sequence; the journal says where a key took
another one's place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.message import Message
from sqlalchemy import Engine, Row, column, table

from auditor.signatures.acts import Approved
from auditor.signatures.orders import Line, Wrong, read, same
from auditor.signatures.recovery_keys import NamedRecoveryKeys
from auditor.signatures.releases import Releases
from auditor.signatures.rows import rows_if_there
from auditor.signatures.signer_lists import Holder, SignerLists
from auditor.signatures.signers import SignerList, SignerRows
from auditor.signatures.verifying import Problems, Verifying
from currency.recovery import GIVEN_UP, KeyTaken, Named
from dcep.bank.v1 import keys_pb2, orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1 import office_pb2
from language import _
from runtime.envelope import signed_bytes
from settlement.records import key_of

_COLUMNS = (
    "id", "cause", "act", "digest", "number", "public_key", "approved_time_ms", "due_time_ms",
    "state", "key_number", "position", "ended_time_ms", "payload", "signature", "recovery_key",
    "objection", "objection_signature", "cancelled_by",
)  # fmt: skip
_replacements = table("key_replacements", *map(column, _COLUMNS))
_IN_FORCE, _OBJECTED = keys_pb2.KEY_STATE_IN_FORCE, keys_pb2.KEY_STATE_OBJECTED
_CANCELLED, _SUPERSEDED = keys_pb2.KEY_STATE_CANCELLED, keys_pb2.KEY_STATE_SUPERSEDED
_OFFICERS, _PHRASE = keys_pb2.KEY_CAUSE_OFFICERS, keys_pb2.KEY_CAUSE_PHRASE
_ROTATION = keys_pb2.KEY_CAUSE_ROTATION
_SKEW_MS = 60_000
"""How far a wallet's clock may be ahead of the bank's."""


def replacement_rows(engine: Engine) -> Sequence[Row[Any]]:
    """The replacements of keys that a bank ever had approved, as they stand now."""
    return rows_if_there(engine, _replacements, "id")


class WalletKeys:
    """All keys of a bank's wallets after their first ones, and which is in force where."""

    def __init__(
        self,
        bank: str,
        rows: Sequence[Row[Any]],
        approved: Sequence[Approved],
        last: Sequence[Row[Any]],
        named: NamedRecoveryKeys,
        signers: SignerRows,
        releases: Releases,
        problems: Problems,
        verifying: Verifying,
    ) -> None:
        """Takes what is there.

        Args:
            bank: its name.
            rows: of replacements, read before the acts: the act of each is among these.
            approved: the bank's acts that took effect.
            last: the same rows, read after the acts: what each of these did is among them.
            named: the recovery keys, read before `last`.
            signers: the lists of signers, read after the acts.
            releases: what signers have released.
            problems: takes what is wrong.
            verifying: takes the signatures.
        """
        self._bank = bank
        self._signers = SignerLists(bank, signers, problems, verifying)
        self._releases = releases
        self._problems = problems
        self._verifying = verifying
        self._named = named
        self._acts = {act.number: act for act in approved if act.content.HasField("replace_key")}
        self._cancelling = {a.number: a for a in approved if a.content.HasField("cancel_key")}
        self._rows = last
        self._before = {row.id: row.state for row in rows}
        self._in_force_rows: dict[str, list[Row[Any]]] = {}
        for row in last:
            if row.state == _IN_FORCE:
                self._in_force_rows.setdefault(row.number, []).append(row)
        self._in_force: dict[str, int] = {}
        """The number of each wallet's key, as of the record that is walked through."""
        self._came: set[int] = set()
        """Rows whose records were seen."""

    def keys(self, number: str, first: bytes) -> list[bytes]:
        """A wallet's keys, from its first one on; b"" in the place of a list of signers."""
        found = {row.key_number: bytes(row.public_key) for row in self._of(number)}
        found |= dict.fromkeys(self.lists(number), b"")
        return [first, *(found[each] for each in sorted(found))]

    def lists(self, number: str) -> Mapping[int, SignerList]:
        """A wallet's lists of signers, by where they are among its keys."""
        return self._signers.of(number)

    def check(self, holders: Mapping[int, Holder]) -> None:
        """Compares the table with the acts and orders; `holders` are all wallets, by account. What
        opened them was told to the recovery keys before.
        """
        for row in self._rows:
            if row.cause == _ROTATION and row.payload is not None:
                self._told(row)
        self._named.check()
        of_number = {holder.number: holder for holder in holders.values()}
        self._signers.check(of_number.keys())
        self._releases.read(of_number)
        for row in self._rows:
            where = self._where(row)
            try:
                self._check(row, of_number, where)
            except Wrong as wrong:
                self._problems.say(f"{where}: {wrong}")
        did = {row.act for row in self._rows} | {row.cancelled_by for row in self._rows}
        for act in sorted((self._acts.keys() | self._cancelling.keys()) - did):
            self._problems.say(
                _("table {table}: act {act} of two officers is missing").format(
                    table=_replacements.name, act=act
                )
            )

    def in_force(self, holder: Holder) -> list[bytes]:
        """The keys of a wallet, each of which orders alone where the walk stands."""
        return holder.alone(self._in_force.get(holder.number, 0))

    def key_number(self, holder: Holder) -> int:
        """Which of a wallet's keys, or lists of signers, is in force where the walk stands."""
        return self._in_force.get(holder.number, 0)

    def replaced(self, line: Line, holder: Holder) -> None:
        """Takes a record that has put another key in force. Raises Wrong."""
        number = holder.number
        row = next((row for row in self._of(number) if row.position == line.position), None)
        if row is None:
            self._listed(line, holder)
            return
        same("key", row.key_number, line.ref)
        same("key", line.ref, self._in_force.get(number, 0) + 1)
        same("digest", int.from_bytes(bytes(row.digest)[:8], "little"), line.digest)
        same("time", row.ended_time_ms, line.time_ms)
        if line.time_ms < row.due_time_ms:
            raise Wrong(_("the key before it could still have objected"))
        if row.recovery_key is not None and holder.threshold(line.ref - 1) > 1:
            raise Wrong(_("a recovery key has taken the place of several signers"))
        self._in_force[number] = line.ref
        self._came.add(row.id)

    def signer(self, line: Line, holder: Holder, kind: type[Message] = orders_pb2.Query) -> bytes:
        """The key that must have signed the order of a record.

        Args:
            line: the record.
            holder: of the wallet.
            kind: of order; a payment others may have signed too, where it takes that, or they have
                released the order.

        Raises:
            Wrong: no key of that time, or too few who could order have signed it.
        """
        key = key_of(line.sequence)
        if line.accepted and key != self._in_force.get(holder.number, 0):
            raise Wrong(_("its order is of a key that was not the wallet's then"))
        signer = self._signer(line.sequence, holder)
        if (
            line.accepted
            and not self._alone(line.sequence, holder, signer)
            and not self._releases.covers(holder.number, line.sequence, kind, line.note)
        ):
            if kind is not orders_pb2.PaymentOrder:
                raise Wrong(_("its order takes more than who signed it"))
            self._signers.signed_by_enough(line.position, holder, key, kind, line.note)
        return signer

    def of_sequence(self, sequence: int, holder: Holder) -> bytes:
        """The key that orders with this sequence are signed by, alone. Raises Wrong."""
        signer = self._signer(sequence, holder)
        if not self._alone(sequence, holder, signer):
            raise Wrong(_("its order takes more than who signed it"))
        return signer

    def _signer(self, sequence: int, holder: Holder) -> bytes:
        """The key that orders with this sequence are signed by. Raises Wrong."""
        key = key_of(sequence)
        if key in holder.lists:
            return holder.lists[key].key(sequence)
        if key >= len(holder.keys):
            raise Wrong(_("its order is of a key that was not the wallet's then"))
        return holder.keys[key]

    def _alone(self, sequence: int, holder: Holder, signer: bytes) -> bool:
        """Whether a signer could order alone under the list of a sequence."""
        key = key_of(sequence)
        return signer in holder.alone(key)

    def _listed(self, line: Line, holder: Holder) -> None:
        """Takes a record that has put a list in force. Raises Wrong."""
        number = holder.number
        listed = self.lists(number).get(line.ref)
        if listed is None or listed.row.position != line.position:
            raise Wrong(_("no act of two officers is behind it"))
        self._signers.put(line, holder, listed, self._in_force.get(number, 0))
        if listed.order.threshold > 1 and self._counted(number, line.time_ms):
            raise Wrong(_("a recovery key counted for this wallet, and it took one signature"))
        self._in_force[number] = line.ref

    def finish(self, position: int) -> None:
        """Names keys that the table says are in force and no record up to a position has put so."""
        for row in self._rows:
            if row.state == _IN_FORCE and row.id not in self._came and row.position <= position:
                self._problems.say(
                    _("{where}: no record has put it in force").format(where=self._where(row))
                )
        self._signers.finish(position)

    def _where(self, row: Row[Any]) -> str:
        return _("table {table}, row id={id}").format(table=_replacements.name, id=row.id)

    def _of(self, number: str) -> list[Row[Any]]:
        """The replacements of a wallet's key that are or were in force."""
        return self._in_force_rows.get(number, [])

    def _told(self, row: Row[Any]) -> None:
        try:
            order = read(keys_pb2.RotateKeyOrder, bytes(row.payload))
        except Wrong:
            return  # which is said of the row itself
        self._named.ordered(order.recovery_key, row.number, row.key_number)

    def _check(self, row: Row[Any], holders: Mapping[str, Holder], where: str) -> None:
        holder = holders.get(row.number)
        if holder is None:
            raise Wrong(_("there is no such wallet"))
        if row.cause == _OFFICERS:
            act = self._acts.get(row.act)
            if act is not None:
                self._as_approved(row, act, where)
            elif row.id in self._before:
                raise Wrong(_("no act of two officers is behind it"))
            # Else it was approved while this audit reads.
        elif row.act is not None:
            raise Wrong(_("it is not as its order says"))
        elif row.cause == _PHRASE:
            self._as_asked(row, where)
        else:
            self._as_rotated(row, holder, where)
        self._as_ended(row, holder, where)

    def _as_ended(self, row: Row[Any], holder: Holder, where: str) -> None:
        """Checks why a key is not to be the wallet's any more."""
        final = row.cause == _OFFICERS and row.recovery_key is not None
        if (row.state == _OBJECTED) != (row.objection is not None) or (
            final and row.state == _OBJECTED
        ):
            raise Wrong(_("it is not as its objection says"))
        if row.objection is not None:
            self._objected(row, holder, where)
        if (row.state == _CANCELLED) != (row.cancelled_by is not None):
            raise Wrong(_("it is not as the act says that has called it off"))
        if row.cancelled_by is not None:
            self._cancelled(row)
        is_of_phrase = row.cause == _PHRASE
        if row.state == _SUPERSEDED and not (is_of_phrase and self._has_successor(row)):
            raise Wrong(_("no later order of a recovery key has taken its place"))

    def _cancelled(self, row: Row[Any]) -> None:
        act = self._cancelling.get(row.cancelled_by)
        if act is None:
            if self._before.get(row.id) == _CANCELLED:
                raise Wrong(_("no act of two officers is behind it"))
            return  # it was approved while this audit reads
        asked = act.content.cancel_key
        same("wallet", asked.wallet_number, row.number)
        same("key", asked.public_key.hex(), bytes(row.public_key).hex())
        same("time", act.time_ms, row.ended_time_ms)

    def _has_successor(self, row: Row[Any]) -> bool:
        """Whether a recovery key that counts no less has asked for another key at that moment."""
        counted = self._counting(row)
        of_row = counted.index(bytes(row.recovery_key))
        for later in self._rows:
            is_later = later.number == row.number and later.id > row.id
            if is_later and later.cause == _PHRASE and later.approved_time_ms == row.ended_time_ms:
                key = bytes(later.recovery_key)
                return key in counted and counted.index(key) <= of_row
        return False

    def _as_approved(self, row: Row[Any], act: Approved, where: str) -> None:
        asked: office_pb2.ReplaceKey = act.content.replace_key
        self._as_requested(row, asked.request, where)
        same("wallet", asked.wallet_number, row.number)
        same("time", act.time_ms, row.approved_time_ms)
        same("time", act.time_ms + asked.wait_ms, row.due_time_ms)
        same("digest", act.digest, int.from_bytes(bytes(row.digest)[:8], "little"))
        if asked.HasField("recovery") != (row.recovery_key is not None):
            raise Wrong(_("it is not as its order says"))
        if asked.HasField("recovery"):
            same("order", asked.recovery.payload.hex(), bytes(row.payload).hex())
            self._as_ordered(row, where)

    def _as_asked(self, row: Row[Any], where: str) -> None:
        """Checks what a recovery key has asked for by itself."""
        order = self._as_ordered(row, where)
        same("digest", hashlib.sha256(bytes(row.payload)).hexdigest(), bytes(row.digest).hex())
        _in_its_time(order, row.approved_time_ms)
        for before in self._rows:
            of_key = before.cause == _PHRASE and before.recovery_key == row.recovery_key
            ended = before.state in (_OBJECTED, _CANCELLED)
            if before.id < row.id and of_key and ended:
                raise Wrong(_("the recovery key was objected to before, and decides nothing alone"))

    def _as_ordered(self, row: Row[Any], where: str) -> keys_pb2.RecoveryOrder:
        """Checks the order of a recovery key: it counted then, and wanted just this."""
        payload, key = bytes(row.payload or b""), bytes(row.recovery_key or b"")
        order = read(keys_pb2.RecoveryOrder, payload)
        same("wallet", order.wallet_number, row.number)
        same("bank", order.bank, self._bank)
        self._as_requested(row, order.request, where)
        if key not in self._counting(row):
            raise Wrong(_("the recovery key did not count for this wallet"))
        self._verifying.add_always(
            self._problems,
            _("{where}: the order of the recovery key").format(where=where),
            key,
            keys_pb2.RecoveryOrder,
            payload,
            bytes(row.signature or b""),
        )
        return order

    def _counting(self, row: Row[Any]) -> list[bytes]:
        """The recovery keys that counted when a key was approved."""
        return self._counted(row.number, row.approved_time_ms)

    def _counted(self, number: str, now_ms: int) -> list[bytes]:
        """The recovery keys that counted for a wallet at some time."""
        taken = {
            other.key_number: KeyTaken(
                other.key_number,
                bytes(other.recovery_key or b"") if other.cause == _PHRASE else b"",
            )
            for other in self._of(number)
            if other.cause != _ROTATION and other.ended_time_ms <= now_ms
        }
        given_up = [
            Named(GIVEN_UP, key_number, one.row.time_ms)
            for key_number, one in self.lists(number).items()
            if one.order.gives_up_recovery
        ]
        return self._named.counting(number, taken, now_ms, given_up)

    def _as_rotated(self, row: Row[Any], holder: Holder, where: str) -> None:
        """Checks what the key before has ordered."""
        payload = bytes(row.payload or b"")
        order = read(keys_pb2.RotateKeyOrder, payload)
        same("wallet", order.wallet_number, row.number)
        same("bank", order.bank, self._bank)
        self._as_requested(row, order.request, where)
        same("digest", hashlib.sha256(payload).hexdigest(), bytes(row.digest).hex())
        _in_its_time(order, row.ended_time_ms)
        if row.state != _IN_FORCE or not 0 < row.key_number < len(holder.keys):
            raise Wrong(_("it is not as its order says"))
        if row.key_number - 1 in holder.lists:
            raise Wrong(_("one key has taken the place of a list of signers"))
        self._verifying.add_always(
            self._problems,
            _("{where}: the order of the key before").format(where=where),
            holder.keys[row.key_number - 1],
            keys_pb2.RotateKeyOrder,
            payload,
            bytes(row.signature or b""),
        )

    def _as_requested(self, row: Row[Any], asked: SignedEnvelope, where: str) -> None:
        """Checks that the new key itself wants to be the wallet's."""
        request = read(keys_pb2.KeyRequest, asked.payload)
        same("wallet", request.wallet_number, row.number)
        same("bank", request.bank, self._bank)
        same("key", request.public_key.hex(), bytes(row.public_key).hex())
        self._verifying.add_always(
            self._problems,
            _("{where}: the request of the new key").format(where=where),
            request.public_key,
            keys_pb2.KeyRequest,
            asked.payload,
            asked.signature,
        )

    def _objected(self, row: Row[Any], holder: Holder, where: str) -> None:
        """Checks that the key that was in force then has objected."""
        objection = read(keys_pb2.KeyObjection, bytes(row.objection))
        same("wallet", objection.wallet_number, row.number)
        same("bank", objection.bank, self._bank)
        same("key", objection.public_key.hex(), bytes(row.public_key).hex())
        ended_ms = row.ended_time_ms
        before = sum(r.ended_time_ms <= ended_ms for r in self._of(row.number))
        before += sum(one.row.time_ms <= ended_ms for one in holder.lists.values())
        # Any of those who could order, of one moment or the next.
        keys = [*holder.orderers(before).values(), *holder.orderers(before - 1).values()]
        self._verifying.add_part(
            self._problems,
            _("{where}: the objection").format(where=where),
            key=keys[0],
            others=keys[1:] if holder.lists else (),
            signed_part=signed_bytes(keys_pb2.KeyObjection, bytes(row.objection)),
            signature=bytes(row.objection_signature),
            always=True,
        )


def _in_its_time(order: keys_pb2.RecoveryOrder | keys_pb2.RotateKeyOrder, time_ms: int) -> None:
    """Raises Wrong unless an order was good when it was taken."""
    if not order.created_time_ms - _SKEW_MS <= time_ms <= order.expires_time_ms:
        raise Wrong(_("it was not taken while its order was good"))
