"""What is checked: each model in two sizes, and with one mistake at a time."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from simulation.models.checking import Check

Sizes = tuple[tuple[str, int], ...]


class Model(NamedTuple):
    """A model, its claims about whole runs, and its sizes.

    Attributes:
        lasting: the first of them is checked with each mistake too.
        small: what the tests check.
        tried: what is checked with each mistake, up to the first claim that fails.
        full: what `make models` checks.
        mistakes: by macro, the claim that does not hold with it.
        larger: what else than `tried` is checked with some of them.
    """

    lasting: tuple[str, ...]
    small: Sizes
    tried: Sizes
    full: Sizes
    mistakes: Mapping[str, str]
    larger: Mapping[str, Sizes] = MappingProxyType({})

    def checks(self, name: str, sizes: Sizes) -> list[Check]:
        """The model as it is."""
        return [Check(name, sizes, lasting) for lasting in self.lasting]

    def mutants(self, name: str) -> list[tuple[Check, str]]:
        """The model with each mistake, and the claim that fails."""
        return [
            (Check(name, self.larger.get(mistake, self.tried), self.lasting[0], mistake), claim)
            for mistake, claim in self.mistakes.items()
        ]


MODELS: dict[str, Model] = {
    "payment": Model(
        lasting=("every_hold_ends", "settled_arrives"),
        small=(("PAYMENTS", 1), ("FAULTS", 2)),
        tried=(("PAYMENTS", 1), ("FAULTS", 2)),
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
    "deposit": Model(
        lasting=("every_deposit_ends",),
        small=(("DEPOSITS", 2), ("FAULTS", 2)),
        tried=(("DEPOSITS", 2), ("FAULTS", 1)),
        full=(("DEPOSITS", 3), ("FAULTS", 2)),
        mistakes={
            "ANSWER_ENDS_IT": "ended_once",
            "FLOAT_PAYS_ALL": "float_covers",
            "FUNDED_ONE_BY_ONE": "nothing_taken",
            "LAST_CHEAT_BEARS_ALL": "borne_by_whom",
            "NEVER_AGAIN": "every_deposit_ends",
            "NOTHING_REMEMBERED": "same_answer",
            "PARTS_APART": "settled_is_credited",
            "REFUNDED_REGARDLESS": "waited_for",
            "SPENT_AGAIN": "piece_paid_once",
            "TAKEN_AGAIN": "taken_once",
            "WAIT_ENDS_IF_JUDGED_SO": "none_waits_in_vain",
        },
        # A cheat of Alice's as well, and one piece deposited twice.
        larger={
            "FLOAT_PAYS_ALL": (("DEPOSITS", 3), ("FAULTS", 0)),
            "FUNDED_ONE_BY_ONE": (("DEPOSITS", 3), ("FAULTS", 0)),
            "LAST_CHEAT_BEARS_ALL": (("DEPOSITS", 3), ("FAULTS", 0)),
            "SPENT_AGAIN": (("DEPOSITS", 4), ("FAULTS", 0)),
        },
    ),
}
"""By the file's name."""
