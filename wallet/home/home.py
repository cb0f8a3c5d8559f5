"""Keeps a wallet's home folder: its key, profile, database and device."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from language import N_, _
from runtime.ed25519 import SEED_BYTES
from runtime.files import create_whole, flush_folder, write_whole
from runtime.output import reason_of
from runtime.private import make_private

if TYPE_CHECKING:
    from nacl.signing import SigningKey

_BANK_CA = "bank_ca.crt"
KEYS_BEFORE = 16
"""Keys of before that a home keeps."""


class HomeError(Exception):
    """The home folder cannot be used; the message says why and what to do.

    Attributes:
        reason: for programs.
        following: what can be done next, in English.
        refused: nothing is wrong with what was typed.
    """

    reason = "HOME"
    refused = False
    following = N_(
        "Put this right and repeat, or use another home: --home DIR. What is at the bank stays "
        "there."
    )

    def __init__(self, message: str, following: str = "") -> None:
        super().__init__(message)
        if following:
            self.following = following


CLOSE_IT = N_(
    "Then repeat. If somebody else may have read it, take the money out at once: `wallet cashout "
    "AMOUNT`."
)


@dataclass(frozen=True)
class Profile:
    """Which wallet lives here.

    Attributes:
        request_id: the id of the request that opens the wallet, so that repeating it opens no
            second one.
        bank_ca: name in the home of the PEM file that the bank's TLS certificate is checked
            against.
        number: "" while the bank has not answered yet.
        offline_root: the central bank's key for offline money, hex.
        stack: folder of the stack that it was opened at; "" if there was none.
        is_signer: the key here came into the wallet's list of signers; the bank finds it by its own
            name, and not by the wallet's number alone.
        awaits_key: the key here is not the wallet's yet; its holder has asked the bank for that.
        tops_up: payments take what the wallet lacks from the deposit account.
        ends_time_ms: of a sub-wallet, when it ends, as far as this home knows; 0: it is none.
    """

    request_id: str
    bank_address: str
    offline_root: str
    holder_name: str
    phone: str
    bank_ca: str = ""
    number: str = ""
    bank: str = ""
    wallet_class: str = ""
    stack: str = ""
    awaits_key: bool = False
    is_signer: bool = False
    document: str = ""
    document_kind: str = ""
    bank_account: str = ""
    tops_up: bool = False
    ends_time_ms: int = 0

    @property
    def opened(self) -> bool:
        """Whether the bank has given a number, and knows the key here."""
        return bool(self.number) and not self.awaits_key


class Home:
    """The home folder; it is made, readable by its owner only, when something is first written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._profile = self.folder / "wallet.json"
        self._seed = self.folder / "wallet.key"
        self._next_seed = self.folder / "wallet.key.next"
        self._before = self.folder / "wallet.keys.before"
        self._recovery = self.folder / "recovery.pub"

    @property
    def database_url(self) -> str:
        """Where the order book is, unless settings say otherwise."""
        return f"sqlite:///{self.folder / 'wallet.db'}"

    def make(self) -> None:
        """Makes the folder, or closes an existing one to others. Raises HomeError."""
        try:
            make_private(self.folder)
        except OSError as error:
            raise HomeError(
                _("{folder} cannot be the wallet's home: {error}").format(
                    folder=self.folder, error=reason_of(error)
                )
            ) from error

    def profile(self) -> Profile | None:
        """The wallet that lives here, or None. Raises HomeError."""
        try:
            return Profile(**json.loads(self._profile.read_text()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, RecursionError) as error:
            why = reason_of(error)
            raise HomeError(
                _("{profile} cannot be read: {error}").format(profile=self._profile, error=why)
            ) from error

    def save(self, profile: Profile) -> None:
        """Writes the profile, whole."""
        self.make()
        text = json.dumps(asdict(profile), ensure_ascii=False, indent=2) + "\n"
        write_whole(self._profile, text.encode())

    def keep_ca(self, file: str) -> str:
        """Keeps a copy of the certificate that the bank's is checked against; returns the copy's
        name.

        Raises HomeError if the certificate cannot be read.
        """
        try:
            content = Path(file).read_bytes()
        except OSError as error:
            raise HomeError(
                _(
                    "the certificate that the bank is checked against, {file!r}, cannot be "
                    "read: {error}"
                ).format(file=file, error=reason_of(error))
            ) from error
        return self.put_ca(content)

    def put_ca(self, content: bytes) -> str:
        """Keeps a certificate that the bank's is checked against; returns its name here."""
        self.make()
        write_whole(self.folder / _BANK_CA, content)
        return _BANK_CA

    def bank_ca(self, profile: Profile) -> str:
        """The file that the bank's certificate is checked against."""
        return str(self.folder / profile.bank_ca)

    def forget(self) -> None:
        """Removes the profile of a wallet that the bank refused to open; the key stays."""
        self._profile.unlink(missing_ok=True)

    def discard(self) -> None:
        """Removes the profile, and keys that the bank has said will never be a wallet's."""
        self.forget()
        self._seed.unlink(missing_ok=True)
        self._next_seed.unlink(missing_ok=True)
        self._before.unlink(missing_ok=True)

    def seal(self, seed: bytes) -> None:
        """Keeps the seed of a new key, unless there is a key already: a key is never
        overwritten.
        """
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a seed has {SEED_BYTES} bytes")
        self.make()
        create_whole(self._seed, seed)

    def key(self) -> SigningKey:
        """The wallet's signing key. Raises HomeError when it is missing or others may read it."""
        return _key_in(self._seed)

    def seal_next(self, seed: bytes) -> SigningKey:
        """Keeps the seed of a key that is to take this one's place, unless one is kept already;
        returns the one that is kept. It is never thrown away: the bank may have it by now.
        """
        create_whole(self._next_seed, seed)
        return _key_in(self._next_seed)

    @property
    def has_key(self) -> bool:
        """Whether there is a key here, whatever it is worth."""
        return self._seed.exists()

    @property
    def has_next(self) -> bool:
        """Whether a key is kept that is to take this one's place."""
        return self._next_seed.exists()

    def take_next(self) -> None:
        """Puts the kept key in this one's place, which becomes one of those before it."""
        seeds = [bytes(key) for key in reversed(self.keys_before())]
        write_whole(self._before, b"".join([*seeds, bytes(self.key())][-KEYS_BEFORE:]))
        os.replace(self._next_seed, self._seed)
        flush_folder(self.folder)

    def keys_before(self) -> list[SigningKey]:
        """The keys that were here before, the newest first. Nothing that they sign counts, but at a
        bank that an older copy of its database has made forget the ones after them.
        """
        from nacl.signing import SigningKey

        try:
            seeds = self._before.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise HomeError(
                _("{seed} cannot be read: {error}").format(
                    seed=self._before, error=reason_of(error)
                )
            ) from error
        found = [seeds[at : at + SEED_BYTES] for at in range(0, len(seeds), SEED_BYTES)]
        return [SigningKey(seed) for seed in reversed(found) if len(seed) == SEED_BYTES]

    def recovery_key(self, bank: str) -> bytes:
        """The public half of a phrase that was shown to the holder for a bank, and that the bank
        may not know yet; b"" for none.
        """
        try:
            of_bank, _space, key = self._recovery.read_text().partition(" ")
            return bytes.fromhex(key) if of_bank == bank else b""
        except FileNotFoundError:
            return b""
        except (OSError, ValueError) as error:
            raise HomeError(
                _("{profile} cannot be read: {error}").format(
                    profile=self._recovery, error=reason_of(error)
                )
            ) from error

    def keep_recovery_key(self, bank: str, key: bytes) -> None:
        """Keeps it until the bank has it; the phrase itself is kept nowhere."""
        self.make()
        write_whole(self._recovery, f"{bank} {key.hex()}".encode())

    def drop_recovery_key(self) -> None:
        """The bank has it."""
        self._recovery.unlink(missing_ok=True)


def _key_in(file: Path) -> SigningKey:
    from nacl.signing import SigningKey

    try:
        mode = stat.S_IMODE(os.stat(file).st_mode)
        seed = file.read_bytes()
    except OSError as error:
        raise HomeError(
            _("{seed} cannot be read: {error}").format(seed=file, error=reason_of(error))
        ) from error
    if mode & 0o077:
        raise HomeError(_("{seed} can be read by others; chmod 600 it").format(seed=file), CLOSE_IT)
    if len(seed) != SEED_BYTES:
        raise HomeError(_("{seed} is not a wallet's key").format(seed=file))
    return SigningKey(seed)
