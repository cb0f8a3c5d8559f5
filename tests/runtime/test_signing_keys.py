"""Keys of institutions: where they may lie, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from dcep.bank.v1 import orders_pb2
from runtime.envelope import sign_payload, verify
from runtime.pkcs11 import Pkcs11Error, Session
from runtime.settings import SettingsError
from runtime.signing_keys import TokenKeyName, make_token_key, open_key, put_token_key
from tests.softhsm import PIN, SoftHsm

STATEMENT = orders_pb2.Query


def key_file(folder: Path, content: bytes = bytes(32), mode: int = 0o600) -> Path:
    file = folder / "business.key"
    file.write_bytes(content)
    file.chmod(mode)
    return file


def test_a_key_in_a_token_signs_envelopes_that_everybody_verifies(
    token_uri: Callable[[str], str],
) -> None:
    public = make_token_key(token_uri("signs"))
    key = open_key(token_uri("signs"), in_files=False)
    envelope = sign_payload(STATEMENT, b"content", key, b"alpha")
    assert bytes(key.verify_key) == public
    assert verify(STATEMENT, envelope, public) == b"content"


def test_a_key_put_into_a_token_is_the_key_of_its_seed(token_uri: Callable[[str], str]) -> None:
    seed = os.urandom(32)
    public = put_token_key(token_uri("put"), seed)
    assert public == bytes(SigningKey(seed).verify_key)
    key = open_key(token_uri("put"), in_files=False)
    assert key.sign(b"message")[:64] == SigningKey(seed).sign(b"message").signature


def test_a_key_put_into_a_token_does_not_come_out(
    token_uri: Callable[[str], str], softhsm: SoftHsm
) -> None:
    import pkcs11

    put_token_key(token_uri("stays"), os.urandom(32))
    with Session(softhsm.library, softhsm.institution, PIN) as session:
        label = TokenKeyName.parse(token_uri("stays")).label
        ((private, _),) = session.pairs(label)
        with pytest.raises(pkcs11.exceptions.PKCS11Error):
            _ = private[pkcs11.Attribute.VALUE]


def test_two_keys_of_one_token_sign_side_by_side_until_both_are_closed(
    token_uri: Callable[[str], str], softhsm: SoftHsm
) -> None:
    publics = [make_token_key(token_uri(name)) for name in ("one", "two")]
    keys = [open_key(token_uri(name), in_files=False) for name in ("one", "two")]
    assert [bytes(key.verify_key) for key in keys] == publics
    Session(softhsm.library, softhsm.institution, PIN).close()
    for key, public in zip(keys, publics, strict=True):
        assert verify(STATEMENT, sign_payload(STATEMENT, b"still", key, b"a"), public) == b"still"


def test_a_wrong_pin_is_refused_while_another_session_is_open(
    token_uri: Callable[[str], str], softhsm: SoftHsm
) -> None:
    make_token_key(token_uri("guarded"))
    open_key(token_uri("guarded"), in_files=False)
    with pytest.raises(Pkcs11Error, match="cannot be used"):
        Session(softhsm.library, softhsm.institution, "000000")


def test_a_second_key_of_one_name_is_refused(token_uri: Callable[[str], str]) -> None:
    make_token_key(token_uri("once"))
    with pytest.raises(SettingsError, match="has a key '.*once'"):
        make_token_key(token_uri("once"))
    with pytest.raises(SettingsError, match="has a key '.*once'"):
        put_token_key(token_uri("once"), bytes(32))


def test_a_token_without_the_key_is_said(token_uri: Callable[[str], str]) -> None:
    with pytest.raises(SettingsError, match="has 0 keys '.*missing', not one"):
        open_key(token_uri("missing"), in_files=True)


def test_a_key_in_a_file_must_be_allowed_by_the_settings(tmp_path: Path) -> None:
    file = key_file(tmp_path)
    with pytest.raises(SettingsError, match="keys_in_files = true"):
        open_key(str(file), in_files=False)
    assert bytes(open_key(str(file), in_files=True).verify_key) == bytes(
        SigningKey(bytes(32)).verify_key
    )


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602])
def test_a_key_that_others_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(SettingsError, match="others may read the key"):
        open_key(str(key_file(tmp_path, mode=mode)), in_files=True)


@pytest.mark.parametrize("size", [0, 31, 33, 5_000])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, size: int) -> None:
    with pytest.raises(SettingsError, match="a key has 32 bytes"):
        open_key(str(key_file(tmp_path, bytes(size))), in_files=True)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere.key: the key cannot be read"):
        open_key(str(tmp_path / "nowhere.key"), in_files=True)


@pytest.mark.parametrize(
    ("uri", "what"),
    [
        ("pkcs11:", "'' is not one of"),
        ("pkcs11:token=t?module-path=/m&pin-source=p", "object is missing"),
        ("pkcs11:token=t;object=o?module-path=/m", "pin-source is missing"),
        ("pkcs11:token=t;object=?module-path=/m&pin-source=p", "object is missing"),
        ("pkcs11:token=t;token=u;object=o?module-path=/m&pin-source=p", "'token=u' is not"),
        ("pkcs11:token=t;object=o?module-path=/m&pin-value=1234", "'pin-value=1234' is not"),
        ("pkcs11:token=t;object=o;slot-id=1?module-path=/m&pin-source=p", "'slot-id=1' is not"),
    ],
)
def test_a_uri_that_is_not_whole_is_refused(uri: str, what: str) -> None:
    with pytest.raises(SettingsError, match=what):
        open_key(uri, in_files=True)
