"""A sealed file opens with its passphrase, under its name, whole and unchanged; else not at all."""

from __future__ import annotations

import io

import pytest

from sandbox.backup.refused import BackupRefused
from sandbox.backup.sealing import PIECE_BYTES, SALT_BYTES, Keys, keys_of, sealed, unsealed

KEYS = Keys(b"k" * 32, b"s" * 32)
TAG_BYTES = 16


def seal(content: bytes, name: str = "alpha/database") -> bytes:
    return b"".join(sealed(io.BytesIO(content), KEYS, name))


def open_again(content: bytes, keys: Keys = KEYS, name: str = "alpha/database") -> bytes:
    return b"".join(unsealed(io.BytesIO(content), keys, name))


@pytest.mark.parametrize(
    "size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES, 2_500_000]
)
def test_what_was_sealed_comes_back_byte_for_byte(size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    content = content[:size]
    closed = seal(content)
    assert open_again(closed) == content
    assert content[:64] not in closed or size < 8


def test_one_turned_bit_anywhere_is_noticed() -> None:
    closed = seal(b"x" * (PIECE_BYTES + 100))
    for at in (0, SALT_BYTES - 1, SALT_BYTES, PIECE_BYTES // 2, len(closed) - 120, len(closed) - 1):
        changed = bytearray(closed)
        changed[at] ^= 1
        with pytest.raises(BackupRefused, match="was changed"):
            open_again(bytes(changed))


@pytest.mark.parametrize("left_out", ["last piece", "first piece", "half a piece", "all", "salt"])
def test_a_file_that_was_cut_is_noticed(left_out: str) -> None:
    closed = seal(b"x" * (3 * PIECE_BYTES))
    piece = PIECE_BYTES + TAG_BYTES
    cut = {
        "last piece": closed[: SALT_BYTES + 2 * piece],
        "first piece": closed[:SALT_BYTES] + closed[SALT_BYTES + piece :],
        "half a piece": closed[: -piece // 2],
        "all": closed[:SALT_BYTES],
        "salt": b"",
    }[left_out]
    with pytest.raises(BackupRefused, match="was changed"):
        open_again(cut)


def test_pieces_that_changed_places_are_noticed() -> None:
    closed = seal(b"a" * PIECE_BYTES + b"b" * PIECE_BYTES + b"c")
    piece = PIECE_BYTES + TAG_BYTES
    first, second = closed[SALT_BYTES:][:piece], closed[SALT_BYTES + piece :][:piece]
    mixed = closed[:SALT_BYTES] + second + first + closed[SALT_BYTES + 2 * piece :]
    with pytest.raises(BackupRefused, match="was changed"):
        open_again(mixed)


def test_a_file_does_not_pass_for_another_one_of_the_same_copy() -> None:
    closed = seal(b"beta's", "beta/database")
    with pytest.raises(BackupRefused, match="alpha/database was changed"):
        open_again(closed, name="alpha/database")


def test_no_two_files_are_sealed_alike() -> None:
    assert seal(b"the same") != seal(b"the same")


def test_keys_depend_on_the_passphrase_and_on_the_copy_and_not_on_how_it_is_typed() -> None:
    salt = b"1" * SALT_BYTES
    mine = keys_of("correct horse battery", salt)
    assert mine == keys_of("correct horse battery", salt)
    assert mine != keys_of("correct horse Battery", salt)
    assert mine != keys_of("correct horse battery", b"2" * SALT_BYTES)
    assert keys_of("pa\u0301ssword is long", salt) == keys_of("p\u00e1ssword is long", salt)


def test_a_passphrase_that_is_soon_guessed_is_refused() -> None:
    with pytest.raises(BackupRefused, match="at least 12 characters"):
        keys_of("short", b"1" * SALT_BYTES)
