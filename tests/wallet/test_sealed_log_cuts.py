"""The log of a device may be cut at any byte: the state is the one before or the one after."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.errors import Refusal
from tests.wallet.cut_disk import CutDisk, PowerCut
from tests.wallet.sealed_files import FILES, copied, count, opened, put_back, tried
from tests.wallet.sealed_logs import Device
from wallet.secure_element.device_errors import PinError
from wallet.secure_element.element import SecureElement
from wallet.secure_element.limits import MIN_LOG_BYTES


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> CutDisk:
    return CutDisk(monkeypatch)


def test_an_entry_may_be_cut_at_any_byte_and_anything_may_lie_behind(
    tmp_path: Path, disk: CutDisk
) -> None:
    """Before its last byte nothing has happened; behind it, the change is there."""
    count(opened(tmp_path))
    before = copied(tmp_path, *FILES)
    disk.cut_after(None)
    count(opened(tmp_path))
    places = disk.passed
    entry = len(copied(tmp_path, "device.log")["device.log"]) - len(before["device.log"])
    assert places == entry + 1 + 2
    for cut in range(places):
        put_back(tmp_path, before)
        disk.cut_after(cut, (b"", bytes(500), b"\xff" * 500)[cut % 3])
        with pytest.raises(PowerCut):
            count(opened(tmp_path))
        disk.cut_after(None)
        happened = cut >= entry
        assert opened(tmp_path).read().clock_ms == (2 if happened else 1)
        assert count(opened(tmp_path)) == (3 if happened else 2)
        assert opened(tmp_path).read().clock_ms == (3 if happened else 2)


def test_a_state_written_whole_may_be_cut_before_its_mark_and_before_its_log_is_cleared(
    tmp_path: Path, disk: CutDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path)
    for _ in range(5):
        count(store)
    before = copied(tmp_path, *FILES)
    monkeypatch.setattr("wallet.secure_element.sealed_file.MIN_LOG_BYTES", 1)
    disk.cut_after(None)
    count(opened(tmp_path))
    assert copied(tmp_path, "device.log")["device.log"] == b""
    assert disk.passed == 2 + 2 + 1  # the state, its mark, the log
    for cut in range(disk.passed):
        put_back(tmp_path, before)
        disk.cut_after(cut)
        with pytest.raises(PowerCut):
            count(opened(tmp_path))
        disk.cut_after(None)
        happened = 6 if cut >= 1 else 5
        monkeypatch.setattr("wallet.secure_element.sealed_file.MIN_LOG_BYTES", MIN_LOG_BYTES)
        assert opened(tmp_path).read().clock_ms == happened
        assert count(opened(tmp_path)) == happened + 1
        assert opened(tmp_path).read().clock_ms == happened + 1
        monkeypatch.setattr("wallet.secure_element.sealed_file.MIN_LOG_BYTES", 1)


def test_what_cut_writes_have_left_beside_is_swept_away_with_the_next_whole_state(
    tmp_path: Path,
) -> None:
    store = opened(tmp_path)
    count(store)
    for name in ("device.sealed.4711.new", "device.mark.4712.new", "device.seal.4713.new"):
        (tmp_path / name).write_bytes(bytes(100))
    (tmp_path / "wallet.json.4714.new").write_bytes(b"another's")
    store.set_pin("2468")
    assert [path.name for path in tmp_path.glob("*.new")] == ["wallet.json.4714.new"]
    assert opened(tmp_path, "2468").read().clock_ms == 1


def test_a_try_that_is_cut_is_counted_or_was_not_evaluated(
    tmp_path: Path, disk: CutDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(tmp_path).set_pin("2468")
    before, evaluated = copied(tmp_path, *FILES), 0

    def evaluate(pin: str, salt: bytes) -> bytes:
        nonlocal evaluated
        evaluated += 1
        return bytes(32)

    monkeypatch.setattr("wallet.secure_element.sealing.stretched", evaluate)
    disk.cut_after(None)
    with pytest.raises(PinError):
        opened(tmp_path, "0000").read()
    assert evaluated == 1
    places = disk.passed
    for cut in range(places):
        put_back(tmp_path, before)
        evaluated = 0
        disk.cut_after(cut)
        with pytest.raises(PowerCut):
            opened(tmp_path, "0000").read()
        disk.cut_after(None)
        assert (evaluated, tried(tmp_path)) in [(0, 0), (0, 1)]


# Whatever happens, wherever it is cut.
ACTS = st.sampled_from(
    ["load", "pay", "be paid", "limits", "deposit", "end", "refuse", "back", "trust"]
)
STEPS = st.lists(st.tuples(ACTS, st.integers(1, 300), st.integers(0, 5_000)), max_size=7)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS, log_bytes=st.sampled_from([1, 3_000, MIN_LOG_BYTES]))
def test_whatever_is_cut_the_state_is_the_one_before_or_the_one_after(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, int, int]],
    log_bytes: int,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wallet.secure_element.sealed_file.MIN_LOG_BYTES", log_bytes)
        disk = CutDisk(patch)
        device = Device(tmp_path_factory.mktemp("device"))
        for number, (what, fen, cut) in enumerate(steps):
            try:
                act = device.act(what, fen, number)
            except Refusal:
                continue  # there is not so much to pay, or nothing to deposit
            _cut_somewhere(device, disk, act, number, cut)


def _cut_somewhere(
    device: Device, disk: CutDisk, act: Callable[[SecureElement], object], number: int, cut: int
) -> None:
    """Does it on a copy to know what comes of it; then to the device, and cuts."""
    before = opened(device.folder).read()
    twin = device.folder.with_name(device.folder.name + f"-{number}")
    shutil.copytree(device.folder, twin)
    disk.cut_after(None)
    answer = _asked(device.element(twin, number), act)
    places, after = disk.passed, opened(twin).read()
    shutil.rmtree(twin)
    disk.cut_after(cut % (places + 1))
    with suppress(PowerCut):
        _asked(device.element(device.folder, number), act)
    disk.cut_after(None)
    found = opened(device.folder).read()
    assert found in (before, after)
    assert _asked(device.element(device.folder, number), act) == answer or isinstance(answer, str)


def _asked(element: SecureElement, act: Callable[[SecureElement], object]) -> object:
    """The answer, or the reason why not."""
    try:
        return act(element)
    except Refusal as refusal:
        return refusal.name
