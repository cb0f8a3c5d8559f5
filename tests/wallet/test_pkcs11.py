"""The device's key in a token, with SoftHSM2 as the token."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from offline_token.signing import verified
from runtime.clock import ManualClock
from runtime.errors import Refusal
from runtime.randomness import SeededRandomness
from tests.offline.country import NOW, Country
from tests.offline.purses import FailingStore, Purse, pay, purse
from wallet.secure_element.element import SecureElement
from wallet.secure_element.pkcs11 import Pkcs11Error, Pkcs11Settings, Pkcs11Signer

PIN = "123456"
USUAL = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)


def library() -> str:
    """SoftHSM2, or "" when it is not here."""
    places = (os.environ.get("SOFTHSM2_LIB", ""), *USUAL)
    found = [place for place in places if place and Path(place).exists()]
    return found[0] if found and shutil.which("softhsm2-util") else ""


pytestmark = pytest.mark.skipif(
    not library(), reason="SoftHSM2 is not here: apt-get install softhsm2 (or set SOFTHSM2_LIB)"
)


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pkcs11Settings]:
    """A fresh token. The library reads its folder once in a process, hence one for the module."""
    pytest.importorskip("pkcs11", reason="pip install python-pkcs11")
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\n")
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    words = ["softhsm2-util", "--init-token", "--free", "--label", "dcep"]
    subprocess.run([*words, "--so-pin", PIN, "--pin", PIN], check=True, capture_output=True)
    yield Pkcs11Settings(library(), "dcep", PIN)
    if before is None:
        del os.environ["SOFTHSM2_CONF"]
    else:
        os.environ["SOFTHSM2_CONF"] = before


@pytest.fixture
def signer(token: Pkcs11Settings) -> Iterator[Pkcs11Signer]:
    made = Pkcs11Signer(token)
    yield made
    made.close()


def test_the_token_signs_as_everybody_verifies(signer: Pkcs11Signer) -> None:
    assert len(signer.public_key()) == 32
    for message in (b"", b"x", bytes(1_000)):
        signature = signer.sign(message)
        assert verified(signer.public_key(), message, signature)
        assert not verified(signer.public_key(), message + b"!", signature)


def test_the_key_is_made_once_and_cannot_be_read(signer: Pkcs11Signer) -> None:
    import pkcs11

    key = signer._private
    assert key[pkcs11.Attribute.SENSITIVE] and not key[pkcs11.Attribute.EXTRACTABLE]
    with pytest.raises(pkcs11.exceptions.PKCS11Error):
        _ = key[pkcs11.Attribute.VALUE]


def test_a_device_pays_and_is_paid_with_a_key_in_the_token(signer: Pkcs11Signer) -> None:
    country = Country()
    store, clock, chance = FailingStore(bytes(32)), ManualClock(NOW), SeededRandomness(9)
    element = SecureElement(store, clock, chance, signer=signer)
    carded = Purse(element, store, clock, chance)
    certificate = country.certify(element.public_key(), "alpha")
    element.certify(certificate.encode(), country.bank_certificate("alpha").encode())
    element.trust(country.root_public + country.bundle().encode())
    element.load([country.mint(element.public_key(), 100).token.encode()])
    bob = purse(country, "bob")
    pay(carded, bob, 70)
    pay(bob, carded, 20)
    assert (carded.balance, bob.balance) == (50, 50)
    other = SecureElement(store, clock, chance)
    with pytest.raises(Refusal, match="key at hand"):
        other.pay(bob.element.request(1))


def test_a_token_that_cannot_be_used_is_said(token: Pkcs11Settings) -> None:
    for settings in (
        Pkcs11Settings(token.library, "nobody's", PIN),
        Pkcs11Settings(token.library, token.token, "000000"),
        Pkcs11Settings("/nowhere/lib.so", token.token, PIN),
    ):
        with pytest.raises(Pkcs11Error, match="cannot be used"):
            Pkcs11Signer(settings)


def test_a_wallet_uses_the_token_that_the_environment_names(
    token: Pkcs11Settings, tmp_path: Path
) -> None:
    """In processes of their own, as commands are: the key stays the same."""
    code = (
        "from wallet.secure_element.pkcs11 import *\n"
        "print(Pkcs11Signer(Pkcs11Settings.from_environment()).public_key().hex())"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "DCEP_PKCS11_LIBRARY": token.library,
        "DCEP_PKCS11_PIN": PIN,
    }
    keys = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for _ in range(2)
    }
    assert len(keys) == 1 and len(keys.pop()) == 64
