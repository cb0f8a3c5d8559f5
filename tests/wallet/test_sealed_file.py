"""The sealed state: unreadable without its key, noticed when it is old, and behind a PIN."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from dcep.wallet.v1 import wallet_pb2
from runtime.errors import Refusal
from runtime.randomness import SystemRandomness
from tests.wallet.apps import MakeApp
from tests.wallet.cut_disk import CutDisk, PowerCut
from tests.wallet.fake_bank import FakeBank
from tests.wallet.sealed_files import FILES, copied, count, opened, put_back, tried
from tests.wallet.shell import Cli
from wallet.api.wallet import GrpcWallet
from wallet.home.home import HomeError
from wallet.secure_element import sealing
from wallet.secure_element.device_errors import DeviceError, PinError, RolledBack
from wallet.secure_element.limits import MAX_PIN_TRIES
from wallet.secure_element.signer import seed_key
from wallet.secure_element.state import ElementState


def test_the_state_comes_back_and_nothing_in_it_can_be_read(tmp_path: Path) -> None:
    store = opened(tmp_path)
    seed = SystemRandomness().bytes(32).hex()
    store.change(lambda state: state.keys.append(seed_key(bytes.fromhex(seed))))
    assert [count(store) for _ in range(3)] == [1, 2, 3]
    again = opened(tmp_path).read()
    assert ([key.seed for key in again.keys], again.clock_ms) == ([seed], 3)
    for name in FILES:
        data = (tmp_path / name).read_bytes()
        assert seed.encode() not in data and bytes.fromhex(seed) not in data
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


def test_a_change_that_raises_changes_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path)
    count(store)
    before = copied(tmp_path, *FILES)

    def body(state: ElementState) -> None:
        state.clock_ms = 99
        raise ValueError

    with pytest.raises(ValueError):
        store.change(body)
    assert copied(tmp_path, *FILES) == before


def test_an_old_copy_of_the_state_alone_is_refused(tmp_path: Path) -> None:
    store = opened(tmp_path)
    count(store)
    old = copied(tmp_path, "device.sealed", "device.log")
    count(store)
    put_back(tmp_path, old)
    for _ in range(2):
        with pytest.raises(RolledBack, match="old copy was put back"):
            opened(tmp_path).read()
        with pytest.raises(RolledBack):
            count(store)


def test_a_copy_of_all_goes_through_and_only_a_deposit_shows_it(tmp_path: Path) -> None:
    store = opened(tmp_path)
    count(store)
    old = copied(tmp_path, "device.sealed", "device.log", "device.mark")
    assert count(store) == 2
    put_back(tmp_path, old)
    assert count(opened(tmp_path)) == 2


@pytest.mark.parametrize("lost", ["device.mark", "device.sealed", "device.log"])
def test_a_lost_file_is_said_and_nothing_is_made_anew(tmp_path: Path, lost: str) -> None:
    store = opened(tmp_path)
    count(store)
    count(store)
    (tmp_path / lost).unlink()
    with pytest.raises(RolledBack):
        opened(tmp_path).read()


def test_another_seal_or_altered_bytes_open_nothing(tmp_path: Path) -> None:
    count(opened(tmp_path))
    kept = copied(tmp_path, *FILES)
    (tmp_path / "device.seal").write_bytes(bytes(32))
    with pytest.raises(HomeError, match="altered"):
        opened(tmp_path).read()
    put_back(tmp_path, kept)
    data = kept["device.sealed"]
    for at in (6, 8, 30, len(data) - 1):
        (tmp_path / "device.sealed").write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(HomeError):
            opened(tmp_path).read()
    put_back(tmp_path, kept)
    (tmp_path / "device.seal").chmod(0o644)
    with pytest.raises(HomeError, match="chmod 600"):
        opened(tmp_path).read()


def test_a_device_of_which_the_log_alone_is_left_is_not_made_anew(tmp_path: Path) -> None:
    count(opened(tmp_path))
    for name in ("device.sealed", "device.mark"):
        (tmp_path / name).unlink()
    with pytest.raises(RolledBack, match="is missing"):
        opened(tmp_path).read()


def test_the_very_first_write_may_be_cut_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = CutDisk(monkeypatch)
    for places in range(4):
        folder = tmp_path / str(places)
        folder.mkdir()
        disk.cut_after(places)
        with pytest.raises(PowerCut):
            opened(folder).read()
        disk.cut_after(None)
        assert count(opened(folder)) == 1


def test_a_state_with_one_key_for_everything_is_said_to_be_of_an_earlier_version(
    tmp_path: Path,
) -> None:
    for old in ({"seed": "11" * 32}, {"seed": "11" * 32, "device_certificate": "", "counter": 3}):
        (tmp_path / "device.json").write_text(json.dumps(old))
        with pytest.raises(HomeError, match=r"device\.json cannot be read: an earlier version"):
            opened(tmp_path).read()
    broken: object
    for broken in ([], {"keys": [{}]}, {"keys": [], "unheard": 1}):
        (tmp_path / "device.json").write_text(json.dumps(broken))
        with pytest.raises(HomeError, match="not a secure element's state"):
            opened(tmp_path).read()


def test_a_state_that_lies_open_is_taken_over_and_sealed(tmp_path: Path) -> None:
    old = ElementState([seed_key(bytes(32))], clock_ms=7)
    (tmp_path / "device.json").write_bytes(old.encode())
    assert opened(tmp_path).read() == old
    assert count(opened(tmp_path)) == 8
    assert not (tmp_path / "device.json").exists()


def test_a_pin_opens_the_state_and_nothing_else_does(tmp_path: Path) -> None:
    store = opened(tmp_path)
    count(store)
    store.set_pin("2468")
    assert opened(tmp_path).has_pin()
    assert count(store) == 2
    assert count(opened(tmp_path, "2468")) == 3
    for wrong in ("", "1357"):
        with pytest.raises(PinError):
            opened(tmp_path, wrong).read()
    changing = opened(tmp_path, "2468")
    changing.set_pin("a longer phrase")
    assert count(changing) == 4
    with pytest.raises(PinError):
        opened(tmp_path, "2468").read()
    opened(tmp_path, "a longer phrase").set_pin("")
    assert opened(tmp_path).read().clock_ms == 4


def test_wrong_pins_are_counted_and_lock_the_device_for_good(tmp_path: Path) -> None:
    opened(tmp_path).set_pin("2468")
    for left in range(MAX_PIN_TRIES - 1, 0, -1):
        with pytest.raises(PinError, match=f"; {left} tries are left"):
            opened(tmp_path, "0000").read()
    assert opened(tmp_path, "2468").read().clock_ms == 0
    for _ in range(MAX_PIN_TRIES):
        with pytest.raises(PinError):
            opened(tmp_path, "0000").read()
    for pin in ("2468", "0000"):
        with pytest.raises(PinError, match="comes back from the bank"):
            opened(tmp_path, pin).read()


def test_a_try_counts_before_it_is_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(tmp_path).set_pin("2468")

    def cut(pin: str, salt: bytes) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(sealing, "stretched", cut)
    for tries in range(1, MAX_PIN_TRIES + 1):
        with pytest.raises(KeyboardInterrupt):
            opened(tmp_path, "2468").read()
        assert tried(tmp_path) == tries
    monkeypatch.undo()
    with pytest.raises(PinError, match="locked"):
        opened(tmp_path, "2468").read()


def test_one_process_tries_the_same_wrong_pin_once(tmp_path: Path) -> None:
    opened(tmp_path).set_pin("2468")
    served = opened(tmp_path, "0000")
    for _ in range(MAX_PIN_TRIES + 1):
        with pytest.raises(PinError, match="9 tries are left"):
            served.read()
    assert opened(tmp_path, "2468").read()


def test_a_process_that_knows_the_pin_gives_nobody_more_tries(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.set_pin("2468")
    for _ in range(3):
        with pytest.raises(PinError):
            opened(tmp_path, "0000").read()
    count(store)
    assert tried(tmp_path) == 3


@pytest.mark.parametrize("pin", ["123", "9" * 65])
def test_pins_of_a_wrong_length_are_refused(tmp_path: Path, pin: str) -> None:
    with pytest.raises(PinError, match="4 to 64"):
        opened(tmp_path).set_pin(pin)
    assert not opened(tmp_path).has_pin()


@pytest.fixture
def alice(stack: Path, tmp_path: Path) -> Cli:
    cli = Cli(stack, tmp_path / "alice")
    cli.run("open", "--bank", "alpha", "--name", "Alice")
    return cli


def test_commands_take_the_pin_and_never_say_it(
    alice: Cli, grpc_bank: FakeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert alice.json("offline", "pin", "--new", "2468")["pin"] is True
    assert alice.json("offline", "show", "--pin", "2468")["offline_fen"] == 0
    assert alice.json("show")["offline_fen"] is None
    assert "behind a PIN" in alice.run("show")
    said = alice.json("offline", "show", code=2)
    assert said["reason"] == "HOME" and "DCEP_PIN" in said["message"]
    wrong = alice.run("offline", "show", "--pin", "1357", code=2)
    assert "9 tries" in wrong and "1357" not in wrong
    monkeypatch.setenv("DCEP_PIN", "2468")
    assert alice.json("show")["offline_fen"] == 0
    said_all = alice.run("offline", "pin", "--remove") + alice.run("offline", "show")
    assert "2468" not in said_all
    monkeypatch.delenv("DCEP_PIN")
    assert alice.json("show")["offline_fen"] == 0


def test_the_service_without_the_pin_serves_all_but_the_device(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_app().sealed.set_pin("2468")
    service: Any = GrpcWallet(make_app(), tmp_path)
    assert service.Show(wallet_pb2.ShowRequest(), None).offline_fen == 0
    request = wallet_pb2.OfflineRequestRequest(amount_fen=1)
    with pytest.raises(Refusal, match="DCEP_PIN") as caught:
        service.OfflineRequest(request, None)
    assert caught.value.name == "DEVICE_UNKNOWN"
    monkeypatch.setenv("DCEP_PIN", "2468")
    with pytest.raises(Refusal, match="not been certified"):
        service.OfflineRequest(request, None)


def test_a_put_back_home_is_said_in_a_sentence(alice: Cli, tmp_path: Path) -> None:
    alice.run("offline", "show")
    shutil.copy(alice.home / "device.sealed", tmp_path / "old")
    alice.run("offline", "pin", "--new", "2468")
    shutil.copy(tmp_path / "old", alice.home / "device.sealed")
    assert "old copy was put back" in alice.run("offline", "show", code=2)


def test_the_tries_cannot_be_had_back_without_the_whole_state(tmp_path: Path) -> None:
    """Whoever has the files puts back those from before he tried, one by one and in pairs."""
    opened(tmp_path).set_pin("2468")
    before = copied(tmp_path, *FILES)
    with pytest.raises(PinError):
        opened(tmp_path, "0000").read()
    after = copied(tmp_path, *FILES)
    for name in ("device.log", "device.mark"):
        put_back(tmp_path, {**after, name: before[name]})
        if name == "device.mark":
            # As after a power cut between the two: the newer state is taken, with its tries.
            assert tried(tmp_path) == 1
            with pytest.raises(PinError, match="8 tries are left"):
                opened(tmp_path, "1111").read()
        else:
            with pytest.raises(RolledBack):
                opened(tmp_path, "2468").read()


def test_a_number_of_tries_that_is_written_by_hand_is_noticed(tmp_path: Path) -> None:
    opened(tmp_path).set_pin("2468")
    with pytest.raises(PinError):
        opened(tmp_path, "0000").read()
    for name, kept in copied(tmp_path, "device.sealed", "device.log").items():
        for at in range(min(len(kept), 150)):
            changed = bytearray(kept)
            changed[at] ^= 1
            (tmp_path / name).write_bytes(changed)
            with pytest.raises(DeviceError):
                opened(tmp_path, "2468").read()
        (tmp_path / name).write_bytes(kept)
    assert tried(tmp_path) == 1


def test_a_state_of_an_earlier_form_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "device.sealed").write_bytes(b"DCEPS2" + bytes(100))
    with pytest.raises(DeviceError, match="Deposit with the earlier version"):
        opened(tmp_path).read()


@pytest.mark.parametrize(
    "mark",
    [
        b"null",
        b"[]",
        b'{"counter": "5", "digest": "00"}',
        b'{"counter": null, "digest": null}',
        b'{"counter": [1], "digest": {}}',
        b'{"counter": true, "digest": "00"}',
        b'{"counter": 1e400, "digest": "00"}',
        b"[" * 100_000,
    ],
)
def test_a_mark_that_is_none_is_said_in_a_sentence(tmp_path: Path, mark: bytes) -> None:
    count(opened(tmp_path))
    (tmp_path / "device.mark").write_bytes(mark)
    with pytest.raises(DeviceError, match="device.mark cannot be read"):
        opened(tmp_path).read()


@pytest.mark.parametrize("seal", [b"", bytes(31), bytes(33), bytes(1_000)])
def test_a_seal_that_is_none_is_said_in_a_sentence(tmp_path: Path, seal: bytes) -> None:
    count(opened(tmp_path))
    (tmp_path / "device.seal").write_bytes(seal)
    with pytest.raises(DeviceError, match="is no seal"):
        opened(tmp_path).read()
