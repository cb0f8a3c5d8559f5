"""Builds a wallet from its home; the only place that knows all its parts.

The heavy parts, the database above all, are imported when they are first needed.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from language import N_, _
from wallet.home.home import Home, HomeError, Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dcep.bank.v1.wallets_pb2 import GetWalletResponse
    from runtime.clock import Clock
    from runtime.database import Database
    from runtime.randomness import Randomness
    from wallet.offline.payments import OfflinePayments, TokenLoading
    from wallet.online.account import OnlineWallet
    from wallet.online.aliases import Aliases
    from wallet.online.code_payments import CodePayments
    from wallet.online.keys import KeyHere, Recovered
    from wallet.online.requests import Requests
    from wallet.online.signers import Signers
    from wallet.online.sub_wallets import SubWallets
    from wallet.online.together import Together
    from wallet.orders.order_book import Book, Flights, KeptOrder
    from wallet.orders.sql_order_book import SqlRequests
    from wallet.orders.submitter import OrderSubmitter
    from wallet.payroll.payroll import Payroll
    from wallet.peers.bank_directory import BankEntry
    from wallet.peers.interface import Banks
    from wallet.recovery.backup import Restored
    from wallet.secure_element.interface import Device, Loadable
    from wallet.secure_element.sealed_file import SealedFile


class NotOpened(HomeError):
    """No wallet lives in this home yet."""

    following = N_("Or say where it lives: --home DIR, or WALLET_HOME.")


class NotYetIts(HomeError):
    """The key in this home was asked for and is not in force."""

    reason = "KEY_AWAITED"
    refused = True
    following = N_(
        "Repeat what was begun here: `wallet recover` and `wallet signers join` say how far the "
        "bank is, `wallet restore FILE` goes on."
    )


class App:
    """A wallet and its use-cases."""

    def __init__(
        self,
        home: Path,
        *,
        database_url: str = "",
        clock: Clock | None = None,
        randomness: Randomness | None = None,
        banks: Banks | None = None,
        book: Book | None = None,
        pin: Callable[[], str] | None = None,
        tells_later: bool = False,
    ) -> None:
        """Takes a home, and parts to use instead of those it would make.

        Args:
            tells_later: an order's outcome counts as delivered when `heard` is called, not when a
                use-case returns it. A command needs this, because it still has to print it.
        """
        self.home = Home(home)
        self._telling: dict[int, KeptOrder] | None = {} if tells_later else None
        self._pin = pin
        self._database_url = database_url or self.home.database_url
        self._clock, self._randomness, self._banks, self._book = clock, randomness, banks, book

    @cached_property
    def clock(self) -> Clock:
        """Time."""
        from runtime.clock import SystemClock

        return self._clock or SystemClock()

    @cached_property
    def randomness(self) -> Randomness:
        """Randomness for keys and ids."""
        from runtime.randomness import SystemRandomness

        return self._randomness or SystemRandomness()

    @cached_property
    def banks(self) -> Banks:
        """Channels to banks."""
        from wallet.peers.bank_client import GrpcBanks

        return self._banks or GrpcBanks()

    @cached_property
    def database(self) -> Database:
        """The wallet's database, at the newest schema."""
        from wallet.orders.schema import open_database

        self.home.make()
        return open_database(self._database_url)

    @cached_property
    def book(self) -> Book:
        """The order book."""
        from wallet.orders.sql_order_book import SqlBook

        return self._book or SqlBook(self.database)

    @cached_property
    def flights(self) -> Flights:
        """Orders on their way."""
        from wallet.orders.in_flight import FileFlights

        return FileFlights(self.home.folder / "in_flight")

    @cached_property
    def device(self) -> Device:
        """The secure element."""
        from wallet.home.device import open_device

        return open_device(self.sealed, self.profile(), self.clock, self.randomness)

    @cached_property
    def sealed(self) -> SealedFile:
        """Where the secure element keeps its state."""
        from wallet.home.pin import pin_from
        from wallet.secure_element.sealed_file import SealedFile

        return SealedFile(self.home.folder, self.randomness, self._pin or pin_from())

    @property
    def requests(self) -> SqlRequests:
        """Requests over direct links."""
        from wallet.orders.sql_order_book import SqlRequests

        return SqlRequests(self.database)

    def profile(self) -> Profile:
        """The wallet in this home. Raises NotOpened."""
        found = self.home.profile()
        if found is not None and found.awaits_key:
            raise NotYetIts(
                _("the key in {folder} is not that of wallet {number} yet").format(
                    folder=self.home.folder, number=found.number
                )
            )
        if found is None or not found.opened:
            raise NotOpened(
                _("no wallet in {folder}; open one with: wallet open --bank NAME").format(
                    folder=self.home.folder
                )
            )
        return found

    def bank_name(self) -> str:
        """The bank of the wallet in this home, or of the one being opened; "" if there is none."""
        try:
            found = self.home.profile()
        except HomeError:
            return ""
        return found.bank if found is not None else ""

    def open(
        self,
        bank: BankEntry,
        *,
        holder_name: str = "",
        phone: str = "",
        document: str = "",
        document_kind: str = "id-card",
        bank_account: str = "",
        code: str = "",
        recovery_key: bytes = b"",
    ) -> Profile:
        """Makes the key and opens the wallet. Raises Refusal, NoAnswer or AnotherStackAnswers."""
        from wallet.online.opening import HolderShows, open_wallet
        from wallet.peers.same_stack import check_same_stack

        check_same_stack(bank.stack, bank.name, bank.address)
        return open_wallet(
            self.home,
            self.banks,
            self.randomness,
            self.clock,
            bank,
            HolderShows(holder_name, phone, document, document_kind, bank_account),
            code,
            recovery_key,
        )

    def recover(self, bank: BankEntry, number: str) -> Recovered:
        """Asks for a key of a wallet whose home is lost. Raises as `recover_wallet`, or
        AnotherStackAnswers.
        """
        from wallet.online.keys import recover_wallet
        from wallet.peers.same_stack import check_same_stack

        check_same_stack(bank.stack, bank.name, bank.address)
        return recover_wallet(self.home, self.banks, self.randomness, self.clock, bank, number)

    def recover_by_phrase(
        self, entries: Sequence[BankEntry], words: Callable[[], str]
    ) -> Recovered:
        """Asks by the recovery phrase that `words` gives. Raises as `by_phrase.recover_by_phrase`,
        or AnotherStackAnswers.
        """
        from wallet.peers.same_stack import check_same_stack
        from wallet.recovery.by_phrase import recover_by_phrase

        for bank in entries:
            check_same_stack(bank.stack, bank.name, bank.address)
        return recover_by_phrase(self.home, self.banks, self.randomness, self.clock, entries, words)

    def rotate_key(self, recovery_key: bytes = b"") -> KeyHere:
        """Puts another key in the place of the one in this home. Raises as `rotating.rotate_key`,
        or AnotherStackAnswers.
        """
        from wallet.recovery.rotating import rotate_key

        return rotate_key(self.home, self.key_here(), self.randomness, self.book, recovery_key)

    def back_up(self, file: Path, passphrase: str) -> None:
        """Writes a backup of this home. Raises as `backup.back_up` and `backup.check_one_key`."""
        from wallet.recovery.backup import back_up, check_one_key

        check_one_key(self.profile(), self.book)
        back_up(
            self.home,
            self.profile(),
            self.database,
            file,
            passphrase,
            self.clock,
            self.randomness,
        )

    def restore(self, file: bytes, passphrase: str) -> Restored:
        """Makes this home of a backup. Raises as `backup.restore`, or AnotherStackAnswers."""
        from wallet.recovery.backup import restore

        return restore(
            self.home,
            self.banks,
            lambda: self.database,
            lambda: self.book,
            file,
            passphrase,
            self.clock,
            self.randomness,
        )

    def key_here(self) -> KeyHere:
        """The key in this home. Raises AnotherStackAnswers."""
        from wallet.online.keys import KeyHere
        from wallet.peers.same_stack import check_same_stack

        profile = self.profile()
        check_same_stack(profile.stack, profile.bank, profile.bank_address)
        return KeyHere(
            profile.number,
            profile.bank,
            self.home.key(),
            self.banks.at(profile.bank_address, self.home.bank_ca(profile), profile.bank),
            self.clock,
            profile.is_signer,
        )

    def sub_wallets(self) -> SubWallets:
        """The sub-wallets of the wallet in this home. Raises AnotherStackAnswers."""
        from wallet.online.sub_wallets import SubWallets

        return SubWallets(self.key_here(), self.randomness)

    def signers(self) -> Signers:
        """Who signs for the wallet; needs the bank."""
        from wallet.online.signers import Signers

        return Signers(self.key_here(), self.submitter())

    def together(self) -> Together:
        """What several people sign; needs the bank."""
        from wallet.online.together import Together

        return Together(self.key_here(), self.submitter())

    def prepare_offline(self) -> str:
        """Prepares the device for offline money. Returns why that failed, or "".

        A wallet whose device is not ready can do everything else, and loading tries again.
        """
        from runtime.errors import NoAnswer, Refusal

        try:
            self.loading().prepare()
        except (Refusal, NoAnswer, HomeError) as error:
            return str(error)
        return ""

    def look(self) -> tuple[GetWalletResponse | None, str]:
        """The bank's answer about the wallet; or None, and why the bank cannot be reached."""
        from runtime.errors import NoAnswer

        try:
            return self.holder().show(), ""
        except NoAnswer as error:
            return None, str(error)

    def offline_fen(self) -> int | None:
        """The fen in the device; None when it has a PIN that was not given."""
        from wallet.secure_element.device_errors import PinError

        try:
            return self.offline_payments().balance_fen()
        except PinError:
            return None

    def submitter(self) -> OrderSubmitter:
        """Submits the wallet's orders to its bank. Raises AnotherStackAnswers."""
        from wallet.online.sub_wallets import ends_of
        from wallet.orders.submitter import OrderSubmitter

        here = self.key_here()
        ends_ms = ends_of(self.home, here, self.profile())
        return OrderSubmitter(
            number=here.number,
            bank_name=here.bank_name,
            key=here.key,
            bank=here.explaining(),
            open_book=lambda: self.book,
            flights=self.flights,
            clock=self.clock,
            key_id=here.key_id,
            telling=self._telling,
            ends_ms=ends_ms,
        )

    def heard(self) -> None:
        """Says that the outcomes of the orders so far have been delivered."""
        for sequence, order in (self._telling or {}).items():
            self.book.hear(order)
            self.flights.release(sequence)
        if self._telling:
            self._telling.clear()

    def holder(self) -> OnlineWallet:
        """The use-cases that need the bank."""
        from wallet.online.account import OnlineWallet

        return OnlineWallet(self.submitter(), tops_up=self.profile().tops_up)

    def code_payments(self) -> CodePayments:
        """Paying merchant codes; needs the bank."""
        from wallet.online.code_payments import CodePayments

        return CodePayments(self.submitter(), tops_up=self.profile().tops_up)

    def requests_to_pay(self) -> Requests:
        """Requests to pay, made and shown; needs the bank."""
        from wallet.online.requests import Requests

        tops_up = self.profile().tops_up
        return Requests(self.submitter(), self.randomness, tops_up=tops_up)

    def aliases(self) -> Aliases:
        """Aliases of this wallet and of others; needs the bank."""
        from wallet.online.aliases import Aliases

        return Aliases(self.submitter(), self.randomness)

    def payroll(self) -> Payroll:
        """The use-case that pays the rows of a file."""
        from wallet.payroll.payees import PayeesFound
        from wallet.payroll.payroll import Payroll
        from wallet.payroll.runs import Runs

        number = self.profile().number
        found = PayeesFound(self.database, number, self.clock)
        return Payroll(self.submitter(), Runs(self.database, number), found, self.aliases().find)

    def offline_payments(self) -> OfflinePayments:
        """The use-cases of offline money that need no server."""
        from wallet.offline.payments import OfflinePayments

        return OfflinePayments(self.device)

    def loading(self, device: Loadable | None = None) -> TokenLoading:
        """Loading and depositing offline money of the device or of a card; needs the bank."""
        from wallet.offline.payments import TokenLoading

        return TokenLoading(self.submitter(), device or self.device)

    def close(self) -> None:
        """Ends channels and database connections."""
        made = vars(self)
        if "banks" in made and hasattr(self.banks, "close"):
            self.banks.close()
        if "database" in made:
            self.database.engine.dispose()
