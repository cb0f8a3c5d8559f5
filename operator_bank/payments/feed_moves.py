"""What an entry of the feed becomes in this bank's ledger; or why it cannot be, before anything is.

An entry is checked against what this bank knows: its own payment that has not ended, its own
deposit, its own redemption. What passes here the rule does not refuse, so no entry uses up a place
in the feed without having been applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from google.protobuf.message import Message
from sqlalchemy import Connection, select

from dcep.bank.v1 import bank_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank import accounts
from operator_bank.limits import MAX_SEQUENCE
from operator_bank.tables import outbound, token_deposits
from operator_bank.vault.vault import Vault
from operator_bank.wallets.directory import Directory
from runtime.database import Database, of_values
from runtime.limits import MAX_POSITION
from runtime.parts import parts
from settlement.ledger import Ledger
from settlement.limits import MAX_AMOUNT_FEN, MAX_NOTE_BYTES
from settlement.records import Kind

FeedEntry = registration_pb2.FeedEntry
PENDING = bank_pb2.PAYMENT_STATE_PENDING
SETTLED = bank_pb2.PAYMENT_STATE_SETTLED
ENDED = {
    registration_pb2.OUTCOME_STATE_REFUSED: bank_pb2.PAYMENT_STATE_REFUSED,
    registration_pb2.OUTCOME_STATE_EXPIRED: bank_pb2.PAYMENT_STATE_EXPIRED,
}
DEPOSITED = "tokens_deposited"
_ENDS = frozenset(("outgoing_settled", "outgoing_ended", "tokens_registered"))
_OF_OUTBOUND = _ENDS | {"tokens_restored"}
_NUMBERED = _OF_OUTBOUND | {DEPOSITED, "redemption_rejected"}
_DELIVER, _CAPTURE, _RELEASE = int(Kind.DELIVER), int(Kind.CAPTURE), int(Kind.RELEASE)
_MAX_ID, _NUMBER_DIGITS = 80, 16
_KNOWN = f"SELECT number, account, amount_fen, hold, kind, state FROM {outbound.name}"
_KNOWN += " WHERE number IN ?"
_DEPOSITS = f"SELECT id, wallet FROM {token_deposits.name} WHERE id IN ?"


class FeedBroken(Exception):
    """The feed says something that cannot be applied; the message says what and why."""


class Heard(NamedTuple):
    """An entry, the name of its event, and the number of ours that it is about, or 0."""

    entry: FeedEntry
    event: str | None
    number: int


class Move(NamedTuple):
    """What an entry becomes in the ledger."""

    kind: int
    debit: int
    credit: int
    amount_fen: int
    ref: int
    note: bytes


class _Sent(NamedTuple):
    """A row of `outbound`."""

    number: int
    account: int
    amount_fen: int
    hold: int
    kind: str
    state: int


class _Known:
    """What this bank knows of what some entries are about, as it will be after each of them."""

    def __init__(self, sent: dict[int, _Sent], depositors: dict[int, int], aside_fen: int) -> None:
        self.sent = sent
        self.depositors = depositors
        self.aside_fen = aside_fen


def heard(entry: FeedEntry) -> Heard:
    """An entry with what it is about."""
    event = entry.WhichOneof("event")
    number = getattr(entry, event).number if event in _NUMBERED else 0
    return Heard(entry, event, number)


class Moves:
    """Makes moves of entries."""

    def __init__(
        self, database: Database, ledger: Ledger, directory: Directory, vault: Vault
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._directory = directory
        self._vault = vault

    def of(self, entries: Sequence[Heard]) -> tuple[list[Move], FeedBroken | None]:
        """The moves of these entries, or of those before the first one that cannot be applied."""
        known = self._known(entries)
        moves: list[Move] = []
        for one in entries:
            try:
                moves.append(self._move(one, known))
            except FeedBroken as broken:
                where = f"entry {one.entry.position} ({one.event})"
                return moves, FeedBroken(f"{where} {broken}")
        return moves, None

    def _known(self, entries: Sequence[Heard]) -> _Known:
        # A number out of bounds is in no table, and no database is asked for it.
        sent = [one.number for one in entries if one.event in _OF_OUTBOUND and _fits(one.number)]
        made = [one.number for one in entries if one.event == DEPOSITED and _fits(one.number)]
        return _Known(
            {row[0]: _Sent._make(row) for row in self._rows(_KNOWN, sent)},
            {number: accounts.wallet(wallet) for number, wallet in self._rows(_DEPOSITS, made)},
            int(self._ledger.read([accounts.SET_ASIDE])[0]["available_fen"]),
        )

    def _rows(self, statement: str, numbers: Sequence[int]) -> list[Any]:
        """What a statement finds for numbers in it."""

        def ask(connection: Connection) -> list[Any]:
            found: list[Any] = []
            for part in parts(numbers):
                found += of_values(connection, statement, part).all()
            return found

        return self._database.read(ask) if numbers else []

    def _move(self, one: Heard, known: _Known) -> Move:
        entry, event, number = one
        if not 0 < entry.position <= MAX_POSITION:
            raise FeedBroken("stands at no position of a journal")
        if event == "incoming":
            return self._incoming(entry.incoming.payment)
        if event in _ENDS:
            return _end(one, _sent(number, known), known)
        if event == DEPOSITED:
            return _deposited(entry.tokens_deposited, known)
        if event == "tokens_restored":
            return _restored(entry.tokens_restored, _sent(number, known))
        if event == "issued":
            issued = entry.issued
            return _transfer(accounts.MIRROR, accounts.VAULT, issued.amount_fen, issued)
        if event == "redeemed":
            redeemed = entry.redeemed
            _take_aside(redeemed.amount_fen, known)
            return _transfer(accounts.SET_ASIDE, accounts.MIRROR, redeemed.amount_fen, redeemed)
        if event == "redemption_rejected":
            return self._rejected(entry.redemption_rejected, known)
        raise FeedBroken("is of no kind that this bank knows")

    def _incoming(self, payment: registration_pb2.OutboundPayment) -> Move:
        for value, longest in (
            (payment.payment_id, _MAX_ID),
            (payment.payer_number, _NUMBER_DIGITS),
            (payment.payee_number, _NUMBER_DIGITS),
            (payment.returns_payment_id, _MAX_ID),
        ):
            if len(value) > longest or not value.isprintable():
                raise FeedBroken("has a payment in it that is none")
        wallet = self._directory.find(payment.payee_number)
        account = wallet.account if wallet else accounts.SUSPENSE
        if payment.returns_payment_id and not self._gives_back(payment):
            # Whatever it is, it is not what it says: an officer looks at it.
            account = accounts.SUSPENSE
        return _delivered(account, payment.amount_fen, payment)

    def _gives_back(self, payment: registration_pb2.OutboundPayment) -> bool:
        """Whether a return names a payment that went out here, the other way round."""
        if not _fits(payment.returns_number):
            return False
        query = select(outbound.c.body).where(
            outbound.c.number == payment.returns_number, outbound.c.kind == "pay"
        )
        body = self._database.read(lambda c: c.execute(query).scalar())
        if body is None:
            return False
        sent = registration_pb2.OutboundPayment.FromString(bytes(body))
        return bool(
            sent.payment_id == payment.returns_payment_id
            and sent.amount_fen == payment.amount_fen
            and sent.payer_number == payment.payee_number
            and sent.payee_number == payment.payer_number
        )

    def _rejected(self, rejected: registration_pb2.RedemptionRejected, known: _Known) -> Move:
        if not _fits(rejected.number):
            raise FeedBroken(f"speaks of redemption {rejected.number}, which is none")
        move = _transfer(accounts.SET_ASIDE, accounts.VAULT, rejected.amount_fen, rejected)
        if not self._vault.was_set_aside(rejected.number):
            return move._replace(kind=int(Kind.REFUSAL))
        _take_aside(rejected.amount_fen, known)
        return move


def _fits(number: int) -> bool:
    return 0 < number <= MAX_SEQUENCE


def _sent(number: int, known: _Known) -> _Sent:
    sent = known.sent.get(number)
    if sent is None:
        raise FeedBroken(f"speaks of outbound {number}, which is not ours")
    return sent


def _end(one: Heard, sent: _Sent, known: _Known) -> Move:
    """The end of what went out, once."""
    entry, event, number = one
    if sent.state != PENDING:
        raise FeedBroken(f"speaks of outbound {number}, which has ended")
    if event != "outgoing_ended" and (event == "tokens_registered") != (sent.kind == "load"):
        raise FeedBroken(f"speaks of outbound {number}, which is a {sent.kind}")
    if event == "outgoing_ended":
        state = ENDED.get(entry.outgoing_ended.state)
        if state is None:
            raise FeedBroken(f"ends outbound {number} with a state that is no end")
        move = Move(_RELEASE, sent.account, 0, sent.amount_fen, sent.hold, b"")
    else:
        state = SETTLED
        move = Move(_CAPTURE, sent.account, accounts.MIRROR, sent.amount_fen, sent.hold, b"")
    known.sent[number] = sent._replace(state=state)
    return move


def _deposited(tokens: registration_pb2.TokensDeposited, known: _Known) -> Move:
    depositor = known.depositors.get(tokens.number)
    if depositor is None:
        raise FeedBroken(f"speaks of deposit {tokens.number}, which is not ours")
    if not tokens.amount_fen <= tokens.whole_fen <= MAX_AMOUNT_FEN:
        raise FeedBroken(f"moves {tokens.amount_fen} fen of a deposit of {tokens.whole_fen}")
    return _delivered(depositor, tokens.amount_fen, tokens)


def _restored(tokens: registration_pb2.TokensRestored, sent: _Sent) -> Move:
    if sent.kind != "load" or sent.state != SETTLED:
        raise FeedBroken(f"gives back tokens of outbound {tokens.number}, which made none")
    if tokens.amount_fen > sent.amount_fen:
        raise FeedBroken(f"gives back more than the {sent.amount_fen} fen that were loaded")
    return _delivered(sent.account, tokens.amount_fen, tokens)


def _take_aside(amount_fen: int, known: _Known) -> None:
    if amount_fen > known.aside_fen:
        raise FeedBroken(f"takes {amount_fen} fen of {known.aside_fen} that were set aside")
    known.aside_fen -= amount_fen


def _transfer(debit: int, credit: int, amount_fen: int, message: Message) -> Move:
    return Move(int(Kind.TRANSFER), debit, credit, _amount(amount_fen), 0, _note(message))


def _delivered(account: int, amount_fen: int, message: Message) -> Move:
    suspense = accounts.SUSPENSE
    return Move(_DELIVER, accounts.MIRROR, account, _amount(amount_fen), suspense, _note(message))


def _amount(fen: int) -> int:
    if not 0 < fen <= MAX_AMOUNT_FEN:
        raise FeedBroken(f"moves {fen} fen")
    return fen


def _note(message: Message) -> bytes:
    note: bytes = message.SerializeToString()
    if len(note) > MAX_NOTE_BYTES:
        raise FeedBroken(f"has {len(note)} bytes")
    return note
