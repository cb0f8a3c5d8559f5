"""What an entry of the feed becomes in this bank's ledger; or why it cannot be, before anything is.

An entry is checked against what this bank knows: its own payment that has not ended, its own
deposit, its own redemption. What passes here the rule does not refuse, so no entry uses up a place
in the feed without having been applied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError
from sqlalchemy import Connection, select

from dcep.bank.v1 import states_pb2
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.feed.chain import FeedBroken, NeverSent, NotReserved
from operator_bank.feed.tables import returned_payments
from operator_bank.ledger import accounts
from operator_bank.ledger.tables import accounts as accounts_table
from operator_bank.limits import MAX_SEQUENCE
from operator_bank.lost.tables import lost_moves
from operator_bank.lost.windows import ComeBacks
from operator_bank.offline.tables import token_deposits
from operator_bank.payments.tables import outbound
from operator_bank.vault.vault import Vault
from operator_bank.wallets.directory import Directory
from runtime.database import Database, of_values
from runtime.errors import Refusal
from runtime.messages import check, read_payload
from runtime.parts import parts
from settlement.builders import (
    Row,
    capture,
    delivery,
    refusal,
    refused,
    release,
    transfer,
)
from settlement.ledger import Ledger
from settlement.limits import MAX_AMOUNT_FEN

FeedEntry = registration_pb2.FeedEntry
OutboundPayment = registration_pb2.OutboundPayment
PENDING = states_pb2.PAYMENT_STATE_PENDING
SETTLED = states_pb2.PAYMENT_STATE_SETTLED
ENDED = {
    registration_pb2.OUTCOME_STATE_REFUSED: states_pb2.PAYMENT_STATE_REFUSED,
    registration_pb2.OUTCOME_STATE_EXPIRED: states_pb2.PAYMENT_STATE_EXPIRED,
}
DEPOSITED = "tokens_deposited"
_ENDS = frozenset(("outgoing_settled", "outgoing_ended", "tokens_registered"))
_OF_OUTBOUND = _ENDS | {"tokens_restored"}
_NUMBERED = _OF_OUTBOUND | {DEPOSITED}
_ISSUANCE, _REDEMPTION = purposes_pb2.PURPOSE_ISSUANCE, purposes_pb2.PURPOSE_REDEMPTION
_RESERVE = purposes_pb2.PURPOSE_REDEMPTION_RESERVE
_PAYMENT, _RETURN = purposes_pb2.PURPOSE_PAYMENT, purposes_pb2.PURPOSE_RETURN
_LOAD, _DEPOSIT = purposes_pb2.PURPOSE_TOKEN_LOAD, purposes_pb2.PURPOSE_TOKEN_DEPOSIT
_EXPIRY = purposes_pb2.PURPOSE_TOKEN_EXPIRY
_PURPOSE_OF_SENT = {"pay": _PAYMENT, "return": _RETURN, "load": _LOAD}
_KNOWN = f"SELECT number, account, amount_fen, hold, kind, state, body FROM {outbound.name}"
_KNOWN += " WHERE number IN ?"
_DEPOSITS = (
    f"SELECT d.id, a.number, d.digest FROM {token_deposits.name} d JOIN {accounts_table.name} a "
    f"ON a.owner = d.wallet AND a.purpose = {accounts.Purpose.WALLET:d} WHERE d.id IN ?"
)

_PLACE = {"origin": accounts.MIRROR, "sequence": 0, "time_ms": 0}
"""Of every record that an entry becomes; the follower adds which entry, and when."""


class Heard(NamedTuple):
    """An entry with its bytes, the name of its event, and the number of ours that it is about."""

    entry: FeedEntry
    data: bytes
    event: str | None
    number: int = 0
    payment: OutboundPayment | None = None


class Move(NamedTuple):
    """What an entry becomes in the ledger: a record, and what stands beside it."""

    row: Row
    note: bytes


class _Sent(NamedTuple):
    """A row of `outbound`."""

    number: int
    account: int
    amount_fen: int
    hold: int
    kind: str
    state: int
    body: bytes


class _Deposit(NamedTuple):
    """Whose a deposit is, and SHA-256 of what was deposited."""

    account: int
    digest: bytes


class _Known:
    """What this bank knows of what some entries are about, as it will be after each of them."""

    def __init__(
        self, sent: dict[int, _Sent], deposits: dict[int, _Deposit], reserved_fen: int
    ) -> None:
        self.sent = sent
        self.ended: set[int] = set()
        self.settled: set[int] = set()
        self.returned_payments: set[int] = set()
        self.deposits = deposits
        self.reserved_fen = reserved_fen


def heard(entry: FeedEntry, data: bytes) -> Heard:
    """An entry with what it is about."""
    event = entry.WhichOneof("event")
    if event == "incoming":
        try:
            payment = read_payload(OutboundPayment, entry.incoming.payment)
        except Refusal:
            payment = None
        return Heard(entry, data, event, 0, payment)
    number = getattr(entry, event).number if event in _NUMBERED else 0
    return Heard(entry, data, event, number)


class Moves:
    """Makes moves of entries."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        directory: Directory,
        vault: Vault,
        windows: ComeBacks,
    ) -> None:
        self._windows = windows
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
                where = f"entry {one.entry.number} ({one.event})"
                return moves, type(broken)(f"{where} {broken}")
        return moves, None

    def _known(self, entries: Sequence[Heard]) -> _Known:
        # A number out of bounds is in no table, and no database is asked for it.
        sent = [one.number for one in entries if one.event in _OF_OUTBOUND and _fits(one.number)]
        made = [one.number for one in entries if one.event == DEPOSITED and _fits(one.number)]
        return _Known(
            {row[0]: _Sent._make(row) for row in self._rows(_KNOWN, sent)},
            {
                number: _Deposit(account, bytes(digest))
                for number, account, digest in self._rows(_DEPOSITS, made)
            },
            int(self._ledger.read([accounts.REDEMPTION_RESERVE])[0]["available_fen"]),
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
        _check(one)
        try:
            return self._as_known(one, known)
        except (NeverSent, NotReserved):
            known_otherwise = one.number in known.sent or one.number in known.deposits
            if known_otherwise or not self._windows.has(one.entry.number):
                raise
        return self._lost(one)

    def _lost(self, one: Heard) -> Move:
        """What an entry becomes that speaks of what this database has lost.

        What left the bank is owed by the account LOST; what came for nobody that is known lies in
        suspense; what never was moves nothing.
        """
        entry, event = one.entry, one.event
        if event in _ENDS and one.number > self._ledger.position():
            raise FeedBroken(
                f"speaks of outbound {one.number}, which this bank might use again: its journal"
                " has to go on behind it"
            )
        if event == "tokens_deposited":
            return _delivered(one, accounts.SUSPENSE, entry.tokens_deposited.amount_fen, _DEPOSIT)
        if event == "tokens_restored":
            return _delivered(one, accounts.SUSPENSE, entry.tokens_restored.amount_fen, _EXPIRY)
        if event == "redeemed":
            amount_fen, purpose = entry.redeemed.amount_fen, _REDEMPTION
        elif event == "tokens_registered":
            amount_fen, purpose = entry.tokens_registered.amount_fen, _LOAD
        elif event == "outgoing_settled":
            paid = _payment(entry.outgoing_settled.payment, one.number)
            amount_fen = paid.amount_fen
            purpose = _RETURN if paid.returns_payment_id else _PAYMENT
        else:
            return _nothing(one, accounts.LOST, accounts.MIRROR)
        return _transfer(one, accounts.LOST, accounts.MIRROR, amount_fen, purpose)

    def _lost_load_fen(self, number: int) -> int:
        """What was loaded under a number that this database has lost; 0 for nothing."""
        of = lost_moves.c
        query = select(of.amount_fen).where(of.number == number, of.kind == "load")
        return int(self._database.read(lambda c: c.execute(query).scalar()) or 0)

    def _as_known(self, one: Heard, known: _Known) -> Move:
        entry, event, number = one.entry, one.event, one.number
        if event == "incoming":
            return self._incoming(one, known)
        if event in _ENDS:
            return _end(one, _sent(number, known), known)
        if event == DEPOSITED:
            return _deposited(one, known)
        if event == "tokens_restored":
            if number not in known.sent and _fits(number):
                # Of a load that was lost: nobody here knows whose it was.
                loaded_fen = self._lost_load_fen(number)
                if 0 < entry.tokens_restored.amount_fen <= loaded_fen:
                    return _delivered(
                        one, accounts.SUSPENSE, entry.tokens_restored.amount_fen, _EXPIRY
                    )
            return _restored(one, _sent(number, known))
        if event == "issued":
            return _transfer(
                one, accounts.MIRROR, accounts.VAULT, entry.issued.amount_fen, _ISSUANCE
            )
        if event == "redeemed":
            redeemed = entry.redeemed
            self._take_reserved(redeemed.number, redeemed.amount_fen, known)
            reserve, mirror = accounts.REDEMPTION_RESERVE, accounts.MIRROR
            return _transfer(one, reserve, mirror, redeemed.amount_fen, _REDEMPTION)
        if event == "redemption_rejected":
            return self._rejected(one, entry.redemption_rejected, known)
        raise FeedBroken("is of no kind that this bank knows")

    def _incoming(self, one: Heard, known: _Known) -> Move:
        payment = one.payment
        if payment is None:
            raise FeedBroken("has a payment in it that is none")
        account = self._directory.account(payment.payee_number)
        if account == accounts.NOBODY:
            account = accounts.SUSPENSE
        purpose = _RETURN if payment.returns_payment_id else _PAYMENT
        if purpose == _RETURN and not self._gives_back(payment, known):
            # Whatever it is, it is not what it says: an officer looks at it.
            account = accounts.SUSPENSE
        return _delivered(one, account, payment.amount_fen, purpose)

    def _gives_back(self, payment: OutboundPayment, known: _Known) -> bool:
        """Whether a return names a payment of ours that settled, the other way round, once."""
        number = payment.returns_number
        if not _fits(number) or number in known.returned_payments:
            return False
        of = outbound.c
        query = (
            select(of.body, of.state, returned_payments.c.entry)
            .outerjoin_from(outbound, returned_payments, returned_payments.c.number == of.number)
            .where(of.number == number, of.kind == "pay")
        )
        row = self._database.read(lambda c: c.execute(query).first())
        if row is None or row.entry is not None:
            return False
        if row.state != SETTLED and number not in known.settled:
            return False
        sent = OutboundPayment.FromString(bytes(row.body))
        gives_back = bool(
            sent.payment_id == payment.returns_payment_id
            and sent.amount_fen == payment.amount_fen
            and sent.payer_number == payment.payee_number
            and sent.payee_number == payment.payer_number
        )
        if gives_back:
            known.returned_payments.add(number)
        return gives_back

    def _rejected(
        self, one: Heard, rejected: registration_pb2.RedemptionRejected, known: _Known
    ) -> Move:
        if not _fits(rejected.number):
            raise FeedBroken(f"speaks of redemption {rejected.number}, which is none")
        move = _transfer(
            one, accounts.REDEMPTION_RESERVE, accounts.VAULT, rejected.amount_fen, _RESERVE
        )
        if not self._vault.was_reserved(rejected.number):
            return move._replace(row=refused(move.row))
        self._take_reserved(rejected.number, rejected.amount_fen, known)
        return move

    def _take_reserved(self, number: int, amount_fen: int, known: _Known) -> None:
        reserved_fen = self._vault.reserved_fen(number) if _fits(number) else 0
        if not reserved_fen:
            raise NotReserved(f"takes {amount_fen} fen where 0 were reserved")
        if amount_fen != reserved_fen:
            raise FeedBroken(f"takes {amount_fen} fen where {reserved_fen} were reserved")
        if amount_fen > known.reserved_fen:
            raise FeedBroken(f"takes {amount_fen} fen of {known.reserved_fen} that are reserved")
        known.reserved_fen -= amount_fen


def _check(one: Heard) -> None:
    """The entry is within the contract: a newer one may say what this bank does not understand."""
    entry = one.entry
    entry.DiscardUnknownFields()
    if entry.ByteSize() != len(one.data):
        raise FeedBroken("has fields that this bank does not know")
    try:
        check(entry)
    except Refusal as refusal:
        raise FeedBroken(f"is beyond the contract: {refusal.message}") from None


def _fits(number: int) -> bool:
    return 0 < number <= MAX_SEQUENCE


def _sent(number: int, known: _Known) -> _Sent:
    sent = known.sent.get(number)
    if sent is None:
        raise NeverSent(f"speaks of outbound {number}, which is not ours")
    return sent


def _end(one: Heard, sent: _Sent, known: _Known) -> Move:
    """The end of what went out, once, and of that alone."""
    entry, event, number = one.entry, one.event, one.number
    if sent.state != PENDING or number in known.ended:
        raise FeedBroken(f"speaks of outbound {number}, which has ended")
    if event == "outgoing_settled":
        _check_payment(entry.outgoing_settled.payment, sent)
    elif event == "tokens_registered":
        _check_load(entry.tokens_registered, sent)
    else:
        ended = entry.outgoing_ended
        if ended.state not in ENDED:
            raise FeedBroken(f"ends outbound {number} with a state that is no end")
        if ended.WhichOneof("about") == "load":
            _check_load(ended.load, sent)
        else:
            _check_payment(ended.payment, sent)
        known.ended.add(number)
        released = release(
            **_PLACE,
            debit=sent.account,
            amount_fen=sent.amount_fen,
            reference=sent.hold,
            purpose=_PURPOSE_OF_SENT[sent.kind],
        )
        return Move(released, one.data)
    known.ended.add(number)
    known.settled.add(number)
    paid = capture(
        **_PLACE,
        debit=sent.account,
        credit=accounts.MIRROR,
        amount_fen=sent.amount_fen,
        reference=sent.hold,
        purpose=_PURPOSE_OF_SENT[sent.kind],
    )
    return Move(paid, one.data)


def _check_payment(payment: bytes, sent: _Sent) -> None:
    """It is the payment that this bank has sent: the same parties, amount, times and words."""
    if sent.kind == "load":
        raise NeverSent(f"speaks of outbound {sent.number} as a payment, which is a load")
    if payment == numbered(sent.number, sent.body):
        return
    # Bytes may differ where messages do not.
    ours = OutboundPayment.FromString(sent.body)
    ours.number = sent.number
    try:
        theirs = OutboundPayment.FromString(payment)
    except DecodeError:
        raise FeedBroken(f"speaks of outbound {sent.number} in words that cannot be read") from None
    if theirs != ours:
        raise NeverSent(
            f"speaks of outbound {sent.number} as of {theirs.amount_fen} fen"
            f" ({theirs.payment_id}), which is of {ours.amount_fen} fen ({ours.payment_id})"
        )


def _payment(data: bytes, number: int) -> OutboundPayment:
    """A payment that is told under a number."""
    try:
        payment = read_payload(OutboundPayment, data)
    except Refusal:
        raise FeedBroken(f"speaks of outbound {number} in words that cannot be read") from None
    if payment.number != number:
        raise FeedBroken(f"speaks of outbound {number} as of {payment.number}")
    return payment


def numbered(number: int, body: bytes) -> bytes:
    """An OutboundPayment as it is sent: the number, its first field, before the rest of it."""
    head = bytearray(b"\x08")
    while number > 0x7F:
        head.append(number & 0x7F | 0x80)
        number >>= 7
    head.append(number)
    return bytes(head) + body


def _check_load(tokens: registration_pb2.TokensRegistered, sent: _Sent) -> None:
    """It is the load that this bank has sent: the same amount, for the same device."""
    if sent.kind != "load":
        raise NeverSent(f"speaks of outbound {sent.number} as a load, which is a payment")
    digest = hashlib.sha256(sent.body).digest()
    told = (tokens.number, tokens.amount_fen, tokens.certificate_digest)
    if told != (sent.number, sent.amount_fen, digest):
        raise NeverSent(
            f"speaks of load {sent.number} as of {tokens.amount_fen} fen for a device, which is"
            f" of {sent.amount_fen} fen, or for another one"
        )


def _deposited(one: Heard, known: _Known) -> Move:
    tokens = one.entry.tokens_deposited
    found = known.deposits.get(tokens.number)
    if found is None:
        raise NeverSent(f"speaks of deposit {tokens.number}, which is not ours")
    if tokens.payment_digest != found.digest:
        raise NeverSent(f"speaks of deposit {tokens.number} with other tokens in it")
    if not tokens.amount_fen <= tokens.whole_fen <= MAX_AMOUNT_FEN:
        raise FeedBroken(f"moves {tokens.amount_fen} fen of a deposit of {tokens.whole_fen}")
    return _delivered(one, found.account, tokens.amount_fen, _DEPOSIT)


def _restored(one: Heard, sent: _Sent) -> Move:
    tokens = one.entry.tokens_restored
    if sent.kind != "load" or sent.state != SETTLED:
        raise FeedBroken(f"gives back tokens of outbound {tokens.number}, which made none")
    if tokens.amount_fen > sent.amount_fen:
        raise FeedBroken(f"gives back more than the {sent.amount_fen} fen that were loaded")
    return _delivered(one, sent.account, tokens.amount_fen, _EXPIRY)


def _transfer(one: Heard, debit: int, credit: int, amount_fen: int, purpose: int) -> Move:
    moved = transfer(
        **_PLACE, debit=debit, credit=credit, amount_fen=_amount(amount_fen), purpose=purpose
    )
    return Move(moved, one.data)


def _delivered(one: Heard, account: int, amount_fen: int, purpose: int) -> Move:
    delivered = delivery(
        **_PLACE,
        debit=accounts.MIRROR,
        credit=account,
        fallback=accounts.SUSPENSE,
        amount_fen=_amount(amount_fen),
        purpose=purpose,
    )
    return Move(delivered, one.data)


def _nothing(one: Heard, debit: int, credit: int) -> Move:
    """An entry that moves nothing here takes its place in the feed all the same."""
    return Move(refusal(**_PLACE, debit=debit, credit=credit), one.data)


def _amount(fen: int) -> int:
    if not 0 < fen <= MAX_AMOUNT_FEN:
        raise FeedBroken(f"moves {fen} fen")
    return fen
