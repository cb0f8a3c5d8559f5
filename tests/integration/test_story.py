"""The demo's story, told without a listener, on both kinds of database."""

from __future__ import annotations

import pytest

from sandbox.demo.scenario import STEPS, audited
from tests.integration.systems import MakeSystem

# Each of the two names its database.
pytestmark = pytest.mark.any_database


@pytest.mark.xdist_group("story")
def test_the_whole_story_on_sqlite(systems: MakeSystem) -> None:
    tell(systems, "")


@pytest.mark.xdist_group("story")
def test_the_whole_story_on_postgresql(systems: MakeSystem, postgres_url: str) -> None:
    tell(systems, postgres_url)


def tell(systems: MakeSystem, database_url: str) -> None:
    """Run every step; the audit at the end proves the rest."""
    system = systems(database_url, funded=False)
    heard: list[str] = []
    for step in STEPS:
        heard.append(step.label)
        step.tell(system, heard.append)
    assert audited(system).ok, heard
    system.close()
