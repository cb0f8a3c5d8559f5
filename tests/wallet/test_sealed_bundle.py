"""The trust bundle beside the log: it takes its own bytes, and is written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from offline_token.limits import MAX_BUNDLE_BYTES
from tests.wallet.cut_disk import CutDisk, PowerCut
from tests.wallet.sealed_files import opened
from wallet.secure_element import changes
from wallet.secure_element.state import ElementState


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> CutDisk:
    return CutDisk(monkeypatch)


def size(folder: Path, name: str) -> int:
    return (folder / name).stat().st_size if (folder / name).exists() else 0


def test_the_largest_trust_bundle_takes_its_own_bytes_and_a_newer_one_what_is_other(
    tmp_path: Path,
) -> None:
    """Sealed as everything else: what lies on the disk shows nothing of it."""
    store, source = opened(tmp_path), Random(1)
    first = source.randbytes(MAX_BUNDLE_BYTES)
    head, its_filter = source.randbytes(6_000), first[6_000:]

    def keep(bundle: bytes) -> Callable[[ElementState], None]:
        return lambda state: setattr(state, "bundle", bundle)

    store.read()
    before = size(tmp_path, "device.log")
    store.change(keep(first))
    assert MAX_BUNDLE_BYTES < size(tmp_path, "device.log") - before < MAX_BUNDLE_BYTES + 300
    whole = size(tmp_path, "device.log")
    store.change(keep(head + its_filter))
    assert size(tmp_path, "device.sealed") + size(tmp_path, "device.log") < whole + 7_500
    while size(tmp_path, "device.sealed") < MAX_BUNDLE_BYTES:
        store.change(lambda state: setattr(state, "ring", source.randbytes(1_000).hex()))
    opened(tmp_path).change(lambda state: setattr(state, "ring", ""))
    assert opened(tmp_path).read().bundle == head + its_filter
    kept = size(tmp_path, "device.sealed")
    assert kept <= 64 * 1_024
    for name in ("device.sealed", "device.log"):
        data = (tmp_path / name).read_bytes()
        assert its_filter[:16] not in data and its_filter[:16].hex().encode() not in data


def test_a_state_and_a_change_with_the_bundle_in_hex_are_read(tmp_path: Path) -> None:
    """As an earlier version wrote them."""
    line, _, _ = ElementState(clock_ms=7).encode().partition(b"\n")
    earlier = line[:-1] + b',"bundle":"0102"}'
    assert ElementState.decode(earlier) == ElementState(clock_ms=7, bundle=b"\1\2")
    state = ElementState(bundle=b"\1")
    changes.apply(state, b'{"bundle":"0a0b"}')
    assert state.bundle == b"\n\x0b"


def test_a_write_of_a_trust_bundle_that_is_cut_anywhere_leaves_the_one_before_or_the_new_one(
    tmp_path: Path, disk: CutDisk
) -> None:
    before, after = Random(1).randbytes(20), Random(2).randbytes(20)
    found = set()
    for places in range(700):
        folder = tmp_path / str(places)
        folder.mkdir()
        store = opened(folder)
        store.change(lambda state: setattr(state, "bundle", before))
        disk.cut_after(places)
        try:
            store.change(lambda state: setattr(state, "bundle", after))
        except PowerCut:
            pass
        else:
            break
        finally:
            disk.cut_after(None)
        found.add(opened(folder).read().bundle)
    assert found == {before, after}
