"""A bank, and wallets at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operator_bank.system import Holder, System


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    made = System(tmp_path)
    yield made
    made.check_books()


@pytest.fixture
def alice(system: System) -> Holder:
    """Class II, 100,000 fen."""
    holder = system.open(name="Alice")
    holder.exchange(100_000)
    return holder


@pytest.fixture
def bob(system: System) -> Holder:
    """Class II, nothing."""
    return system.open(name="Bob")


@pytest.fixture
def phone(system: System) -> Holder:
    """Class IV, nothing."""
    return system.open(phone="13800138000")
