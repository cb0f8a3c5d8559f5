"""A history that a forger may change."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from tests.auditor.simulated import CENTRAL, PREFIXES
from tests.auditor.told import Stack, driver, told_stack


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A history, told once."""
    return told_stack(tmp_path_factory.mktemp("stack"))


@pytest.fixture
def stack(shared: Stack) -> Iterator[Stack]:
    """The history, of which only databases are changed; they are as before afterwards."""
    kept: dict[str, sqlite3.Connection] = {}
    for name in (*PREFIXES, CENTRAL):
        kept[name] = sqlite3.connect(":memory:")
        with driver(shared, name) as connection:
            connection.backup(kept[name])
    yield shared
    for name, copy in kept.items():
        with driver(shared, name) as connection:
            copy.backup(connection)
        copy.close()
