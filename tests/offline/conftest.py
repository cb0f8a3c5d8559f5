"""One set of signers for all tests here; making their certificates takes time."""

from __future__ import annotations

import pytest

from tests.offline.signers import Signers


@pytest.fixture(scope="session")
def signers() -> Signers:
    return Signers()
