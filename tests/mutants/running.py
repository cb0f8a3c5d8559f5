"""Runs tests in children that are forked from here, over the code as it is or one mutant of it.

What is not ours is imported once, before the fork. Nothing of ours is: a child imports it anew,
and finds the mutant in place of the file. No file is written.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import pickle
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import coverage
import hypothesis
import numba
import pytest

from tests.mutants.making import ROOT

PLENTY_S = 10
"""What a mutant may take longer than three times the tests' own time before it is ended."""

KILLED, SURVIVED, HUNG = "killed", "survived", "hung"


@dataclass
class Tests:
    """What is known of a target's tests from one run over the code as it is.

    Attributes:
        seconds: of each test, by its id.
        covers: the ids of tests that come to a line, by (file, line).
        shared: the files of tests some of which share what the first of them has set up.
        modules: all modules that are loaded afterwards and are not of this repository.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    covers: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    modules: list[str] = field(default_factory=list)

    def for_lines(self, file: str, lines: tuple[int, int] | None) -> list[str]:
        """The tests that have to notice: those that come to these lines.

        Quick ones that come to little else run first. Where tests share what the first of them
        sets up, it is all tests of the file, for only the first is seen to come to that. Outside
        of any function it is all tests.
        """
        if lines is None:
            near = set(self.seconds)
        else:
            near = {
                one
                for line in range(lines[0], lines[1] + 1)
                for one in self.covers.get((file, line), ())
            }
        shared = self.shared.intersection(map(_file_of, near))
        alone = [one for one in near if _file_of(one) not in shared]
        together = [one for one in self.seconds if _file_of(one) in shared]
        breadth = Counter(one for tests in self.covers.values() for one in tests)
        alone.sort(key=lambda one: (self.seconds[one] * breadth[one], one))
        together.sort(key=lambda one: (_file_of(one), one not in near, self.seconds[one]))
        return [*alone, *together]


def _file_of(test: str) -> str:
    return test.partition("::")[0]


class _Watch:
    """A plugin that notes how long each test took, and which lines it came to."""

    def __init__(self, cover: coverage.Coverage) -> None:
        self.cover = cover
        self.seconds: dict[str, float] = defaultdict(float)
        self.shared: set[str] = set()
        self._now = ""

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        self.cover.switch_context(item.nodeid)
        self._now = item.nodeid
        yield

    def pytest_fixture_setup(self, fixturedef: Any) -> None:
        # Those of pytest itself and its plugins have no folder.
        if fixturedef.scope != "function" and fixturedef.baseid:
            self.shared.add(_file_of(self._now))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration


class _Chosen:
    """A plugin that runs these tests and no others, in this order."""

    def __init__(self, ids: Sequence[str]) -> None:
        self.rank = {one: place for place, one in enumerate(ids)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.nodeid in self.rank]
        items.sort(key=lambda item: self.rank[item.nodeid])


class _Instead(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module of ours from changed code."""

    def __init__(self, file: str, code: str) -> None:
        self.file = str(ROOT / file)
        self.name = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        self.code = code

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.file, loader=self)

    def exec_module(self, module: Any) -> None:
        from cosmic_ray.exceptions import CosmicRayTestingException

        module.CosmicRayTestingException = CosmicRayTestingException
        exec(compile(self.code, self.file, "exec"), module.__dict__)


def prepare(*, compiled: bool) -> None:
    """Settings of this process and of the children that it forks from now on.

    Args:
        compiled: whether what Numba compiles is compiled in them. A mutant of that would take a
            quarter of a minute to compile; and it is the very same rule when it is not.
    """
    os.chdir(ROOT)
    numba.config.DISABLE_JIT = 0 if compiled else 1  # type: ignore[attr-defined]
    for place in (ROOT / "protos/gen", ROOT):
        if str(place) not in sys.path:
            sys.path.insert(0, str(place))
    hypothesis.settings.register_profile("mutants", derandomize=True, database=None)
    hypothesis.settings.load_profile("mutants")


def _pytest(tests: Sequence[str], base: str, plugins: list[Any]) -> int:
    wanted = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", f"--basetemp={base}"]
    # Whatever the kind of database, it is the same code that decides.
    return int(pytest.main([*wanted, "-k", "not postgresql", *tests], plugins=plugins))


def watch(tests: Sequence[str], files: Sequence[str]) -> Tests:
    """Runs a target's tests over the code as it is.

    Raises:
        RuntimeError: with what they said, if they do not pass.
    """

    def child(base: str) -> int:
        cover = coverage.Coverage(
            data_file=None, include=[str(ROOT / file) for file in files], config_file=False
        )
        watching = _Watch(cover)
        cover.start()
        code = _pytest(tests, base, [watching])
        cover.stop()
        data, covers = cover.get_data(), {}
        for file in files:
            for line, ids in data.contexts_by_lineno(str(ROOT / file)).items():
                covers[file, line] = {one for one in ids if one}
        found = Tests(dict(watching.seconds), covers, watching.shared, _foreign())
        Path(base + ".found").write_bytes(pickle.dumps(found))
        return code

    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        code, said = _forked(child, f"{folder}/t", 1_200)
        if code != 0:
            raise RuntimeError(f"the tests do not pass over the code as it is:\n{said}")
        seen: Tests = pickle.loads(Path(f"{folder}/t.found").read_bytes())
    return seen


def warm_up(seen: Tests) -> None:
    """Imports what the tests use and is not ours, once for all children."""
    for name in seen.modules:
        try:
            importlib.import_module(name)
        except Exception:  # Some are there only while a package of theirs is imported.
            continue


def tried(file: str, code: str, tests: Tests, chosen: list[str]) -> str:
    """What the tests say of a mutant."""
    if not chosen:
        return SURVIVED

    def child(base: str) -> int:
        sys.meta_path.insert(0, _Instead(file, code))
        files = list(dict.fromkeys(map(_file_of, chosen)))
        return _pytest(files, base, [_Chosen(chosen)])

    most = 3 * sum(tests.seconds[one] for one in chosen) + PLENTY_S
    with tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as folder:
        ended, said = _forked(child, f"{folder}/t", most)
    if ended is None:
        return HUNG
    if ended == pytest.ExitCode.NO_TESTS_COLLECTED:
        raise RuntimeError(f"no tests ran:\n{said}")
    return SURVIVED if ended == 0 else KILLED


def _foreign() -> list[str]:
    """Names of the loaded modules that are not of this repository, but for generated ones."""
    names = []
    for name, module in list(sys.modules.items()):
        place = getattr(module, "__file__", None)
        if place is None or name == "__main__":
            continue
        ours = Path(place).is_relative_to(ROOT) and not Path(place).is_relative_to(ROOT / ".venv")
        if not ours or name.split(".")[0] == "dcep":
            names.append(name)
    return names


def _forked(child: Callable[[str], int], base: str, most_s: float) -> tuple[int | None, str]:
    """The exit code of a function in a child process, None if it took too long; what it said."""
    said = base + ".said"
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            os.setsid()
            to = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(to, 1)
            os.dup2(to, 2)
            code = child(base)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    try:
        ended = _wait(pid, most_s)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    if ended is None:
        os.waitpid(pid, 0)
    words = Path(said).read_text(errors="replace") if Path(said).exists() else ""
    shutil.rmtree(base, ignore_errors=True)
    return ended, words


def _wait(pid: int, most_s: float) -> int | None:
    end = time.monotonic() + most_s
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    return None
