"""Asks for another key of a wallet by its recovery phrase, in a new home."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dcep.bank.v1 import keys_pb2
from dcep.errors.v1 import errors_pb2
from language import N_, _
from runtime.clock import Clock
from runtime.envelope import sign
from runtime.errors import NoAnswer, Refusal
from runtime.randomness import Randomness
from wallet.home.home import Home, HomeError
from wallet.limits import OPENING_VALID_MS, QUERY_VALID_MS
from wallet.online.keys import KeyHere, Recovered, recover_wallet
from wallet.peers.bank_directory import BankEntry
from wallet.peers.interface import BankPort, Banks
from wallet.recovery.phrase import recovery_key

if TYPE_CHECKING:
    from nacl.signing import SigningKey


@dataclass(frozen=True)
class PhraseHere:
    """The key that a phrase gives at one bank, and how to ask the bank by it."""

    bank_name: str
    key: SigningKey
    bank: BankPort
    clock: Clock

    def number(self) -> str:
        """The wallet's number. Raises Refusal: REQUEST_UNKNOWN, the bank knows none of it."""
        now_ms = self.clock.now_ms()
        query = keys_pb2.RecoveryQuery(
            bank=self.bank_name, created_time_ms=now_ms, expires_time_ms=now_ms + QUERY_VALID_MS
        )
        return self.bank.find_wallet(sign(query, self.key, self._name())).wallet_number

    def ask(self, here: KeyHere) -> None:
        """Asks that the key of a new home is to be the wallet's."""
        now_ms = self.clock.now_ms()
        order = keys_pb2.RecoveryOrder(
            wallet_number=here.number,
            bank=self.bank_name,
            request=here.requesting(),
            created_time_ms=now_ms,
            expires_time_ms=now_ms + OPENING_VALID_MS,
        )
        self.bank.recover_wallet(sign(order, self.key, self._name()))

    def _name(self) -> bytes:
        return bytes(self.key.verify_key).hex().encode()


class NowhereKnown(HomeError):
    """No bank that was asked knows the phrase."""

    reason = "PHRASE_UNKNOWN"
    refused = True
    following = N_(
        "Look whether these are the words of the wallet's newest phrase, and name its bank: --bank "
        "NAME. A phrase counts no more 7 days after another one was made, or once the bank's "
        "officers have given the wallet a key."
    )


def recover_by_phrase(
    home: Home,
    banks: Banks,
    randomness: Randomness,
    clock: Clock,
    entries: Sequence[BankEntry],
    words: Callable[[], str],
) -> Recovered:
    """Finds the wallet of a phrase, makes a key for it in this home, and asks for that; or looks
    how far it is.

    Args:
        entries: the banks that may have it. None of them learns what the phrase is at another.
        words: gives the phrase, as `phrase.typed` does; it is not asked for where the bank says
            already that the key in this home is to be the wallet's.

    Raises:
        NowhereKnown: none of the banks knows it.
        Refusal: as `recover_wallet`.
        NoAnswer: the same call again asks once more; also if one of several banks does not answer,
            and the others do not know the phrase.
    """
    begun = home.profile()
    if begun is not None:
        entries = [entry for entry in entries if entry.name == begun.bank]
        for entry in entries:
            try:
                return recover_wallet(
                    home, banks, randomness, clock, entry, begun.number, _without_words
                )
            except _WordsNeeded:
                continue
    phrase = words()
    silent: NoAnswer | None = None
    for entry in entries:
        port = banks.at(entry.address, entry.ca, entry.name)
        here = PhraseHere(entry.name, recovery_key(phrase, entry.name), port, clock)
        try:
            number = here.number()
        except NoAnswer as error:
            silent = error
            continue
        except Refusal as refusal:
            if refusal.reason != errors_pb2.REASON_REQUEST_UNKNOWN:
                raise
            continue
        return recover_wallet(home, banks, randomness, clock, entry, number, here.ask)
    if silent is not None:
        raise silent
    raise NowhereKnown(_("no bank that was asked has a wallet of this phrase"))


class _WordsNeeded(Exception):
    """The bank has to be asked, which takes the phrase."""


def _without_words(_here: KeyHere) -> None:
    raise _WordsNeeded
