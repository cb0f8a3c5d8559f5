"""What the tests of sealed files share: a device's files, opened, changed, copied and put back."""

from __future__ import annotations

from pathlib import Path

from runtime.randomness import SystemRandomness
from wallet.secure_element.sealed_file import SealedFile
from wallet.secure_element.state import ElementState

FILES = ("device.sealed", "device.log", "device.mark", "device.seal")


def opened(folder: Path, pin: str = "") -> SealedFile:
    """The state as a new process would open it."""
    return SealedFile(folder, SystemRandomness(), lambda: pin)


def count(store: SealedFile) -> int:
    """One change more; its number is kept where a device keeps the time."""

    def body(state: ElementState) -> int:
        state.clock_ms += 1
        return state.clock_ms

    return store.change(body)


def tried(folder: Path) -> int:
    """PINs tried since the last right one."""
    found = opened(folder).found()
    assert found is not None
    return found.newest.tries


def copied(folder: Path, *names: str) -> dict[str, bytes]:
    """What lies in these files; nothing in one that is not there is as good as that."""
    return {n: (folder / n).read_bytes() if (folder / n).exists() else b"" for n in names}


def put_back(folder: Path, kept: dict[str, bytes]) -> None:
    for name, data in kept.items():
        (folder / name).write_bytes(data)
