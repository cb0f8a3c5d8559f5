"""One country for all tests here; making its certificates takes time."""

from __future__ import annotations

import pytest

from tests.offline.country import Country


@pytest.fixture(scope="session")
def country() -> Country:
    return Country()
