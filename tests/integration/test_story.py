"""The demo's story, told without a listener, on both kinds of database."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from sandbox.demo.environment import System
from sandbox.demo.people import people
from sandbox.demo.scenario import STEPS, Step, audited
from tests.integration.systems import MakeSystem

# Each of the two names its database.
pytestmark = pytest.mark.any_database


@pytest.mark.xdist_group("story")
def test_the_whole_story_on_sqlite(systems: MakeSystem) -> None:
    tell(systems, "")


@pytest.mark.xdist_group("people")
def test_the_story_of_people(systems: MakeSystem) -> None:
    tell(systems, "", people)


@pytest.mark.xdist_group("story")
def test_the_whole_story_on_postgresql(systems: MakeSystem, postgres_url: str) -> None:
    tell(systems, postgres_url)


def tell(
    systems: MakeSystem,
    database_url: str,
    story: Callable[[System], Sequence[Step]] = lambda _: STEPS,
) -> None:
    """Run every step; the audit at the end proves the rest."""
    system = systems(database_url, funded=False)
    heard: list[str] = []
    for step in story(system):
        heard.append(step.label)
        step.tell(system, heard.append)
    assert audited(system).ok, heard
    system.close()
