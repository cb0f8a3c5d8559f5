"""``python -m simulation.scheme --seed N --steps N``: one run, or many; a failure is made short."""

from __future__ import annotations

import argparse
import sys
import time

from simulation.scheme.running import Failure, run, shrink, steps_of
from simulation.scheme.steps import Step

STEPS = 200


def main() -> int:
    """Runs seeds; 1 if one of them fails."""
    options = _options()
    steps, began = options.steps, time.monotonic()
    settled = 0
    for seed in range(options.seed, options.seed + options.seeds):
        chosen = steps_of(seed, steps, options.only)
        outcome = run(seed, chosen)
        settled += outcome.settled
        if outcome.failure is not None:
            _show(seed, steps, chosen, outcome.failure, whole=bool(options.only))
            return 1
    took = time.monotonic() - began
    print(f"{options.seeds} seeds of {steps} steps: {settled} payments settled, {took:.0f} s")
    return 0


def _show(seed: int, count: int, steps: list[Step], failure: Failure, *, whole: bool) -> None:
    print(f"seed {seed}, {failure.at}: {failure.error}: {failure.message} ({failure.trace})")
    if whole:
        return
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
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
