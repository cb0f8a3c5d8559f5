"""The demo's story, told without a listener, on both kinds of database."""

from __future__ import annotations

import pytest

from sandbox.demo.scenario import STEPS, audited
from tests.integration.conftest import MakeWorld

# Each of the two names its database.
pytestmark = pytest.mark.any_database


@pytest.mark.xdist_group("story")
def test_the_whole_story_on_sqlite(worlds: MakeWorld) -> None:
    tell(worlds, "")


@pytest.mark.xdist_group("story")
def test_the_whole_story_on_postgresql(worlds: MakeWorld, postgres_url: str) -> None:
    tell(worlds, postgres_url)


def tell(worlds: MakeWorld, database_url: str) -> None:
    """Run every step; the audit at the end proves the rest."""
    world = worlds(database_url, funded=False)
    heard: list[str] = []
    for step in STEPS:
        heard.append(step.label)
        step.tell(world, heard.append)
    assert audited(world).ok, heard
    world.close()
