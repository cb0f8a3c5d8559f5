"""What the tests of the hard wallet share."""

from __future__ import annotations

import time
from pathlib import Path


def wait_for(path: Path) -> None:
    ends_at = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < ends_at
        time.sleep(0.02)
    time.sleep(0.05)
