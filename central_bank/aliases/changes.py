"""Takes what banks sign about labels: who has one, who claims it, who keeps or gives it up.

A bank's word moves a label away from another bank only slowly: the holder there is told, and keeps
it by showing the telephone once more. See decision 53.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, insert, select, update

from central_bank.aliases.budgets import count_change
from central_bank.aliases.tables import alias_directory
from central_bank.authentication.banks import AdmittedBank
from central_bank.context import Context
from central_bank.limits import ALIAS_CLAIM_MS, ALIAS_QUIET_MS, MAX_ALIASES_OF_BANK
from central_bank.registration.settlement import open_signed
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import aliases_pb2
from runtime.bounds import most_items
from runtime.checks import of_item
from runtime.chunks import chunks
from runtime.errors import Refusal
from runtime.one_call_each import OneCallEach
from settlement.fifo_lock import FifoLock

HELD = aliases_pb2.ALIAS_STANDING_HELD
CONTESTED = aliases_pb2.ALIAS_STANDING_CONTESTED
CLAIMED = aliases_pb2.ALIAS_STANDING_CLAIMED
NOT_YOURS = aliases_pb2.ALIAS_STANDING_NOT_YOURS
REGISTER = aliases_pb2.ALIAS_ACTION_REGISTER
CLAIM = aliases_pb2.ALIAS_ACTION_CLAIM
KEEP = aliases_pb2.ALIAS_ACTION_KEEP
WITHDRAW = aliases_pb2.ALIAS_ACTION_WITHDRAW
CLAIMS_LISTED = most_items(aliases_pb2.ListClaimsResponse, "claims")
_NOBODY = -1
_OF = alias_directory.c
_NO_CLAIM: dict[str, Any] = {
    "claim_bank": _NOBODY,
    "claim_until_ms": 0,
    "claim_payload": b"",
    "claim_signature": b"",
}


class _Signed(NamedTuple):
    """A verified change, and what was signed."""

    content: aliases_pb2.AliasChange
    payload: bytes
    signature: bytes

    @property
    def as_holder(self) -> dict[str, Any]:
        """The columns by which its bank has the label."""
        return {"payload": self.payload, "signature": self.signature}


class AliasChanges:
    """The use-cases behind ChangeAliases, AskAliases and ListClaims."""

    def __init__(self, context: Context, counting: OneCallEach) -> None:
        """`counting` lets one call of a bank at a time count against its budgets."""
        self._database = context.database
        self._registry = context.registry
        self._clock = context.clock
        self._counting = counting
        # Two banks may want the same label in the same moment.
        self._in_turn = FifoLock()
        self.on_changed: Callable[[str, str], None] = lambda bank, action: None

    def change(
        self, bank: AdmittedBank, envelopes: Sequence[SignedEnvelope]
    ) -> list[aliases_pb2.AliasOutcome]:
        """Makes changes, in order; gives an outcome for each.

        Raises:
            Refusal: nothing was changed.
        """
        now_ms = self._clock.now_ms()
        signed = [
            _opened(bank, envelope, place, now_ms) for place, envelope in enumerate(envelopes)
        ]
        banks = self._registry.by_index()

        def body(connection: Connection) -> list[aliases_pb2.AliasOutcome]:
            return [_change(connection, bank, banks, each, now_ms) for each in signed]

        with self._counting.holding({bank.index}), self._in_turn:
            outcomes = self._database.transaction(body)
        for each in signed:
            self.on_changed(bank.name, _word(each.content.action))
        return outcomes

    def ask(self, bank: AdmittedBank, labels: Sequence[bytes]) -> list[aliases_pb2.AliasOutcome]:
        """How labels of a bank stand, in order; an overdue claim has its way first.

        Questions are not counted, so they write nothing but that: each claim ends once.
        """
        rows = self._rows(labels)
        due = [row.label for row in rows.values() if _is_due(row, self._clock.now_ms())]
        if due:
            self._end(due)
            rows = self._rows(labels)
        return [_standing(bank, rows.get(label)) for label in labels]

    def _rows(self, labels: Sequence[bytes]) -> dict[bytes, Row[Any]]:
        """The rows of labels, by label."""
        queries = [select(alias_directory).where(_OF.label.in_(some)) for some in chunks(labels)]
        found = self._database.read(lambda c: [c.execute(each).all() for each in queries])
        return {bytes(row.label): row for rows in found for row in rows}

    def _end(self, labels: Sequence[bytes]) -> None:
        """Lets claims have their way that are due."""
        now_ms, banks = self._clock.now_ms(), self._registry.by_index()

        def body(connection: Connection) -> None:
            for label in labels:
                _row(connection, banks, label, now_ms)

        with self._in_turn:
            self._database.transaction(body)

    def claims(self, bank: AdmittedBank, after: bytes) -> list[aliases_pb2.ClaimedLabel]:
        """Labels of a bank that another one claims, in order, after one of them."""
        query = select(_OF.label, _OF.claim_until_ms)
        query = query.where(_OF.bank == bank.index, _OF.claim_bank != _NOBODY)
        if after:
            query = query.where(_OF.label > after)
        query = query.order_by(_OF.label).limit(CLAIMS_LISTED)
        rows = self._database.read(lambda c: c.execute(query).all())
        return [
            aliases_pb2.ClaimedLabel(label=row.label, until_time_ms=row.claim_until_ms)
            for row in rows
        ]

    def holder(self, label: bytes) -> AdmittedBank | None:
        """The bank that has a label now; None for nobody, or one that is suspended."""
        row = self._database.read(
            lambda c: c.execute(select(alias_directory).where(_OF.label == label)).first()
        )
        banks = self._registry.by_index()
        if row is None:
            return None
        bank = _moved_to(row, banks, self._clock.now_ms()) or banks[row.bank]
        return None if bank.suspended else bank


def _word(action: aliases_pb2.AliasAction) -> str:
    return str(aliases_pb2.AliasAction.Name(action)).removeprefix("ALIAS_ACTION_").lower()


def _opened(bank: AdmittedBank, envelope: SignedEnvelope, place: int, now_ms: int) -> _Signed:
    try:
        content = open_signed(aliases_pb2.AliasChange, envelope, bank, now_ms)
    except Refusal as refusal:
        raise of_item(f"changes[{place}]", refusal) from None
    return _Signed(content, envelope.payload, envelope.signature)


def _is_due(row: Row[Any], now_ms: int) -> bool:
    """Whether the time of a claim is over."""
    return bool(row.claim_bank != _NOBODY and row.claim_until_ms <= now_ms)


def _moved_to(row: Row[Any], banks: Mapping[int, AdmittedBank], now_ms: int) -> AdmittedBank | None:
    """The bank whose claim of a label is due; one that is suspended gets nothing."""
    if not _is_due(row, now_ms):
        return None
    claimant = banks[row.claim_bank]
    return None if claimant.suspended else claimant


def _row(
    connection: Connection, banks: Mapping[int, AdmittedBank], label: bytes, now_ms: int
) -> Row[Any] | None:
    """The row of a label, locked, once a claim that is due has had its way."""
    this = select(alias_directory).where(_OF.label == label).with_for_update()
    row = connection.execute(this).first()
    if row is None or not _is_due(row, now_ms):
        return row
    moved = _moved_to(row, banks, now_ms) is not None
    _set(connection, label, _as_claimed(row) if moved else _NO_CLAIM)
    return connection.execute(this).first()


def _as_claimed(row: Row[Any]) -> dict[str, Any]:
    """A row once its claimant has the label."""
    return {
        "bank": row.claim_bank,
        "payload": row.claim_payload,
        "signature": row.claim_signature,
        "quiet_until_ms": 0,
        **_NO_CLAIM,
    }


def _change(
    connection: Connection,
    bank: AdmittedBank,
    banks: Mapping[int, AdmittedBank],
    signed: _Signed,
    now_ms: int,
) -> aliases_pb2.AliasOutcome:
    has = count_change(connection, bank, signed.content.number, now_ms)
    label, action = bytes(signed.content.label), signed.content.action
    row = _row(connection, banks, label, now_ms)
    if action == WITHDRAW:
        _withdraw(connection, bank, row)
    elif row is None and action in (REGISTER, CLAIM):
        if has >= MAX_ALIASES_OF_BANK:
            return _refused(errors_pb2.REASON_OVERLOADED)
        values = {"label": label, "bank": bank.index, "quiet_until_ms": 0, **_NO_CLAIM}
        connection.execute(insert(alias_directory).values({**values, **signed.as_holder}))
    elif row is not None and row.bank == bank.index:
        _hold(connection, row, signed, now_ms)
    elif row is not None and action in (REGISTER, CLAIM):
        # A name does not move; but nobody has the names of a bank that has left.
        may_claim = action == CLAIM or banks[row.bank].suspended
        is_quiet = row.quiet_until_ms > now_ms
        if not may_claim or is_quiet or row.claim_bank not in (_NOBODY, bank.index):
            return _refused(errors_pb2.REASON_ALIAS_TAKEN)
        _claim(connection, bank, row, signed, now_ms)
    return _standing(bank, _row(connection, banks, label, now_ms))


def _withdraw(connection: Connection, bank: AdmittedBank, row: Row[Any] | None) -> None:
    """Gives up a bank's label, which then is the claimant's, or its claim."""
    if row is None:
        return
    if row.bank != bank.index:
        if row.claim_bank == bank.index:
            _set(connection, row.label, _NO_CLAIM)
    elif row.claim_bank != _NOBODY:
        _set(connection, row.label, _as_claimed(row))
    else:
        connection.execute(delete(alias_directory).where(_OF.label == row.label))


def _hold(connection: Connection, row: Row[Any], signed: _Signed, now_ms: int) -> None:
    """Notes that the bank that has a label has it still; by KEEP it ends another bank's claim."""
    values: dict[str, Any] = signed.as_holder
    if signed.content.action == KEEP and row.claim_bank != _NOBODY:
        values = {**values, **_NO_CLAIM, "quiet_until_ms": now_ms + ALIAS_QUIET_MS}
    _set(connection, row.label, values)


def _claim(
    connection: Connection, bank: AdmittedBank, row: Row[Any], signed: _Signed, now_ms: int
) -> None:
    """Begins a claim; one that has begun goes on as it was."""
    if row.claim_bank != _NOBODY:
        return
    claim = {
        "claim_bank": bank.index,
        "claim_until_ms": now_ms + ALIAS_CLAIM_MS,
        "claim_payload": signed.payload,
        "claim_signature": signed.signature,
    }
    _set(connection, row.label, claim)


def _standing(bank: AdmittedBank, row: Row[Any] | None) -> aliases_pb2.AliasOutcome:
    if row is None or bank.index not in (row.bank, row.claim_bank):
        return aliases_pb2.AliasOutcome(standing=NOT_YOURS)
    if row.bank != bank.index:
        return aliases_pb2.AliasOutcome(standing=CLAIMED, until_time_ms=row.claim_until_ms)
    standing = HELD if row.claim_bank == _NOBODY else CONTESTED
    return aliases_pb2.AliasOutcome(standing=standing, until_time_ms=row.claim_until_ms)


def _refused(reason: errors_pb2.Reason) -> aliases_pb2.AliasOutcome:
    return aliases_pb2.AliasOutcome(standing=NOT_YOURS, reason=reason)


def _set(connection: Connection, label: bytes, values: Mapping[str, Any]) -> None:
    connection.execute(update(alias_directory).where(_OF.label == label).values(values))
