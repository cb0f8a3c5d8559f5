"""Has Spin check a model: every state that can be reached, not a sample of them."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
_FIGURES = {
    "states": re.compile(r"^\s*(\d+) states, stored", re.MULTILINE),
    "depth": re.compile(r"depth reached (\d+)"),
    "errors": re.compile(r"errors: (\d+)"),
}
_CLAIM = re.compile(r"assertion violated (\w+)")
_SECONDS = re.compile(r"elapsed time ([\d.e+-]+) seconds")


class CheckFailed(Exception):
    """Spin, the compiler or the checker stopped before it had seen everything."""


@dataclass(frozen=True)
class Check:
    """One run of the checker.

    Attributes:
        model: the file's name without its ending.
        sizes: of the model, by macro.
        lasting: the claim about whole runs to check, besides all claims about states.
        mistake: the macro of a mistake in the model; "" for none.
    """

    model: str
    sizes: tuple[tuple[str, int], ...]
    lasting: str
    mistake: str = ""


@dataclass(frozen=True)
class Found:
    """What came out.

    Attributes:
        states: that were stored, each one different.
        depth: steps of the longest run.
        errors: 0, or 1, after which the checker stops.
        failed: the name of the claim that does not hold; "" for none.
        seconds: that the checker took, without Spin and the compiler.
    """

    states: int
    depth: int
    errors: int
    failed: str
    seconds: float


def missing() -> str:
    """What is not installed of what a check needs; "" for nothing."""
    return " and ".join(name for name in ("spin", "cc") if shutil.which(name) is None)


def check(one: Check, *, optimized: bool = False) -> Found:
    """Makes a checker of a model, runs it to its end, and reads what it says.

    Args:
        one: what to check.
        optimized: takes longer to compile and less long to run.

    Raises:
        CheckFailed: it did not come to its end.
    """
    macros = [f"-D{name}={size}" for name, size in one.sizes]
    macros += [f"-D{one.mistake}"] if one.mistake else []
    with tempfile.TemporaryDirectory(prefix="dcep-model-") as made:
        folder = Path(made)
        _run(folder, ["spin", "-a", *macros, str(HERE / f"{one.model}.pml")])
        # All states are kept whole, in less room: nothing is left to chance.
        level = "-O2" if optimized else "-O0"
        _run(folder, ["cc", level, "-w", "-DCOLLAPSE", "-DMEMLIM=8000", "-o", "pan", "pan.c"])
        room = "-w24" if optimized else "-w18"
        said = _run(folder, ["./pan", "-a", "-N", one.lasting, "-m100000", room])
    return _read(said, one)


def _run(folder: Path, words: Sequence[str]) -> str:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    if done.returncode:
        raise CheckFailed(f"{' '.join(words)}: {said[-2000:]}")
    return said


def _read(said: str, one: Check) -> Found:
    figures = {name: found[1] for name, form in _FIGURES.items() if (found := form.search(said))}
    if figures.keys() != _FIGURES.keys() or "max search depth too small" in said:
        raise CheckFailed(said[-2000:])
    claim, seconds = _CLAIM.search(said), _SECONDS.search(said)
    errors = int(figures["errors"])
    failed = claim[1] if claim else one.lasting if "acceptance cycle (" in said else ""
    if bool(errors) != bool(failed) or "out of memory" in said:
        raise CheckFailed(said[-2000:])
    return Found(
        states=int(figures["states"]),
        depth=int(figures["depth"]),
        errors=errors,
        failed=failed,
        seconds=float(seconds[1]) if seconds else 0.0,
    )
