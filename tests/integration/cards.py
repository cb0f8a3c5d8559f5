"""A card as a process, for tests that touch it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PIN = "2468"


@contextmanager
def card(path: Path, *made_with: str) -> Iterator[str]:
    """A card's process; where it is touched."""
    importable = os.pathsep.join(entry for entry in sys.path if entry)
    environment = {**os.environ, "PYTHONPATH": importable, "DCEP_CARD_PIN": PIN}
    command = [
        sys.executable,
        "-m",
        "wallet.hard_wallet",
        "--socket",
        str(path),
        "--free",
        "5",
    ]
    process = subprocess.Popen([*command, *made_with], env=environment)
    try:
        ends_at = time.monotonic() + 60
        while not path.exists():
            assert process.poll() is None and time.monotonic() < ends_at
            time.sleep(0.05)
        yield str(path)
    finally:
        process.terminate()
        process.wait(30)
