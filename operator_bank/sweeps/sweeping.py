"""Makes the records by which what a payment brings over a level goes to the deposit account.

How much that is depends on the balance, so it is computed when the batch's turn has come, from what
is journaled by then. Within the bank a sweep is linked to its payment: all of it takes effect, or
nothing. A payment from another bank settled there, so room is made for it in the same batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dcep.bank.v1 import orders_pb2
from dcep.purposes.v1 import purposes_pb2
from operator_bank.context import Context
from operator_bank.feed.entries import Move
from operator_bank.ledger import accounts
from operator_bank.limits import MAX_SWEPT_OF_ONE_PAYER
from operator_bank.sweeps.consents import Consent, Consents
from settlement.builders import Row, linked, transfer
from settlement.limits import MAX_BATCH_RECORDS
from settlement.records import AccountFlag, Accounts, Kind, Limit, RecordFlag, key_of
from settlement.rule import can_take, set_of

_LAST, _NO_LIMIT = int(RecordFlag.DECIDED_LAST), int(RecordFlag.NO_LIMIT)
_BARRED = int(AccountFlag.CLOSED | AccountFlag.FROZEN)
_SWEEP, _PAYMENT = purposes_pb2.PURPOSE_SWEEP, purposes_pb2.PURPOSE_PAYMENT
RECORDS_OF_A_SWEEP = 2


class Sweep(NamedTuple):
    """What goes on to the deposit account with one payment.

    Attributes:
        fen: how much.
        first: it makes room for the payment; else it is decided after it.
    """

    fen: int
    first: bool


class Noted(NamedTuple):
    """A record, and the note that is kept beside it."""

    row: Row
    note: bytes = b""


class Sweeps:
    """Says what is swept. It is asked from the writer's thread, and keeps nothing."""

    def __init__(self, context: Context, consents: Consents) -> None:
        self._policies = context.books.core.policies
        self._consents = consents

    def of(self, candidates: Sequence[int]) -> list[int]:
        """Those of some accounts whose holders have consented, each once."""
        return [each for each in dict.fromkeys(candidates) if self._consents.find(each)]

    def apart(
        self, sides: Sequence[tuple[int, int]], most: int
    ) -> tuple[list[Sequence[int]], list[int]]:
        """Divides single payments into rounds, in each of which nothing else touches an account
        that is swept: else what one payment brings would depend on whether the one before it was
        refused. Those of one payer stay in order. To such an account each payer's first one comes
        before anybody's second: so few payers do not take the rounds of all.

        Each round is a commit, for which the payments of all others wait. So there is a bound of
        them, and one of what a payer has in them. Nobody sweeps in the last round, which is for
        what such a wallet itself pays: so nobody keeps it from paying by paying it.

        Args:
            sides: of each payment the accounts of its payer and payee.
            most: so many rounds, two at least.

        Returns:
            The places of payments, by round; and those for which there is no round now.
        """
        sweep = {payee for _, payee in sides if self._consents.find(payee) is not None}
        if not sweep:
            return [range(len(sides))], []
        rounds: list[list[int]] = [[] for _ in range(most)]
        # By account, the first round in which its payments can be, and those to it that sweep.
        pays: dict[int, int] = {}
        takes: dict[int, int] = {}
        of_payer: Counter[tuple[int, int]] = Counter()
        late: list[int] = []
        for at in _in_turns(sides, sweep):
            payer, payee = sides[at]
            place = pays.get(payer, 0)
            if payee in sweep:
                of_payer[payer, payee] += 1
                place = max(place, takes.get(payee, 0))
                if place >= most - 1 or of_payer[payer, payee] > MAX_SWEPT_OF_ONE_PAYER:
                    late.append(at)
                    continue
                takes[payee] = place + 1
                pays[payee] = max(pays.get(payee, 0), place + 1)
            pays[payer] = max(pays.get(payer, 0), place)
            if payer in sweep:
                takes[payer] = max(takes.get(payer, 0), place + 1)
            rounds[place].append(at)
        return [each for each in rounds if each], late

    def chain(self, rows: Sequence[Row], payee: Accounts, at: int, payment_id: str) -> list[Noted]:
        """The records of a payment within the bank, with those of its sweep if there is one.

        Args:
            rows: of the payment, with its top-up.
            payee: rows of accounts as they are now.
            at: which of them is the payee's.
            payment_id: its id.
        """
        head, *others = rows
        consent = self._consents.find(head.credit)
        swept = None
        pays = {head.origin, *(row.debit for row in others)}
        if consent is not None and head.kind == Kind.TRANSFER and head.credit not in pays:
            swept = self._needed(payee, at, consent, head, first=bool(others))
        if swept is None or consent is None:
            return [Noted(row) for row in rows]
        if swept.first:
            head = head._replace(flags=head.flags | _LAST)
        parts = _parts(head, consent, swept.fen)
        note = _note(consent, payment_id)
        chain = linked([head, *others, *parts])
        return [Noted(row, note if row.debit == head.credit else b"") for row in chain]

    def arrivals(
        self, moves: Sequence[Move], rows: Accounts, places: Mapping[int, int], ids: Sequence[str]
    ) -> tuple[list[Noted], list[int]]:
        """The records of entries of the feed, with those that make room; and where the entries' own
        records are among them.

        Args:
            moves: what the entries become.
            rows: of accounts as they are now; changed as the entries will change them.
            places: where the account of each wallet that is swept is among them, and those of the
                mirror and of the numbering.
            ids: of the payments that the entries bring.
        """
        made: list[Noted] = []
        own: list[int] = []
        mirror, numbering = rows[places[accounts.MIRROR]], rows[places[accounts.SWEEPS]]
        for move, payment_id in zip(moves, ids, strict=True):
            row, at = move.row, places.get(move.row.credit)
            swept = consent = None
            is_new = row.sequence > int(mirror["last_sequence"])
            if at is not None and is_new and row.kind == Kind.DELIVER and row.purpose == _PAYMENT:
                consent = self._consents.find(row.credit)
                swept = self._needed(rows, at, consent, row) if consent is not None else None
            if is_new:
                self._carry(row, rows, places, swept)
            if swept is None or consent is None:
                own.append(len(made))
                made.append(Noted(row, move.note))
                continue
            numbering["last_sequence"] += 1
            parts = _parts(row, consent, swept.fen, int(numbering["last_sequence"]))
            note = _note(consent, payment_id, row.sequence)
            sweep = [Noted(each, note) for each in linked(parts)[:1]]
            sweep.append(Noted(parts[1]))
            own.append(len(made) + (RECORDS_OF_A_SWEEP if swept.first else 0))
            arrival = [Noted(row, move.note)]
            made += sweep + arrival if swept.first else arrival + sweep
        return made, own

    def _carry(
        self, row: Row, rows: Accounts, places: Mapping[int, int], swept: Sweep | None
    ) -> None:
        """Changes the copies of wallets' rows as an entry's record will change the wallets."""
        debit, credit = places.get(row.debit), places.get(row.credit)
        if row.kind == Kind.DELIVER and credit is not None:
            takes = can_take(rows, self._policies(), credit, row.amount_fen, row.time_ms)
            if swept is not None or takes.accepted:
                rows[credit]["available_fen"] += row.amount_fen - (swept.fen if swept else 0)
        elif row.kind in (Kind.CAPTURE, Kind.RELEASE) and debit is not None:
            rows[debit]["held_fen"] -= row.amount_fen
            if row.kind == Kind.RELEASE:
                rows[debit]["available_fen"] += row.amount_fen

    def _needed(
        self, rows: Accounts, at: int, consent: Consent, payment: Row, *, first: bool = False
    ) -> Sweep | None:
        """What goes on with a payment; None for nothing, and for a wallet that cannot be paid.

        Args:
            rows: of accounts.
            at: which of them is the payee's.
            consent: of its holder.
            payment: its record.
            first: nothing may be decided after the payment.
        """
        row, fen = rows[at], payment.amount_fen
        replaced = key_of(int(row["last_sequence"])) != key_of(consent.sequence)
        if replaced or int(row["flags"]) & _BARRED:
            return None
        policies = self._policies()
        cap = int(policies[set_of(rows, policies, at, payment.time_ms), Limit.BALANCE_CAP])
        levels = [level for level in (consent.above_fen, cap) if level]
        available, held = int(row["available_fen"]), int(row["held_fen"])
        over = available + held + fen - min(levels, default=available + held + fen)
        if over <= 0:
            return None
        first = first or bool(cap and available + held + fen > cap)
        swept = min(over, available if first else available + fen)
        if swept <= 0 or (cap and available + held + fen - swept > cap):
            return None
        return Sweep(swept, first)


def room_for(rows: int) -> int:
    """How many sweeps a batch with so many records has room for."""
    return (MAX_BATCH_RECORDS - rows) // RECORDS_OF_A_SWEEP


def _in_turns(sides: Sequence[tuple[int, int]], sweep: set[int]) -> list[int]:
    """The places of payments, those of one payer in order: each payer's first ones to accounts that
    are swept, then each one's second, and so on.
    """
    before: Counter[tuple[int, int]] = Counter()
    turns: list[int] = []
    of_payer: dict[int, int] = {}
    for payer, payee in sides:
        turn = of_payer.get(payer, 0)
        if payee in sweep:
            turn = max(turn, before[payer, payee])
            before[payer, payee] += 1
        of_payer[payer] = turn
        turns.append(turn)
    return sorted(range(len(sides)), key=turns.__getitem__)


def _parts(payment: Row, consent: Consent, fen: int, sequence: int = 0) -> list[Row]:
    """The two sides of a sweep, in the currency's ledger and in the bank's own books.

    Args:
        payment: the record of what arrives.
        consent: of the payee's holder.
        fen: how much.
        sequence: of a sweep that is not linked to its payment; else it is its payer's.
    """

    def part(debit: int, credit: int, sequence: int) -> Row:
        return transfer(
            origin=accounts.SWEEPS if payment.kind == Kind.DELIVER else payment.origin,
            sequence=sequence,
            debit=debit,
            credit=credit,
            amount_fen=fen,
            purpose=_SWEEP,
            time_ms=payment.time_ms,
            flags=_NO_LIMIT,
        )

    return [
        part(payment.credit, accounts.VAULT, sequence),
        part(accounts.CONTROL, consent.deposit, 0),
    ]


def _note(consent: Consent, payment_id: str, entry_position: int = 0) -> bytes:
    """What is kept beside a sweep."""
    note = orders_pb2.SweepNote(
        payment_id=payment_id,
        consent_position=consent.position,
        entry_position=entry_position,
    )
    return bytes(note.SerializeToString())
