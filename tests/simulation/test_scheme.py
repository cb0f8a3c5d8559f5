"""The whole scheme under faults and cheats; and that this finds what is wrong."""

from __future__ import annotations

import subprocess
import sys

import pytest

from simulation.scheme.running import run, shrink, steps_of
from tests.simulation.planted import PLANTED, planted

STEPS = 150
SEEDS = sorted({1, 2, 3, 4} | {seed for *_, seed in PLANTED.values()})
"""That hold with nothing planted; among them those by which planted bugs are found."""


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_that_was_acknowledged_is_lost_and_nothing_is_made(seed: int) -> None:
    outcome = run(seed, steps_of(seed, STEPS))
    assert outcome.failure is None, (
        f"again: python -m simulation.scheme --seed {seed} --steps {STEPS}"
    )
    assert outcome.settled > STEPS / 50


def test_the_same_seed_is_the_same_run() -> None:
    first, again = (run(5, steps_of(5, 60)) for _ in range(2))
    assert first == again
    assert run(6, steps_of(6, 60)).digest != first.digest


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug: str) -> None:
    owner, name, wrong, seed = PLANTED[bug]
    with planted(owner, name, wrong):
        assert run(seed, steps_of(seed, STEPS)).failure is not None


def test_what_fails_is_made_short() -> None:
    owner, name, wrong, seed = PLANTED["an officer may approve alone"]
    steps = steps_of(seed, STEPS)
    with planted(owner, name, wrong):
        failure = run(seed, steps).failure
        assert failure is not None
        left = shrink(seed, steps, failure, lambda _: None)
    assert [step.kind for step in left] == ["lone_officer"]


def test_seeds_are_run_by_a_command() -> None:
    command = [sys.executable, "-m", "simulation.scheme", "--seed", "7", "--steps", "10"]
    command += ["--seeds", "2", "--jobs", "2", "--keep-going"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 seeds of 10 steps" in done.stdout
