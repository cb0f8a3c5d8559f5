"""What holds for the tests themselves: their files are short, and share through modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent
MAX_LINES = 400
REACHED_INTO = 40
"""Private attributes of others that tests use. Whoever makes it fewer lowers the number."""


@cache
def trees() -> dict[str, ast.Module]:
    """Every file of tests, by its path from here."""
    return {
        str(path.relative_to(TESTS)): ast.parse(path.read_text())
        for path in sorted(TESTS.rglob("*.py"))
    }


def imported(tree: ast.Module) -> Iterator[str]:
    """The modules that a file imports, or imports from, wherever it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


SHARED_TOO = {"tests.test_docs_zh"}
"""It is a command as well, and knows the pages."""


def of_tests_alone(module: str) -> bool:
    """Whether a module is there for pytest: it has fixtures for its folder, or tests."""
    own, _, name = module.rpartition(".")
    return own.startswith("tests") and (name == "conftest" or name.startswith("test_"))


def test_what_tests_share_lies_in_a_module_of_its_own() -> None:
    """A conftest has fixtures, which pytest hands out by name to its folder alone."""
    found = [
        f"{file} imports {module}"
        for file, tree in trees().items()
        for module in imported(tree)
        if of_tests_alone(module) and module not in SHARED_TOO
    ]
    assert found == []


def test_no_file_is_longer_than_a_reader_has_patience_for() -> None:
    lengths = {path: len((TESTS / path).read_text().splitlines()) for path in trees()}
    assert [path for path, lines in lengths.items() if lines > MAX_LINES] == []


def test_every_file_says_what_it_is_about() -> None:
    silent = [path for path, tree in trees().items() if tree.body and not ast.get_docstring(tree)]
    assert silent == []


PUBLIC = {"_", "_asdict", "_exit", "_mapping", "_replace"}
"""Documented as public, whatever they are called: of gettext, os, SQLAlchemy and named tuples."""


def hidden(name: str) -> bool:
    """Whether a name says that it is nobody else's business."""
    return name.startswith("_") and not name.startswith("__") and name not in PUBLIC


def private(node: ast.AST) -> bool:
    """Whether this is a private attribute of something else than the class it stands in."""
    return (
        isinstance(node, ast.Attribute)
        and hidden(node.attr)
        and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
    )


def replaced(node: ast.AST) -> bool:
    """Whether this puts something in the place of a private attribute, or asks for it by name."""
    return (
        isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith(("setattr", "getattr"))
        and any(
            isinstance(each, ast.Constant) and hidden(f".{each.value!s}".rpartition(".")[2])
            for each in node.args
        )
    )


def test_no_more_private_attributes_are_reached_into_than_before() -> None:
    found = [
        f"{file}:{node.lineno} {ast.unparse(node)}"  # type: ignore[attr-defined]
        for file, tree in trees().items()
        for node in ast.walk(tree)
        if private(node) or replaced(node)
    ]
    assert len(found) <= REACHED_INTO, "\n".join(found)


def unseeded(node: ast.AST, modules: set[str]) -> bool:
    """Whether this draws from something that nobody has given a seed."""
    if not isinstance(node, ast.Call):
        return False
    name = ast.unparse(node.func)
    if name.endswith(("default_rng", "random.Random")) or name == "Random":
        return not node.args
    drawn_from, _, _ = name.rpartition(".")
    return drawn_from in ("np.random", "numpy.random") or (
        drawn_from == "random" and "random" in modules and name != "random.Random"
    )


def test_what_is_drawn_follows_from_a_seed() -> None:
    """Keys and ids aside: nothing that is shown depends on those."""
    found = []
    for file, tree in trees().items():
        modules = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        found += [
            f"{file}:{node.lineno} {ast.unparse(node)}"  # type: ignore[attr-defined]
            for node in ast.walk(tree)
            if unseeded(node, modules)
        ]
    assert found == []
