"""Backs a home up into one file, and makes a home of such a file.

A restored home begins with a new key, which the key of the backup puts in its own place: a
telephone that is still alive cannot order along with the same sequences, and is told so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from nacl.signing import SigningKey

from dcep.bank.v1 import keys_pb2
from dcep.errors.v1 import errors_pb2
from language import _
from runtime.clock import Clock
from runtime.database import Database
from runtime.errors import Refusal
from runtime.files import create_whole
from runtime.output import reason_of
from runtime.randomness import Randomness
from wallet.home.home import Home, HomeError, Profile
from wallet.home.merchant import keep_merchant, merchant_of
from wallet.online.keys import IN_FORCE, REPLACED, KeyHere, replaced
from wallet.online.opening import another_lives
from wallet.orders.order_book import Book
from wallet.peers.interface import Banks
from wallet.peers.same_stack import check_same_stack
from wallet.recovery.contents import Contents, put_rows, rows_of
from wallet.recovery.format import MAX_FILE_BYTES, opened, sealed
from wallet.recovery.rotating import check_alone, rotate_key


@dataclass(frozen=True)
class Restored:
    """A home that was made of a backup.

    Attributes:
        profile: the wallet that lives in it.
        made_time_ms: when the backup was made.
        state: what the bank says of the home's new key.
    """

    profile: Profile
    made_time_ms: int
    state: keys_pb2.GetKeyResponse


def back_up(
    home: Home,
    profile: Profile,
    database: Database,
    file: Path,
    passphrase: str,
    clock: Clock,
    randomness: Randomness,
) -> None:
    """Writes a home's backup; its key stays what it is.

    Raises:
        HomeError: there is such a file already, it cannot be written, or a change of the key is
            under way.
        BackupError: there is more than a backup takes.
    """
    if home.has_next:
        raise HomeError(
            _("another key is on its way into {folder}").format(folder=home.folder),
            _("Repeat `wallet key rotate`, then this."),
        )
    contents = Contents(
        profile=profile,
        seed=bytes(home.key()),
        bank_ca=Path(home.bank_ca(profile)).read_bytes(),
        merchant=merchant_of(home),
        rows=rows_of(database, profile.number),
        made_time_ms=clock.now_ms(),
    )
    content = sealed(contents.to_bytes(), passphrase, randomness)
    try:
        is_new = create_whole(file, content)
    except OSError as error:
        raise HomeError(
            _("{file} cannot be written: {error}").format(file=file, error=reason_of(error))
        ) from error
    if not is_new:
        raise HomeError(
            _("there is a file {file} already; a backup replaces none").format(file=file),
            _("Name another file."),
        )


def check_one_key(profile: Profile, book: Book) -> None:
    """Raises HomeError, if several keys sign for a wallet: a backup of one could not be restored,
    since it does not take the place of all.
    """
    if profile.is_signer or book.place(profile.number) is not None:
        raise HomeError(
            _("several keys sign for this wallet; a home that is lost is replaced by another one"),
            _("Let another phone in: `wallet signers add CODE`."),
        )


def read_backup(file: Path) -> bytes:
    """A backup's bytes, and no more than one has. Raises HomeError."""
    try:
        with file.open("rb") as source:
            return source.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise HomeError(
            _("{file} cannot be read: {error}").format(file=file, error=reason_of(error))
        ) from error


def restore(
    home: Home,
    banks: Banks,
    open_database: Callable[[], Database],
    open_book: Callable[[], Book],
    file: bytes,
    passphrase: str,
    clock: Clock,
    randomness: Randomness,
) -> Restored:
    """Makes a home of a backup, and puts a new key in the place of the backup's. Nothing is written
    before the backup is verified and the bank says that its key is the wallet's; again after no
    answer, it goes on where it was.

    Raises:
        BackupError: it is no good backup, or the passphrase is wrong.
        Refusal: KEY_REPLACED, the backup's key is not the wallet's any more; HAS_SIGNERS, it is
            not alone; ALREADY_EXISTS, a wallet lives in this home; or by the bank.
        NoAnswer: the same call again is safe.
    """
    contents = Contents.of_bytes(opened(file, passphrase))
    wallet, found = contents.profile, home.profile()
    check_same_stack(wallet.stack, wallet.bank, wallet.bank_address)
    if found is None:
        _check_no_other_key(home, contents.seed)
        _check_in_force(contents, banks, clock)
        home.seal(contents.seed)
        # From here on the home is this wallet's, and orders nothing until it has its own key.
        home.save(replace(wallet, bank_ca=home.put_ca(contents.bank_ca), awaits_key=True))
    elif found != replace(wallet, bank_ca=found.bank_ca, awaits_key=True):
        raise another_lives(home, found)
    keep_merchant(home, contents.merchant)
    put_rows(open_database(), wallet.number, contents.rows)
    restored = replace(wallet, bank_ca=home.put_ca(contents.bank_ca))
    here = _here(restored, home.key(), banks, clock, home)
    if bytes(home.key()) == contents.seed:
        here = _rotated(home, here, randomness, open_book())
    state = here.state()
    home.save(restored)
    return Restored(restored, contents.made_time_ms, state)


def _rotated(home: Home, here: KeyHere, randomness: Randomness, book: Book) -> KeyHere:
    try:
        return rotate_key(home, here, randomness, book)
    except Refusal as refusal:
        if refusal.reason == errors_pb2.REASON_KEY_REPLACED:
            # Another one was first: this home will never be the wallet's.
            home.discard()
        raise


def _check_no_other_key(home: Home, seed: bytes) -> None:
    if home.has_key and bytes(home.key()) != seed:
        raise HomeError(
            _("another key lies in {folder}").format(folder=home.folder),
            _("Restore into another home: --home DIR."),
        )


def _here(profile: Profile, key: SigningKey, banks: Banks, clock: Clock, home: Home) -> KeyHere:
    port = banks.at(profile.bank_address, home.bank_ca(profile), profile.bank)
    return KeyHere(profile.number, profile.bank, key, port, clock, profile.is_signer)


def _check_in_force(contents: Contents, banks: Banks, clock: Clock) -> None:
    """Raises Refusal: KEY_REPLACED, unless the backup's key is the wallet's; HAS_SIGNERS."""
    wallet = contents.profile
    # The bank's certificate is checked against the backup's copy, which is nowhere else yet.
    with tempfile.TemporaryDirectory() as folder:
        ca = Path(folder) / "bank_ca.crt"
        ca.write_bytes(contents.bank_ca)
        port = banks.at(wallet.bank_address, str(ca), wallet.bank)
        here = KeyHere(wallet.number, wallet.bank, SigningKey(contents.seed), port, clock)
        state = here.state()
    if state.state == REPLACED:
        raise replaced(state)
    if state.state != IN_FORCE:
        raise Refusal(errors_pb2.REASON_KEY_REPLACED, _("the backup's key is not the wallet's"))
    check_alone(state)
