"""Runs a seed, and makes the trace of one that fails short."""

from __future__ import annotations

import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulation.scheme.ports import CENTRAL
from simulation.scheme.proof import prove
from simulation.scheme.steps import Life, Step, draw
from simulation.scheme.system import PREFIXES, replaced

MAX_TRIES = 100
"""So many runs are made to make a trace short."""


@dataclass(frozen=True)
class Failure:
    """A run that went wrong.

    Attributes:
        at: number of the step, or what was done after all of them.
        error: the kind of error.
        message: the first line of what it says.
        trace: where in the code it was raised.
    """

    at: str
    error: str
    message: str
    trace: str

    def is_like(self, other: Failure | None) -> bool:
        """Whether another run fails with the same kind of error, in the same place of the code."""
        return other is not None and (self.error, self.trace) == (other.error, other.trace)


@dataclass(frozen=True)
class Run:
    """What came of a run.

    Attributes:
        settled: how many payments were acknowledged.
        digest: of the places where everything ended; equal for equal runs.
        failure: None if all held.
    """

    settled: int
    digest: str
    failure: Failure | None


def run(seed: int, steps: Sequence[Step]) -> Run:
    """Runs these steps over a system that the seed has founded."""
    # A file that is in memory is synced at once.
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="dcep-sim-", dir=memory) as folder, replaced(seed):
        life = Life(seed, Path(folder))
        failure = _failure(life, steps)
        return Run(len(life.settled), life.digest(), failure)


def shrink(
    seed: int, steps: Sequence[Step], failure: Failure, say: Callable[[int], None]
) -> list[Step]:
    """Leaves out steps as long as the same failure comes (delta debugging: Zeller and Hildebrandt,
    "Simplifying and Isolating Failure-Inducing Input", IEEE TSE 2002).

    Args:
        say: is told how many are left, each time that there are fewer.
    """
    left = list(steps)
    if failure.at.isdigit():
        left = [step for step in left if step.number <= int(failure.at)]
    tries, parts = 0, 2
    while len(left) > 1 and tries < MAX_TRIES:
        size = -(-len(left) // parts)
        for start in range(0, len(left), size):
            fewer = left[:start] + left[start + size :]
            tries += 1
            if failure.is_like(run(seed, fewer).failure):
                left, parts = fewer, max(parts - 1, 2)
                say(len(left))
                break
        else:
            if size == 1:
                break
            parts = min(2 * parts, len(left))
    return left


def steps_of(seed: int, count: int, only: Sequence[int] = ()) -> list[Step]:
    """The steps of a run; of these only those with some numbers, if any are given."""
    chosen = set(only)
    return [step for step in draw(seed, count) if not chosen or step.number in chosen]


def _failure(life: Life, steps: Sequence[Step]) -> Failure | None:
    at = ""
    try:
        life.system.network.calm = False
        for step in steps:
            at = str(step.number)
            life.perform(step)
        at = "coming to rest"
        life.rest()
        at = "the proof"
        prove(life)
        at = "the proof after a restart"
        for name in [CENTRAL, *PREFIXES]:
            life.system.restart(name)
        prove(life)
    except Exception as error:
        return _told(at, error)
    return None


def _told(at: str, error: Exception) -> Failure:
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1]
    message = str(error).partition("\n")[0]
    return Failure(at, type(error).__name__, message, f"{Path(last.filename).name}:{last.name}")
