"""What holds for the tests themselves: their files are short, and share through modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent
MAX_LINES = 400


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


def test_what_tests_share_lies_in_a_module_and_not_in_a_conftest() -> None:
    """A conftest has fixtures, which pytest hands out by name to its folder alone."""
    found = [
        file for file, tree in trees().items() for m in imported(tree) if m.endswith("conftest")
    ]
    assert found == []


def test_no_file_is_longer_than_a_reader_has_patience_for() -> None:
    lengths = {path: len((TESTS / path).read_text().splitlines()) for path in trees()}
    assert [path for path, lines in lengths.items() if lines > MAX_LINES] == []


def test_every_file_says_what_it_is_about() -> None:
    silent = [path for path, tree in trees().items() if tree.body and not ast.get_docstring(tree)]
    assert silent == []
