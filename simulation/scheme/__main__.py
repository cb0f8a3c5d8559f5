"""``python -m simulation.scheme --seed N --steps N``: one run, or many; a failure is made short."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from simulation.scheme.running import Failure, Run, run, shrink, steps_of

STEPS = 200
_MOST_JOBS = 64
_SEEDS_A_PROCESS = 50
"""A process makes room for a fresh one after so many runs, with all that libraries have kept."""


def main() -> int:
    """Runs seeds; 1 if one of them fails."""
    options = _options()
    began, settled = time.monotonic(), 0
    failed: list[int] = []
    seeds = range(options.seed, options.seed + options.seeds)
    with _outcomes(options.jobs, seeds, options.steps, options.only) as outcomes:
        for seed, outcome in zip(seeds, outcomes, strict=True):
            settled += outcome.settled
            if outcome.failure is None:
                continue
            failed.append(seed)
            _tell(seed, outcome.failure)
            if not options.keep_going:
                break
    if failed and not options.keep_going and not options.only:
        _shorten(failed[0], options.steps)
        return 1
    took = time.monotonic() - began
    print(
        f"{options.seeds} seeds of {options.steps} steps: {settled} payments settled, {took:.0f} s"
    )
    if failed:
        print(f"{len(failed)} failed: {' '.join(map(str, failed))}")
    return 1 if failed else 0


@contextmanager
def _outcomes(jobs: int, seeds: range, steps: int, only: list[int]) -> Iterator[Iterator[Run]]:
    """What comes of each seed, in order."""
    one = partial(_run, steps=steps, only=only)
    if jobs == 1:
        yield map(one, seeds)
        return
    with multiprocessing.Pool(jobs, maxtasksperchild=_SEEDS_A_PROCESS) as pool:
        yield pool.imap(one, seeds)


def _run(seed: int, steps: int, only: list[int]) -> Run:
    return run(seed, steps_of(seed, steps, only))


def _tell(seed: int, failure: Failure) -> None:
    said = f"{failure.error}: {failure.message} ({failure.trace})"
    print(f"seed {seed}, {failure.at}: {said}", flush=True)


def _shorten(seed: int, count: int) -> None:
    """Prints the fewest steps that fail as all of them do."""
    steps = steps_of(seed, count)
    failure = run(seed, steps).failure
    assert failure is not None, "the same seed is another run"
    left = shrink(seed, steps, failure, lambda n: print(f"  {n} steps do as well", file=sys.stderr))
    for step in left:
        print(f"  {step.number:4} {step.kind}")
    numbers = " ".join(str(step.number) for step in left)
    print(f"again: python -m simulation.scheme --seed {seed} --steps {count} --only {numbers}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many, one after another")
    parser.add_argument("--steps", type=int, default=STEPS, help="steps of each run")
    parser.add_argument(
        "--only", type=int, nargs="*", default=[], help="only steps of these numbers"
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=1,
        choices=range(1, _MOST_JOBS + 1),
        metavar="N",
        help="so many processes, each with a seed of its own",
    )
    parser.add_argument(
        "--keep-going", action="store_true", help="name each seed that fails, and make none short"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
