"""An office with three officers and a clerk."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.officers.office import CHEN, CLERK, WANG, ZHOU, Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path, WANG, ZHOU, CHEN, CLERK)
