"""Spin sees every run of the models: their claims hold, and with any one mistake one fails."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from simulation.models.checking import HERE, Check, check, missing
from simulation.models.inventory import MODELS

ROOT = Path(__file__).resolve().parents[2]
ALL_CHECKS = [one for name, model in MODELS.items() for one in model.checks(name, model.small)]
ALL_MUTANTS = [one for name, model in MODELS.items() for one in model.mutants(name)]

needs_spin = pytest.mark.skipif(
    bool(missing()), reason=f"apt-get install spin gcc: no {missing()} here"
)


@needs_spin
@pytest.mark.parametrize("one", ALL_CHECKS, ids=lambda one: f"{one.model}-{one.lasting}")
def test_all_claims_hold(one: Check) -> None:
    found = check(one)
    assert (found.errors, found.failed) == (0, "")
    assert found.states > 1_000


@needs_spin
@pytest.mark.parametrize(("one", "claim"), ALL_MUTANTS, ids=[one.mistake for one, _ in ALL_MUTANTS])
def test_a_mistake_is_found(one: Check, claim: str) -> None:
    assert check(one).failed == claim


def methods() -> set[str]:
    """What the classes of the two tiers have, as Class.method."""
    found = set()
    for folder in ("central_bank", "operator_bank"):
        for file in (ROOT / folder).rglob("*.py"):
            for one in ast.walk(ast.parse(file.read_text())):
                if isinstance(one, ast.ClassDef):
                    defined = [each for each in one.body if isinstance(each, ast.FunctionDef)]
                    found |= {f"{one.name}.{each.name}" for each in defined}
    return found


@pytest.mark.parametrize("name", MODELS)
def test_what_steps_stand_for_is_in_the_code(name: str) -> None:
    comments = re.findall(r"/\*.*?\*/", (HERE / f"{name}.pml").read_text(), re.DOTALL)
    named = set(re.findall(r"\b[A-Z][A-Za-z]+\.[a-z_]+\b", " ".join(comments)))
    assert len(named) > 8
    assert named <= methods()


@pytest.mark.parametrize("name", MODELS)
def test_the_mistakes_of_a_model_are_those_that_are_tried(name: str) -> None:
    text = (HERE / f"{name}.pml").read_text()
    words = re.findall(r"^#(?:ifdef|ifndef) (\w+)|defined\((\w+)\)", text, re.MULTILINE)
    sizes = {size for size, _ in MODELS[name].full}
    assert {first or second for first, second in words} - sizes == set(MODELS[name].mistakes)
