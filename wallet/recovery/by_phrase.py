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


class BankNotSure(HomeError):
    """A bank says that it knows the phrase, and another one says so too, or nothing."""

    reason = "PHRASE_AT_SEVERAL"
    refused = True
    following = N_(
        "One bank alone has the wallet of a phrase, and a bank that lies can say what it likes. "
        "Name the bank where you opened it: --bank NAME."
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
        BankNotSure: several say that they do, or one does and others say nothing.
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
    entry, here, number = _found(banks, clock, entries, phrase)
    return recover_wallet(home, banks, randomness, clock, entry, number, here.ask)


def _found(
    banks: Banks, clock: Clock, entries: Sequence[BankEntry], phrase: str
) -> tuple[BankEntry, PhraseHere, str]:
    """The one bank that has the wallet of a phrase, and the wallet's number. All are asked, so that
    none that lies is believed because it comes first, or keeps the others from being asked. Raises
    as `recover_by_phrase`.
    """
    found: list[tuple[BankEntry, PhraseHere, str]] = []
    silent: list[tuple[str, NoAnswer | Refusal]] = []
    for entry in entries:
        port = banks.at(entry.address, entry.ca, entry.name)
        here = PhraseHere(entry.name, recovery_key(phrase, entry.name), port, clock)
        try:
            found.append((entry, here, here.number()))
        except NoAnswer as error:
            silent.append((entry.name, error))
        except Refusal as refusal:
            if refusal.reason != errors_pb2.REASON_REQUEST_UNKNOWN:
                silent.append((entry.name, refusal))
    if not found and silent:
        raise silent[0][1]
    if not found:
        raise NowhereKnown(_("no bank that was asked has a wallet of this phrase"))
    said = ", ".join(f"{entry.name}: {number}" for entry, _here, number in found)
    if len(found) > 1:
        raise BankNotSure(
            _("several banks say that they have its wallet: {said}").format(said=said)
        )
    if silent:
        raise BankNotSure(
            _("this bank says that it has its wallet: {said}; these say nothing: {names}").format(
                said=said, names=", ".join(name for name, _error in silent)
            )
        )
    return found[0]


class _WordsNeeded(Exception):
    """The bank has to be asked, which takes the phrase."""


def _without_words(_here: KeyHere) -> None:
    raise _WordsNeeded
