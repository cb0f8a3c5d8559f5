"""A change is written as what has changed, and comes in its place only."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from runtime.randomness import SystemRandomness
from tests.offline.devices import make_device
from tests.wallet.cut_disk import CutDisk
from tests.wallet.sealed_files import FILES, copied, count, opened, put_back, tried
from tests.wallet.sealed_logs import SIGNERS, Device
from wallet.secure_element.device_errors import DeviceError, RolledBack
from wallet.secure_element.sealed_file import SealedFile
from wallet.secure_element.sealed_log import SealedLog
from wallet.secure_element.sealing import Seal, closed
from wallet.secure_element.state import HeldPiece


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> CutDisk:
    return CutDisk(monkeypatch)


def fill(store: SealedFile, pieces: int) -> None:
    """Puts so many pieces into a state, of the length that a fresh token has."""
    more = [HeldPiece(f"{at:0356x}", 0, 1, "11" * 32) for at in range(pieces)]
    store.change(lambda state: state.pieces.extend(more))


# What is written.
def test_an_entry_is_as_long_as_what_changed_however_much_there_is(tmp_path: Path) -> None:
    lengths = []
    for pieces in (1, 1_000):
        folder = tmp_path / str(pieces)
        folder.mkdir()
        store = opened(folder)
        fill(store, pieces)
        before = copied(folder, "device.log", "device.sealed")
        count(store)
        after = copied(folder, "device.log", "device.sealed")
        assert after["device.sealed"] == before["device.sealed"]
        lengths.append(len(after["device.log"]) - len(before["device.log"]))
    assert lengths[0] == lengths[1] < 200


def test_a_payment_costs_the_same_with_ten_pieces_and_with_a_thousand(tmp_path: Path) -> None:
    """The payment, the change, the payee's certificate, the time: nothing of the other pieces."""
    costs: list[list[int]] = []
    bob = make_device(SIGNERS, "bob").element
    for pieces in (10, 1_000):
        folder = tmp_path / str(pieces)
        folder.mkdir()
        device = Device(folder)
        element = device.element(folder, 1)
        minted = [SIGNERS.mint(SIGNERS.alice, 100, number=at) for at in range(1, pieces)]
        element.holdings.load([chain.token.encode() for chain in minted])
        assert len(element.holdings.pieces()) == pieces
        element.payer.pay(bob.payee.request(300))  # the piece that she began with
        costs.append([])
        for _ in range(5):
            before = copied(folder, "device.sealed", "device.log")
            element.payer.pay(bob.payee.request(60))
            after = copied(folder, "device.sealed", "device.log")
            assert after["device.sealed"] == before["device.sealed"]
            costs[-1].append(len(after["device.log"]) - len(before["device.log"]))
    few, many = costs
    assert max(few + many) - min(few + many) < 60
    assert max(few + many) < 4_000 < len(after["device.sealed"]) / 50


def test_what_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path)
    count(store)
    before = copied(tmp_path, *FILES)
    assert store.change(lambda state: len(state.keys)) == 0
    assert copied(tmp_path, *FILES) == before


def test_the_log_begins_anew_when_it_is_as_long_as_the_state(tmp_path: Path, disk: CutDisk) -> None:
    """So each change costs about twice its own bytes, over many, however much there is."""
    store = opened(tmp_path)
    fill(store, 200)
    wholes, longest, written, length = 0, 0, 0, len(copied(tmp_path, "device.log")["device.log"])
    for at in range(100):
        before = copied(tmp_path, "device.sealed")["device.sealed"]
        store.change(lambda state, at=at: setattr(state, "card_root", f"{at:04d}" * 1_000))
        after, log = (copied(tmp_path, name)[name] for name in ("device.sealed", "device.log"))
        is_whole = after != before
        wholes += is_whole
        written += len(after) if is_whole else len(log) - length
        length = len(log)
        longest = max(longest, length)
    assert 3 <= wholes <= 5
    assert 80_000 < len(after) < longest < 2 * len(after)
    assert written < 2.2 * 100 * 4_150
    assert opened(tmp_path).read().card_root == "0099" * 1_000


def test_commands_that_only_give_the_right_pin_do_not_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallet.secure_element.sealing.stretched", lambda pin, salt: pin.encode())
    monkeypatch.setattr("wallet.secure_element.sealed_file.MIN_LOG_BYTES", 2_000)
    opened(tmp_path).set_pin("2468")
    longest = 0
    for _ in range(60):
        opened(tmp_path, "2468").read()
        longest = max(longest, len(copied(tmp_path, "device.log")["device.log"]))
    assert 2_000 < longest < 4_000
    assert tried(tmp_path) == 0


# What was put back, cut off, altered.
def test_a_log_that_was_put_back_or_shortened_is_refused(tmp_path: Path) -> None:
    store = opened(tmp_path)
    logs = []
    for _ in range(4):
        count(store)
        logs.append(copied(tmp_path, "device.log"))
    for old in logs[:-1]:
        put_back(tmp_path, old)
        with pytest.raises(RolledBack):
            opened(tmp_path).read()
    whole = logs[-1]["device.log"]
    for end in range(len(logs[-2]["device.log"]), len(whole)):
        put_back(tmp_path, {"device.log": whole[:end]})
        with pytest.raises(RolledBack):
            opened(tmp_path).read()
    put_back(tmp_path, logs[-1])
    assert count(opened(tmp_path)) == 5


def test_entries_of_another_place_or_another_time_do_not_count(tmp_path: Path) -> None:
    """Left out, doubled, swapped, taken from another state, or passed off as a whole one."""
    store, ends = opened(tmp_path), [0]
    for _ in range(3):
        count(store)
        ends.append(len(copied(tmp_path, "device.log")["device.log"]))
    log = copied(tmp_path, "device.log")["device.log"]
    first, second, third = (log[a:b] for a, b in pairwise(ends))
    for altered in (
        first + third,
        second + third,
        first + first + second + third,
        first + third + second,
        second + first + third,
        first + second + bytes(len(third)),
    ):
        put_back(tmp_path, {"device.log": altered})
        with pytest.raises(RolledBack):
            opened(tmp_path).read()
    put_back(tmp_path, {"device.log": first + second})
    sealed = copied(tmp_path, "device.sealed")["device.sealed"]
    put_back(tmp_path, {"device.sealed": sealed[:6] + third[4:]})
    with pytest.raises(DeviceError, match="altered"):
        opened(tmp_path).read()
    put_back(tmp_path, {"device.sealed": sealed, "device.log": log})
    assert count(opened(tmp_path)) == 4


def test_entries_of_two_histories_do_not_make_a_third(tmp_path: Path) -> None:
    """Both are the device's own, from a moment when all files were put back."""
    count(opened(tmp_path))
    before, begin = copied(tmp_path, *FILES), len(copied(tmp_path, "device.log")["device.log"])
    entries = []
    for fen in (10, 20):
        put_back(tmp_path, before)
        store, ends = opened(tmp_path), [begin]
        for name in ("single_limit_fen", "total_limit_fen"):
            store.change(lambda state, name=name, fen=fen: setattr(state, name, fen))
            ends.append(len(copied(tmp_path, "device.log")["device.log"]))
        log = copied(tmp_path, "device.log")["device.log"]
        entries.append([log[a:b] for a, b in pairwise(ends)])
    put_back(tmp_path, {"device.log": log[:begin] + entries[0][0] + entries[1][1]})
    with pytest.raises(RolledBack):
        opened(tmp_path).read()
    put_back(tmp_path, {"device.log": log})
    assert opened(tmp_path).read().single_limit_fen == 20


def test_who_has_the_seal_and_not_the_pin_makes_no_entry_of_an_older_ones_content(
    tmp_path: Path,
) -> None:
    """He can write heads. A change that is repeated would be a piece that is there twice."""
    store = opened(tmp_path)
    store.set_pin("2468")
    for _ in range(2):
        count(store)
    found, seal = store.found(), Seal(tmp_path / "device.seal", SystemRandomness())
    assert found is not None
    forged = replace(found.newest.next(), box=found.entries[0].box)
    data = closed(forged, seal.heads_key())
    SealedLog(tmp_path / "device.log").append(found.log_end, data)
    with pytest.raises(DeviceError, match="altered"):
        store.read()


def test_a_state_from_before_with_the_log_of_now_is_refused(tmp_path: Path) -> None:
    store = opened(tmp_path)
    count(store)
    before = copied(tmp_path, "device.sealed", "device.log")
    store.set_pin("2468")
    store.set_pin("")
    count(store)
    for name, data in before.items():
        now = copied(tmp_path, "device.sealed", "device.log")
        put_back(tmp_path, {name: data})
        with pytest.raises(RolledBack):
            opened(tmp_path).read()
        put_back(tmp_path, now)
    assert count(opened(tmp_path)) == 3
