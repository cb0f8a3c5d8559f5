"""A key in a file is replaced while a service signs with it."""

from __future__ import annotations

from pathlib import Path

import pytest
import structlog
from nacl.signing import SigningKey

from runtime.renewing_key import RenewingKey
from runtime.settings import SettingsError

OLD, NEW = SigningKey(b"\x01" * 32), SigningKey(b"\x02" * 32)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    made = tmp_path / "business.key"
    put(made, bytes(OLD))
    return made


def put(file: Path, content: bytes, mode: int = 0o600) -> None:
    """Replaces a file in one step."""
    fresh = file.with_suffix(".fresh")
    fresh.write_bytes(content)
    fresh.chmod(mode)
    fresh.replace(file)


def signs_as(key: RenewingKey, other: SigningKey) -> bool:
    same = bytes(key.verify_key) == bytes(other.verify_key)
    return same and key.sign(b"text")[:64] == other.sign(b"text")[:64]


def test_the_next_signature_is_the_new_keys(file: Path) -> None:
    key = RenewingKey(str(file), in_files=True)
    assert signs_as(key, OLD)
    before = key.latest()
    put(file, bytes(NEW))
    assert signs_as(key, NEW)
    # Whoever asked before goes on with one key, public and private half.
    assert before.sign(b"text")[:64] == OLD.sign(b"text")[:64]


@pytest.mark.parametrize(("content", "mode"), [(b"\x02" * 31, 0o600), (bytes(NEW), 0o644)])
def test_a_key_that_is_no_good_is_not_taken_and_one_that_is_later_is(
    file: Path, content: bytes, mode: int
) -> None:
    key = RenewingKey(str(file), in_files=True)
    put(file, content, mode)
    assert signs_as(key, OLD)
    file.unlink()
    assert signs_as(key, OLD)
    put(file, bytes(NEW))
    assert signs_as(key, NEW)


def test_a_service_does_not_begin_without_a_good_key(file: Path) -> None:
    put(file, b"short")
    with pytest.raises(SettingsError):
        RenewingKey(str(file), in_files=True)
    with pytest.raises(SettingsError):
        RenewingKey(str(file), in_files=False)
