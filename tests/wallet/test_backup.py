"""A home in one file, and a home of it: with a new key at once, and without its offline money."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import NoAnswer
from tests.refusals import refused_for
from tests.wallet.apps import ALPHA, MakeApp
from tests.wallet.fake_bank import FakeBank
from wallet.app import App, NotYetIts
from wallet.home.home import HomeError
from wallet.home.merchant import Merchant, keep_merchant, merchant_of
from wallet.recovery import backup
from wallet.recovery.contents import Contents
from wallet.recovery.format import BackupError, WrongPassphrase, opened, sealed
from wallet.recovery.rotating import rotate_key

PASSPHRASE = "correct horse battery"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scrypt that takes milliseconds."""
    monkeypatch.setattr(backup, "sealed", lambda *args: sealed(*args, log2_n=10))


@pytest.fixture
def alice(make_app: MakeApp) -> App:
    home = make_app("alice")
    home.holder().top_up(10_000)
    keep_merchant(home.home, Merchant("SHOP", "BEIJING", "店", "北京"))
    return home


@pytest.fixture
def file(alice: App, tmp_path: Path) -> bytes:
    alice.back_up(tmp_path / "backup", PASSPHRASE)
    return (tmp_path / "backup").read_bytes()


@pytest.fixture
def new(make_app: MakeApp) -> App:
    return make_app("new", opened=False)


def test_a_home_of_a_backup_goes_on_and_the_old_one_does_not(
    alice: App, new: App, file: bytes, bank: FakeBank, make_app: MakeApp
) -> None:
    bob = make_app("bob").profile().number
    done = new.restore(file, PASSPHRASE)
    assert done.profile == new.profile() and done.profile.number == alice.profile().number
    assert bytes(new.home.key()) != bytes(alice.home.key())
    assert merchant_of(new.home) == merchant_of(alice.home)
    assert new.holder().pay(bob, 100).order.sequence == (1 << 40) + 1
    assert refused_for(alice.holder().pay, bob, 100) == "KEY_REPLACED"
    assert bank.accounts[bob].available_fen == 100
    assert (new.home.folder / "wallet.key").stat().st_mode & 0o077 == 0
    assert not list(new.home.folder.glob("device*"))


def test_the_old_home_pays_until_the_new_one_is_there(
    alice: App, new: App, file: bytes, bank: FakeBank, make_app: MakeApp
) -> None:
    """No sequence is used twice: what the old one pays after the backup is not in the backup."""
    bob = make_app("bob").profile().number
    old = [alice.holder().pay(bob, 1).order.sequence for _ in range(3)]
    new.restore(file, PASSPHRASE)
    sequences = old + [new.holder().pay(bob, 1).order.sequence for _ in range(3)]
    assert len(set(sequences)) == 6
    assert new.holder().show().available_fen == 9_994


def test_of_two_restores_of_one_backup_the_first_has_the_wallet(
    alice: App, new: App, file: bytes, make_app: MakeApp
) -> None:
    new.restore(file, PASSPHRASE)
    second = make_app("second", opened=False)
    assert refused_for(second.restore, file, PASSPHRASE) == "KEY_REPLACED"
    assert second.home.profile() is None and not second.home.has_key
    assert new.holder().show().available_fen == 10_000


def test_of_two_restores_at_once_the_later_leaves_no_home(
    alice: App, new: App, file: bytes, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one comes between its look at the bank and its own order."""
    second, rotate = make_app("second", opened=False), rotate_key

    def later(*args: Any) -> Any:
        monkeypatch.setattr(backup, "rotate_key", rotate)
        second.restore(file, PASSPHRASE)
        return rotate(*args)

    monkeypatch.setattr(backup, "rotate_key", later)
    assert refused_for(new.restore, file, PASSPHRASE) == "KEY_REPLACED"
    assert new.home.profile() is None and not new.home.has_key
    assert second.holder().show().available_fen == 10_000


def test_a_backup_of_before_another_key_opens_nothing(alice: App, new: App, file: bytes) -> None:
    alice.rotate_key()
    assert refused_for(new.restore, file, PASSPHRASE) == "KEY_REPLACED"
    assert not new.home.folder.exists()


def test_a_restore_that_was_cut_short_goes_on(
    alice: App, new: App, file: bytes, bank: FakeBank, make_app: MakeApp
) -> None:
    bank.rotations_lost = 1
    with pytest.raises(NoAnswer):
        new.restore(file, PASSPHRASE)
    with pytest.raises(NotYetIts):
        new.profile()  # nothing is ordered by the key of before
    assert refused_for(new.open, ALPHA, holder_name="other") == "ALREADY_EXISTS"
    done = make_app("new", opened=False).restore(file, PASSPHRASE)
    assert done.profile.opened
    assert new.holder().show().available_fen == 10_000
    # Once it has a wallet, nothing is restored over it.
    assert refused_for(new.restore, file, PASSPHRASE) == "ALREADY_EXISTS"


@pytest.mark.parametrize("where", ["rotate_key", "put_rows", "keep_merchant"])
def test_a_restore_that_crashed_anywhere_goes_on(
    alice: App,
    new: App,
    file: bytes,
    make_app: MakeApp,
    where: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(backup, where, lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            new.restore(file, PASSPHRASE)
    again = make_app("new", opened=False)
    assert again.restore(file, PASSPHRASE).profile.opened
    assert again.holder().show().available_fen == 10_000


def test_nothing_is_written_of_a_file_that_is_no_good_backup(
    new: App, file: bytes, bank: FakeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(WrongPassphrase):
        new.restore(file, "another one here")
    with pytest.raises(BackupError):
        new.restore(file[:-1], PASSPHRASE)

    def silent(_query: Any) -> Any:
        raise NoAnswer("nobody there")

    monkeypatch.setattr(bank, "get_key", silent)
    with pytest.raises(NoAnswer):
        new.restore(file, PASSPHRASE)
    assert not new.home.folder.exists()


def changed(file: bytes, **values: Any) -> bytes:
    """The same backup with another content, by whoever knows the passphrase."""
    from runtime.randomness import SystemRandomness

    said = json.loads(opened(file, PASSPHRASE)) | values
    return sealed(json.dumps(said).encode(), PASSPHRASE, SystemRandomness(), log2_n=10)


@pytest.mark.parametrize(
    "values",
    [
        {"format": 2}, {"seed": ""}, {"seed": "zz"}, {"seed": 5}, {"profile": {}}, {"profile": []},
        {"rows": []}, {"rows": {"sequences": [{}], "orders": [], "payrolls": []}},
        {"bank_ca": None}, {"merchant": {"name": 5}}, {"merchant": {"other": ""}},
        {"made_time_ms": "soon"},
    ],
)  # fmt: skip
def test_a_content_that_no_backup_has_writes_nothing(
    alice: App, new: App, file: bytes, values: dict[str, Any]
) -> None:
    with pytest.raises(BackupError):
        new.restore(changed(file, **values), PASSPHRASE)
    assert not new.home.folder.exists()


def test_rows_of_another_wallet_or_of_another_type_write_nothing(
    alice: App, new: App, file: bytes
) -> None:
    said = json.loads(opened(file, PASSPHRASE))
    for column, wrong in (("number", "6201000000000020"), ("sequence", "1"), ("heard", 1)):
        rows = {**said["rows"], "orders": [{**said["rows"]["orders"][0], column: wrong}]}
        with pytest.raises(BackupError):
            new.restore(changed(file, rows=rows), PASSPHRASE)
    profile = {**said["profile"], "number": "6201000000000013"}
    with pytest.raises(BackupError):
        new.restore(changed(file, profile=profile), PASSPHRASE)
    assert not new.home.folder.exists()


def test_what_was_ordered_is_in_the_new_home(
    alice: App, new: App, bank: FakeBank, make_app: MakeApp, tmp_path: Path
) -> None:
    """A payment without an answer is looked up there; a program's id is still taken."""
    bob = make_app("bob").profile().number
    alice.holder().pay(bob, 5, request_id="r-1")
    bank.mute_after = 1
    with pytest.raises(NoAnswer):
        alice.holder().pay(bob, 100)
    alice.back_up(tmp_path / "later", PASSPHRASE)
    new.restore((tmp_path / "later").read_bytes(), PASSPHRASE)
    assert new.holder().pay(bob, 5, request_id="r-1").resent
    assert new.holder().pay(bob, 100).resent
    assert bank.accounts[bob].available_fen == 105


def test_a_home_with_a_key_or_a_wallet_takes_no_backup(
    alice: App, file: bytes, make_app: MakeApp, new: App
) -> None:
    bob = make_app("bob")
    assert refused_for(bob.restore, file, PASSPHRASE) == "ALREADY_EXISTS"
    new.home.seal(b"\x07" * 32)
    with pytest.raises(HomeError, match="another key lies"):
        new.restore(file, PASSPHRASE)
    assert new.home.profile() is None


def test_a_backup_replaces_no_file_and_waits_for_a_key_on_its_way(
    alice: App, bank: FakeBank, tmp_path: Path
) -> None:
    (tmp_path / "there").write_bytes(b"mine")
    with pytest.raises(HomeError, match="already"):
        alice.back_up(tmp_path / "there", PASSPHRASE)
    assert (tmp_path / "there").read_bytes() == b"mine"
    with pytest.raises(HomeError, match="cannot be written"):
        alice.back_up(tmp_path / "no" / "folder", PASSPHRASE)
    bank.rotations_lost = 1
    with pytest.raises(NoAnswer):
        alice.rotate_key()
    with pytest.raises(HomeError, match="on its way"):
        alice.back_up(tmp_path / "fresh", PASSPHRASE)
    alice.rotate_key()
    alice.back_up(tmp_path / "fresh", PASSPHRASE)
    assert (tmp_path / "fresh").stat().st_mode & 0o077 == 0


def test_neither_the_key_nor_a_name_is_to_be_read_in_a_backup(alice: App, file: bytes) -> None:
    contents = Contents.of_bytes(opened(file, PASSPHRASE))
    assert contents.seed == bytes(alice.home.key())
    assert contents.seed not in file and b"alice" not in file
    assert repr(contents.seed) not in repr(contents)
