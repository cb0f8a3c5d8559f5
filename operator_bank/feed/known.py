"""Looks up what this bank knows about the subjects of feed entries, as of each entry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from dcep.bank.v1 import states_pb2
from dcep.purposes.v1 import purposes_pb2
from operator_bank.context import Context
from operator_bank.feed.chain import FeedBroken, NotKnown
from operator_bank.feed.entries import OutboundPayment, Sent, fits
from operator_bank.feed.tables import returned_payments
from operator_bank.ledger import accounts
from operator_bank.ledger.tables import accounts as accounts_table
from operator_bank.lost.tables import lost_moves
from operator_bank.offline.tables import token_deposits
from operator_bank.payments.tables import outbound
from operator_bank.vault.vault import Vault
from operator_bank.wallets.directory import Directory
from runtime.chunks import chunks
from runtime.database import of_values

_SENT = f"SELECT number, account, amount_fen, hold, kind, state, body FROM {outbound.name}"
_SENT += " WHERE number IN ?"
_DEPOSITS = (
    f"SELECT d.id, a.number, d.digest FROM {token_deposits.name} d JOIN {accounts_table.name} a "
    f"ON a.owner = d.wallet AND a.purpose = {accounts.Purpose.WALLET:d} WHERE d.id IN ?"
)


class KnownDeposit(NamedTuple):
    """The account that a deposit is for, and the SHA-256 of what was deposited."""

    account: int
    digest: bytes


class Sources:
    """Where a bank looks up what entries are about."""

    def __init__(self, context: Context, directory: Directory, vault: Vault) -> None:
        self.database = context.database
        self.ledger = context.ledger
        self.directory = directory
        self.vault = vault

    def rows(self, statement: str, numbers: Sequence[int]) -> list[Any]:
        """The rows that a statement finds for the numbers in its ``IN ?``."""

        def ask(connection: Connection) -> list[Any]:
            found: list[Any] = []
            for chunk in chunks(numbers):
                found += of_values(connection, statement, chunk).all()
            return found

        return self.database.read(ask) if numbers else []


class Known:
    """What is known, looked up for many entries at once and updated as each of them is handled."""

    def __init__(self, sources: Sources, sent: Sequence[int], deposits: Sequence[int]) -> None:
        """Looks up what was sent, and what was deposited, under these numbers.

        Args:
            sources: where to look.
            sent: numbers of payments and loads.
            deposits: numbers of deposits.
        """
        self._sources = sources
        self._sent = {row[0]: Sent._make(row) for row in sources.rows(_SENT, sent)}
        self._deposits = {
            number: KnownDeposit(account, bytes(digest))
            for number, account, digest in sources.rows(_DEPOSITS, deposits)
        }
        reserve = sources.ledger.read([accounts.REDEMPTION_RESERVE])[0]
        self._reserved_fen = int(reserve["available_fen"])
        self._ended: set[int] = set()
        self._settled: set[int] = set()
        self._returned: set[int] = set()

    def has(self, number: int) -> bool:
        """Whether something was sent, or deposited, under a number."""
        return number in self._sent or number in self._deposits

    def sent(self, number: int) -> Sent:
        """What was sent under a number. Raises NotKnown."""
        sent = self._sent.get(number)
        if sent is None:
            raise NotKnown(f"speaks of outbound {number}, which is not ours")
        return sent

    def pending(self, number: int) -> Sent:
        """What was sent under a number, and has not ended. Raises FeedBroken."""
        sent = self.sent(number)
        if sent.state != states_pb2.PAYMENT_STATE_PENDING or number in self._ended:
            raise FeedBroken(f"speaks of outbound {number}, which has ended")
        return sent

    def deposit(self, number: int) -> KnownDeposit:
        """The deposit of a number. Raises NotKnown."""
        found = self._deposits.get(number)
        if found is None:
            raise NotKnown(f"speaks of deposit {number}, which is not ours")
        return found

    def end(self, number: int, *, settled: bool) -> None:
        """Notes that what was sent under a number has ended, so that it does not end twice."""
        self._ended.add(number)
        if settled:
            self._settled.add(number)

    def account_of(self, wallet_number: str) -> int:
        """The account of a wallet here; NOBODY if there is no such wallet."""
        return self._sources.directory.account(wallet_number)

    def lost_load_fen(self, number: int) -> int:
        """Fen of a load that this database has lost, by its number; 0 if it has lost no such
        load.
        """
        if number in self._sent or not fits(number):
            return 0
        of = lost_moves.c
        load = of.purpose == purposes_pb2.PURPOSE_TOKEN_LOAD
        query = select(of.amount_fen).where(of.number == number, load)
        return int(self._sources.database.read(lambda c: c.execute(query).scalar()) or 0)

    def returns(self, payment: OutboundPayment) -> bool:
        """Whether a return gives back a payment of ours: one that settled, with the same amount and
        the parties exchanged, and was not returned before.
        """
        number = payment.returns_number
        if not fits(number) or number in self._returned:
            return False
        of = outbound.c
        query = (
            select(of.body, of.state, returned_payments.c.entry)
            .outerjoin_from(outbound, returned_payments, returned_payments.c.number == of.number)
            .where(of.number == number, of.kind == "pay")
        )
        row = self._sources.database.read(lambda c: c.execute(query).first())
        if row is None or row.entry is not None:
            return False
        if row.state != states_pb2.PAYMENT_STATE_SETTLED and number not in self._settled:
            return False
        sent = OutboundPayment.FromString(bytes(row.body))
        returns = bool(
            sent.payment_id == payment.returns_payment_id
            and sent.amount_fen == payment.amount_fen
            and sent.payer_number == payment.payee_number
            and sent.payee_number == payment.payer_number
        )
        if returns:
            self._returned.add(number)
        return returns

    def was_reserved(self, redemption: int) -> bool:
        """Whether money was ever reserved here for a redemption."""
        return self._sources.vault.was_reserved(redemption)

    def take_reserved(self, redemption: int, amount_fen: int) -> None:
        """Uses up what was reserved for a redemption.

        Raises:
            NotKnown: nothing was reserved.
            FeedBroken: another amount was reserved, or the reserve has less.
        """
        reserved_fen = self._sources.vault.reserved_fen(redemption) if fits(redemption) else 0
        if not reserved_fen:
            raise NotKnown(f"takes {amount_fen} fen where 0 were reserved")
        if amount_fen != reserved_fen:
            raise FeedBroken(f"takes {amount_fen} fen where {reserved_fen} were reserved")
        if amount_fen > self._reserved_fen:
            raise FeedBroken(f"takes {amount_fen} fen of {self._reserved_fen} that are reserved")
        self._reserved_fen -= amount_fen
