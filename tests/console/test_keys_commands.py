"""``dcep keys``: what a bank's engineer types to renew a certificate."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from nacl.signing import SigningKey

from console.cli import keys
from runtime.envelope import possessed
from runtime.own_certificate import OwnCertificate, TlsFiles
from sandbox.stack.supervisor import init
from tests.integration.commands import dcep


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stack that was never started."""
    path = tmp_path_factory.mktemp("keys") / "stack"
    init(path)
    return path


def test_the_list_names_every_certificate_with_its_days(folder: Path) -> None:
    done = dcep("keys", "list", "--json", "--stack", str(folder))
    found = {one["role"]: one["days_left"] for one in done.answer["certificates"]}
    banks = {"bank/alpha", "bank/beta"}
    assert {"root", "central-bank/central-bank", *banks} < set(found)
    assert any(role.startswith("officer/central-bank/") for role in found)
    assert all(820 < days < 830 for role, days in found.items() if role != "root")


def test_a_bank_asks_and_the_authority_certifies_and_the_bank_uses_it(
    folder: Path, tmp_path: Path
) -> None:
    asked, key, certificate = tmp_path / "alpha.csr", tmp_path / "new.key", tmp_path / "new.crt"
    words = ["--out", str(asked), "--key", str(key), "--json"]
    assert dcep("keys", "request", "bank/alpha", *words).code == 0
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    root = folder / "root"
    done = dcep(
        "keys", "certify", "bank/alpha", str(asked), "--root", str(root / "ca.crt"),
        "--key", str(root / "ca.key"), "--out", str(certificate), "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    files = TlsFiles(certificate, key, root / "ca.crt")
    assert 820 < OwnCertificate(files).days_left() < 830


def test_a_certificate_is_not_made_for_what_is_no_role(folder: Path, tmp_path: Path) -> None:
    asked, key = tmp_path / "a.csr", tmp_path / "a.key"
    assert dcep("keys", "request", "bank/Alpha", "--out", str(asked), "--key", str(key)).code == 0
    root = folder / "root"
    done = dcep(
        "keys", "certify", "bank/Alpha", str(asked), "--root", str(root / "ca.crt"),
        "--key", str(root / "ca.key"), "--out", str(tmp_path / "a.crt"), "--json",
    )  # fmt: skip
    assert (done.code, done.answer["reason"]) == (1, "KEY_REFUSED")
    assert not (tmp_path / "a.crt").exists()


def test_no_key_is_written_over(tmp_path: Path) -> None:
    key = tmp_path / "a.key"
    key.write_bytes(b"the old one")
    done = dcep(
        "keys", "request", "bank/alpha", "--out", str(tmp_path / "a.csr"), "--key", str(key),
        "--json",
    )  # fmt: skip
    assert (done.code, done.answer["reason"]) == (2, "FILE_EXISTS")
    assert key.read_bytes() == b"the old one" and not (tmp_path / "a.csr").exists()


def test_keys_and_an_authority_are_made_in_a_token(
    token_uri: Callable[[str], str], tmp_path: Path
) -> None:
    made = dcep("keys", "make", token_uri("business"), "--json")
    assert made.code == 0, made.err
    root = tmp_path / "root.crt"
    done = dcep("keys", "authority", token_uri("authority"), "--out", str(root), "--json")
    assert done.code == 0, done.err
    asked, key, leaf = tmp_path / "a.csr", tmp_path / "a.key", tmp_path / "a.crt"
    dcep("keys", "request", "bank/alpha", "--out", str(asked), "--key", str(key))
    done = dcep(
        "keys", "certify", "bank/alpha", str(asked), "--root", str(root),
        "--key", token_uri("authority"), "--out", str(leaf), "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    certificate = x509.load_pem_x509_certificate(leaf.read_bytes())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(root.read_bytes()))
    again = dcep("keys", "make", token_uri("business"), "--json")
    assert (again.code, again.answer["reason"]) == (1, "KEY_REFUSED")
    assert len(made.answer["public_key"]) == 64


def test_a_bank_proves_a_key_that_officers_are_to_register(folder: Path) -> None:
    (key,) = folder.rglob("alpha/business.key")
    done = dcep("keys", "prove", "alpha", str(key), "--json")
    assert done.code == 0, done.err
    public, proof = (bytes.fromhex(done.answer[name]) for name in ("public_key", "proof"))
    assert public == bytes(SigningKey(key.read_bytes()).verify_key)
    assert possessed(public, "alpha", proof)
    assert not possessed(public, "beta", proof)


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_a_key_is_shown_whole_on_any_terminal(
    folder: Path, columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"party": "alpha", "kind": "business key", "value": "ab" * 32,
           "revoked": True, "until_time_ms": 0}  # fmt: skip
    monkeypatch.setattr(keys, "registered_at", lambda _: [row])
    monkeypatch.setenv("COLUMNS", columns)
    keys.list_command(folder)
    said = capsys.readouterr().out
    assert "ab" * 32 in "".join(said.split()) and "…" not in said
