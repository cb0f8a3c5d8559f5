"""The file of a backup: nobody alters it, and none makes its reader do more than a backup does."""

from __future__ import annotations

import zlib

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from runtime.randomness import SystemRandomness
from wallet.recovery import format as backup_format
from wallet.recovery.format import (
    MAX_CONTENT_BYTES,
    BackupError,
    WeakPassphrase,
    WrongPassphrase,
    opened,
    sealed,
)

PASSPHRASE = "correct horse battery"
CONTENT = b"what a home has" * 20
HEADER = 44
LOG2_N_AT, R_AT, P_AT, LENGTH_AT = 9, 10, 11, 40


@pytest.fixture(scope="module")
def file() -> bytes:
    """With a scrypt that takes milliseconds."""
    return sealed(CONTENT, PASSPHRASE, SystemRandomness(), log2_n=10)


def altered(file: bytes, place: int, value: int) -> bytes:
    return file[:place] + bytes([value]) + file[place + 1 :]


def test_it_is_opened_by_its_passphrase_alone(file: bytes) -> None:
    assert opened(file, PASSPHRASE) == CONTENT
    assert CONTENT not in file
    for wrong in ("", "correct horse batterz", PASSPHRASE + " ", "x" * 10_000):
        with pytest.raises(WrongPassphrase):
            opened(file, wrong)


def test_a_passphrase_is_the_same_however_its_letters_are_composed() -> None:
    sealed_ = sealed(CONTENT, "caf\u00e9 au lait ici", SystemRandomness(), log2_n=10)
    assert opened(sealed_, "cafe\u0301 au lait ici") == CONTENT


def test_a_file_by_default_takes_what_decision_57_says() -> None:
    made = sealed(CONTENT, PASSPHRASE, SystemRandomness())
    assert tuple(made[8:12]) == (1, 17, 8, 1)
    assert opened(made, PASSPHRASE) == CONTENT


def test_it_is_altered_at_no_byte(file: bytes) -> None:
    for place in range(len(file)):
        for bit in (1, 128):
            with pytest.raises(BackupError):
                opened(altered(file, place, file[place] ^ bit), PASSPHRASE)


def test_it_is_cut_nowhere_and_nothing_hangs_on_it(file: bytes) -> None:
    for length in (*range(0, len(file), 5), len(file) - 1):
        with pytest.raises(BackupError):
            opened(file[:length], PASSPHRASE)
    for more in (b"\0", file):
        with pytest.raises(BackupError):
            opened(file + more, PASSPHRASE)
    shorter = file[:LENGTH_AT] + (len(file) - HEADER - 1).to_bytes(4, "big") + file[HEADER:-1]
    with pytest.raises(WrongPassphrase):
        opened(shorter, PASSPHRASE)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        *((LOG2_N_AT, value) for value in (0, 19, 20, 30, 31, 64, 255)),
        *((R_AT, value) for value in (0, 255)),
        *((P_AT, value) for value in (0, 5, 255)),
    ],
)
def test_nobody_has_its_reader_use_up_the_machine(
    file: bytes, place: int, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused before anything is derived."""

    def never(*_: object, **__: object) -> None:
        raise AssertionError("it was derived")

    monkeypatch.setattr(backup_format, "Scrypt", never)
    wrong = altered(file, place, value)
    if place == R_AT and value:
        wrong = altered(wrong, LOG2_N_AT, 14)
    with pytest.raises(BackupError) as caught:
        opened(wrong, PASSPHRASE)
    assert not isinstance(caught.value, WrongPassphrase)


def test_what_unpacks_to_more_than_a_home_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever knows the passphrase may have made a small file of a very large content."""
    monkeypatch.setattr(backup_format, "MAX_CONTENT_BYTES", 1_000)
    bomb = _sealed_packed(zlib.compress(bytes(1_001)))
    with pytest.raises(BackupError, match="more in this backup"):
        opened(bomb, PASSPHRASE)
    assert opened(_sealed_packed(zlib.compress(bytes(1_000))), PASSPHRASE) == bytes(1_000)
    for nonsense in (b"", b"no zlib", zlib.compress(b"x") + b"more", zlib.compress(b"x")[:-1]):
        with pytest.raises(BackupError):
            opened(_sealed_packed(nonsense), PASSPHRASE)
    assert MAX_CONTENT_BYTES > 1_000


def _sealed_packed(packed: bytes) -> bytes:
    """A file whose content somebody has packed by hand."""
    salt, nonce = bytes(16), bytes(12)
    length = len(packed) + 16
    header = b"DCEPBKUP" + bytes([1, 10, 8, 1]) + salt + nonce + length.to_bytes(4, "big")
    words = PASSPHRASE.encode()
    key = Scrypt(salt=salt, length=32, n=1 << 10, r=8, p=1).derive(words)
    return header + ChaCha20Poly1305(key).encrypt(nonce, packed, header)


@pytest.mark.parametrize("passphrase", ["", "123456", "x" * 1_001])
def test_a_passphrase_that_is_guessed_at_once_seals_nothing(passphrase: str) -> None:
    with pytest.raises(WeakPassphrase):
        sealed(CONTENT, passphrase, SystemRandomness(), log2_n=10)
