"""What people, officers and services do, one step after another; each from a seed of its own."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from simulation.scheme.charging import Charges
from simulation.scheme.faults import Faults
from simulation.scheme.institutions import Institutions
from simulation.scheme.resting import Rests
from simulation.scheme.wants import Wants


@dataclass(frozen=True)
class Step:
    """One thing that happens. It does the same wherever it stands, as far as the world lets it.

    Attributes:
        number: its place in the whole run.
        kind: a name in `KINDS`, `ASKING`, `GIVING`, `FAMILIES`, `RULES`, `SWEEPING` or
            `CHARGING`.
        seed: of all that is random in it, the faults among it.
    """

    number: int
    kind: str
    seed: int


class Life(Wants, Charges, Institutions, Faults, Rests):
    """People who want things, officers who decide, services that work."""

    def perform(self, step: Step) -> None:
        """Does a step, under faults, and checks every balance."""
        self._chance = self.system.network.chance = random.Random(step.seed)
        drawn = {**KINDS, **ASKING, **GIVING, **FAMILIES, **RULES, **SWEEPING, **CHARGING}
        _, act = drawn[step.kind]
        act(self)
        self.system.check()


KINDS: dict[str, tuple[int, Callable[[Life], None]]] = {
    "wish": (14, Life._wish),
    "insist": (3, Life._insist),
    "load": (3, Life._load),
    "hand": (4, Life._hand),
    "take": (1, Life._take),
    "clone": (1, Life._clone),
    "deposit": (2, Life._deposit),
    "send": (5, Life._send),
    "follow": (5, Life._follow),
    "acknowledge": (1, Life._acknowledge),
    "project": (2, Life._project),
    "settle": (3, Life._settle),
    "reserve": (1, Life._reserve),
    "hang": (1, Life._hang),
    "answer": (3, Life._answer),
    "office": (2, Life._office),
    "decide": (2, Life._decide),
    "expire": (1, Life._expire),
    "freeze": (2, Life._freeze),
    "deliver": (2, Life._deliver),
    "wait": (2, Life._wait),
    "jump": (1, Life._jump),
    "fill": (1, Life._fill),
    "restart": (1, Life._restart),
    "cut": (1, Life._cut),
    "thief": (2, Life._thief),
    "lone_officer": (1, Life._lone_officer),
    "cheating_bank": (3, Life._cheating_bank),
    "copy": (1, Life._copy),
    "put_back": (1, Life._put_back),
    "copy_home": (2, Life._copy_home),
    "put_home_back": (2, Life._put_home_back),
    "resume": (1, Life._resume),
    "copy_central": (1, Life._copy_central),
    "older_central": (1, Life._older_central),
    "lag": (1, Life._lag),
    "fail_over": (1, Life._fail_over),
}
"""How often each kind of step is drawn, and what it is."""

ASKING: dict[str, tuple[int, Callable[[Life], None]]] = {
    "ask_to_pay": (3, Life._ask_to_pay),
    "pay_asked": (3, Life._pay_asked),
    "change_asked": (1, Life._change_asked),
}
"""Likewise, of what comes between those steps, once after each `_BETWEEN` of them."""

GIVING: dict[str, tuple[int, Callable[[Life], None]]] = {
    "pay_topped_up": (1, Life._pay_topped_up),
    "refund": (1, Life._refund),
}
"""Likewise, after each `_FURTHER` of those steps and of these."""

FAMILIES: dict[str, tuple[int, Callable[[Life], None]]] = {
    "sub_wallet": (1, Life._sub_wallet),
    "in_the_family": (1, Life._in_the_family),
    "with_a_sub_wallet": (1, Life._with_a_sub_wallet),
}
"""Likewise, after each `_RARELY` of all of those."""

RULES: dict[str, tuple[int, Callable[[Life], None]]] = {
    "another_class": (3, Life._another_class),
    "policy": (1, Life._policy),
    "counter": (3, Life._counter),
}
"""Likewise, after each `_SELDOM` of all of those."""

SWEEPING: dict[str, tuple[int, Callable[[Life], None]]] = {"sweep": (1, Life._sweep)}
"""Likewise, after each `_SELDOM` of all of those and of these."""

CHARGING: dict[str, tuple[int, Callable[[Life], None]]] = {
    "charge": (6, Life._charge),
    "allow": (3, Life._allow),
    "mandate": (1, Life._mandate),
}
"""Likewise, after each `_RARELY` of all of those."""

_BETWEEN, _FURTHER, _RARELY, _SELDOM = 8, 11, 9, 19


def draw(seed: int, count: int) -> list[Step]:
    """The steps of a run."""
    chance = random.Random(seed)
    weights = [weight for weight, _ in KINDS.values()]
    kinds = chance.choices(list(KINDS), weights, k=count)
    drawn = [(kind, chance.getrandbits(48)) for kind in kinds]
    # From a chance of its own, so that the steps around it are what they were without it.
    asking = random.Random(f"{seed} asks")
    weights = [weight for weight, _ in ASKING.values()]
    for place in range(count // _BETWEEN * _BETWEEN, 0, -_BETWEEN):
        (kind,) = asking.choices(list(ASKING), weights)
        drawn.insert(place, (kind, asking.getrandbits(48)))
    giving = random.Random(f"{seed} gives")
    weights = [weight for weight, _ in GIVING.values()]
    for place in range(len(drawn) // _FURTHER * _FURTHER, 0, -_FURTHER):
        (kind,) = giving.choices(list(GIVING), weights)
        drawn.insert(place, (kind, giving.getrandbits(48)))
    families = random.Random(f"{seed} has children")
    for place in range(len(drawn) // _RARELY * _RARELY, 0, -_RARELY):
        (kind,) = families.choices(list(FAMILIES), [weight for weight, _ in FAMILIES.values()])
        drawn.insert(place, (kind, families.getrandbits(48)))
    rules = random.Random(f"{seed} has rules")
    weights = [weight for weight, _ in RULES.values()]
    for place in range(len(drawn) // _SELDOM * _SELDOM, 0, -_SELDOM):
        (kind,) = rules.choices(list(RULES), weights)
        drawn.insert(place, (kind, rules.getrandbits(48)))
    sweeping = random.Random(f"{seed} sweeps")
    for place in range(len(drawn) // _SELDOM * _SELDOM, 0, -_SELDOM):
        (kind,) = SWEEPING
        drawn.insert(place, (kind, sweeping.getrandbits(48)))
    charging = random.Random(f"{seed} charges")
    weights = [weight for weight, _ in CHARGING.values()]
    for place in range(len(drawn) // _RARELY * _RARELY, 0, -_RARELY):
        (kind,) = charging.choices(list(CHARGING), weights)
        drawn.insert(place, (kind, charging.getrandbits(48)))
    return [Step(number, *each) for number, each in enumerate(drawn, 1)]
