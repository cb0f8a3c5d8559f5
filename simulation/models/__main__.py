"""``python -m simulation.models``: checks all models in full, and that each mistake is found."""

from __future__ import annotations

import sys

from simulation.models.checking import Check, Found, check, missing
from simulation.models.inventory import MODELS


def main() -> int:
    """Prints a line for each check; 1 if one of them did not come out as it should."""
    if missing():
        print(f"{missing()}: not installed (apt-get install spin gcc)", file=sys.stderr)
        return 1
    print(_line("model", "size", "claims", "states", "depth", "errors", "seconds"))
    good = True
    for name, model in MODELS.items():
        for one in model.checks(name, model.full):
            found = check(one, optimized=True)
            print(_told(one, found, found.failed or f"of states, {one.lasting}"), flush=True)
            good &= not found.failed
    for name, model in MODELS.items():
        for one, claim in model.mutants(name):
            found = check(one)
            as_expected = found.failed == claim
            told = f"{one.mistake}: {found.failed or 'NOT FOUND'}"
            print(_told(one, found, told + ("" if as_expected else f", not {claim}")), flush=True)
            good &= as_expected
    return 0 if good else 1


def _told(one: Check, found: Found, claims: str) -> str:
    size = " ".join(f"{macro}={count}" for macro, count in one.sizes)
    figures = (f"{found.states:,}", str(found.depth), str(found.errors), f"{found.seconds:.2f}")
    return _line(one.model, size, claims, *figures)


def _line(model: str, size: str, claims: str, *figures: str) -> str:
    states, depth, errors, seconds = figures
    return f"{model:8} {size:22} {claims:46} {states:>11} {depth:>6} {errors:>6} {seconds:>8}"


if __name__ == "__main__":
    sys.exit(main())
