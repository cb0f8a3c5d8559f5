"""``python -m tests.mutants [TARGET…]``: every mutant is noticed, or listed with a reason."""

from __future__ import annotations

import argparse
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.mutants import running
from tests.mutants.making import ROOT, Mutant, Place, places_in

LIST = Path(__file__).parent / "survivors.toml"
Key = tuple[str, str, str, str, int]
Everywhere = tuple[str, str, str]
"""File, a part of a line, and what it becomes without anybody's being able to tell."""


@dataclass(frozen=True)
class Target:
    """What is changed and which tests have to notice.

    Attributes:
        files: of the repository.
        tests: files of tests.
        compiled: whether Numba compiles for them.
        sample: so many of the changes are tried; 0 for all.
        seed: which ones these are.
    """

    files: list[str]
    tests: list[str]
    compiled: bool = True
    sample: int = 0
    seed: int = 1

    def drawn(self, only: Sequence[str]) -> list[Place]:
        """The changes to try, by files and lines.

        Args:
            only: all of those in definitions whose dotted name has one of these in it, instead of
                a sample.
        """
        places = [place for file in self.files for place in places_in(file, only)]
        if only or not self.sample:
            return places
        chosen = sorted(place.lot(self.seed) for place in places)[: self.sample]
        return [place for place in places if place.lot(self.seed) in set(chosen)]


def targets() -> dict[str, Target]:
    """The targets by name, from pyproject.toml."""
    written = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return {name: Target(**one) for name, one in written["tool"]["mutants"].items()}


class Listed:
    """The survivors that nobody can tell from the code as it is, each with its reason.

    Raises:
        ValueError: one is listed twice, or without a reason.
    """

    def __init__(self, written: dict[str, Any]) -> None:
        self.single: set[Key] = set()
        self.everywhere: set[Everywhere] = set()
        self.used: set[Key | Everywhere] = set()
        self.tried: set[Key] = set()
        for one in written.get("survivor", []):
            key = (one["file"], one["where"], one["was"], one["now"], one.get("nth", 1))
            _add(self.single, key, one["why"])
        for one in written.get("everywhere", []):
            _add(self.everywhere, (one["file"], one["was"], one["now"]), one["why"])

    def knows(self, mutant: Mutant) -> bool:
        """Whether a survivor is listed, by itself or as one of a kind."""
        found: Key | Everywhere | None = mutant.key if mutant.key in self.single else None
        for kind in self.everywhere:
            if kind[0] == mutant.file and _becomes(mutant.was, mutant.now, *kind[1:]):
                found = kind
        if found is not None:
            self.used.add(found)
        return found is not None

    def unused(self, files: Sequence[str], *, all_tried: bool) -> list[Key | Everywhere]:
        """What is listed of some files, and did not survive or, if all were tried, is not there."""
        every: list[Key | Everywhere] = [one for one in sorted(self.single) if one in self.tried]
        if all_tried:
            every = [*sorted(self.single), *sorted(self.everywhere)]
        return [one for one in every if one[0] in files and one not in self.used]


def _add(to: set[Any], key: Any, why: str) -> None:
    if key in to or not why.strip():
        raise ValueError(f"{LIST}: listed twice, or without a reason: {key}")
    to.add(key)


def _becomes(was: str, now: str, part: str, other: str) -> bool:
    """Whether a line becomes another when one occurrence of a part of it is replaced."""
    places = [at for at in range(len(was)) if was.startswith(part, at)]
    return any(was[:at] + other + was[at + len(part) :] == now for at in places)


def entry(mutant: Mutant) -> str:
    """A survivor as it would be listed."""
    nth = f"nth = {mutant.nth}\n" if mutant.nth > 1 else ""
    return (
        f"[[survivor]]\nfile = {_quoted(mutant.file)}\nwhere = {_quoted(mutant.where)}\n"
        f"was = {_quoted(mutant.was)}\nnow = {_quoted(mutant.now)}\n{nth}why = {_quoted('')}\n"
    )


def _quoted(text: str) -> str:
    return f'"{text}"' if not set(text) & {'"', "\\"} else f"'''{text}'''"


def run(name: str, target: Target, listed: Listed, only: Sequence[str]) -> int:
    """Tries the mutants of a target. Returns how many entries of the list are wrong or missing."""
    began = time.monotonic()
    running.prepare(compiled=target.compiled)
    seen = running.watch(target.tests, target.files)
    running.warm_up(seen)
    print(f"{name}: {len(seen.seconds)} tests, {sum(seen.seconds.values()):.0f} s", flush=True)
    answers: Counter[str] = Counter()
    for place in target.drawn(only):
        mutant = place.mutant()
        if mutant is None:
            continue
        listed.tried.add(mutant.key)
        chosen = seen.for_lines(mutant.file, mutant.lines)
        answer = running.tried(mutant.file, mutant.code, seen, chosen)
        if answer == running.SURVIVED and listed.knows(mutant):
            answer = "listed"
        elif answer == running.SURVIVED:
            print(entry(mutant), flush=True)
        answers[answer] += 1
    stale = listed.unused(target.files, all_tried=not only and not target.sample)
    for key in stale:
        print(f"listed, but noticed or gone: {key}")
    counts = ", ".join(f"{count} {answer}" for answer, count in sorted(answers.items()))
    drawn = f" drawn by seed {target.seed}" if target.sample and not only else ""
    took = time.monotonic() - began
    print(f"{name}: {answers.total()} mutants{drawn}: {counts}; {took:.0f} s", flush=True)
    return answers[running.SURVIVED] + len(stale)


def main(arguments: list[str]) -> int:
    """Exits with 1 if a mutant survives that is not listed, or one is listed that does not."""
    known = targets()
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("target", nargs="*", help=f"of {', '.join(known)}; all by default")
    parser.add_argument("--only", nargs="*", default=[], help="in functions of these names")
    parser.add_argument("--sample", type=int, help="try so many of each target, 0 for all")
    parser.add_argument("--seed", type=int, help="which ones")
    asked: Any = parser.parse_args(arguments)
    own = {key: getattr(asked, key) for key in ("sample", "seed")}
    given = {key: value for key, value in own.items() if value is not None}
    listed = Listed(tomllib.loads(LIST.read_text()))
    wrong = sum(
        run(name, replace(known[name], **given), listed, asked.only)
        for name in asked.target or known
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
