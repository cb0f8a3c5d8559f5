"""What is checked: each model in two sizes, and with one mistake at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from simulation.models.checking import Check

Sizes = tuple[tuple[str, int], ...]


class Model(NamedTuple):
    """A model, its claims about whole runs, and its sizes.

    Attributes:
        lasting: the first of them is checked with each mistake too.
        small: what is checked with each mistake, and by the tests.
        full: what `make models` checks.
        mistakes: by macro, the claim that does not hold with it.
    """

    lasting: tuple[str, ...]
    small: Sizes
    full: Sizes
    mistakes: Mapping[str, str]

    def checks(self, name: str, sizes: Sizes) -> list[Check]:
        """The model as it is."""
        return [Check(name, sizes, lasting) for lasting in self.lasting]

    def mutants(self, name: str) -> list[tuple[Check, str]]:
        """The model with each mistake, and the claim that fails."""
        return [
            (Check(name, self.small, self.lasting[0], mistake), claim)
            for mistake, claim in self.mistakes.items()
        ]


MODELS: dict[str, Model] = {
    "payment": Model(
        lasting=("every_hold_ends", "settled_arrives"),
        small=(("PAYMENTS", 1), ("FAULTS", 2)),
        full=(("PAYMENTS", 2), ("FAULTS", 2)),
        mistakes={
            "ACKNOWLEDGED_BEFORE_APPLIED": "never_behind",
            "ANOTHER_NUMBER": "decided_once",
            "ANY_ENTRY": "each_in_order",
            "HOLD_ENDS_BY_CLOCK": "ended_once",
            "NEVER_AGAIN": "every_hold_ends",
            "NOTHING_REMEMBERED": "decided_once",
            "PLACE_BEFORE_ENTRY": "every_hold_ends",
            "REFUSAL_LEAVES_NUMBER": "decided_once",
            "TOLD_BEFORE_WRITTEN": "equation_2",
        },
    ),
}
"""By the file's name."""
