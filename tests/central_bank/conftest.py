"""A central bank that has admitted two banks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.central_bank.system import System


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path)
