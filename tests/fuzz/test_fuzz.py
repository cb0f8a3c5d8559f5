"""A bounded run of the fuzzer; `SEED=…` repeats one that failed."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.fuzz.campaign import Campaign
from tests.fuzz.roles import CENTRAL, HOME, INNER, PUBLIC
from tests.fuzz.stage import Stage

pytestmark = pytest.mark.xdist_group("fuzz")
STEPS = 1_500


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("fuzz"))
    yield made
    made.close()


def test_nothing_that_anybody_sends_stops_a_service(stage: Stage) -> None:
    seed = int(os.environ.get("SEED", "1"))
    print(f"SEED={seed}")
    campaign = Campaign(seed, stage.roles, stage.pools)
    stage.run(campaign, STEPS)
    assert campaign.report.faults == []
    for services in (PUBLIC, INNER, CENTRAL, HOME):
        for service in services:
            said = campaign.report.of_service(service.full_name)
            assert len(said) > 1, f"{service.full_name} was hardly asked: {said}"
    stage.check_honest()
    stage.check_restart()
    stage.check_honest()
    stage.check_books()
