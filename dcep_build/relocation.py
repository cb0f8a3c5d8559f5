"""Puts packages of ours below ``dcep``: in import statements, and where texts say how to run them.

Only names change; no line moves, so a traceback of what is installed fits the source. What cannot
be put there safely is an error of the build, never left as it was.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator

HOME = "dcep"
"""The one name that an environment gets."""


class Unmovable(Exception):
    """An import that cannot be written with another name without changing more than the name."""


def relocated(source: str, ours: Collection[str]) -> str:
    """A module's source as it is installed.

    Args:
        source: as it stands in the repository.
        ours: the top-level packages that go below `HOME`.

    Raises:
        Unmovable: for ``import ours.module``, which binds the name of what moves, and for spaces
            where `make format` leaves none.
    """
    lines = source.splitlines(keepends=True)
    # From the end, so that what is inserted moves no place that is still to come.
    for line, column, old, new in sorted(_changes(source, frozenset(ours)), reverse=True):
        whole = lines[line - 1].encode()
        before, after = whole[:column], whole[column:]
        if not after.startswith(old.encode()):
            raise Unmovable(f"line {line}: {whole.decode().strip()}")
        lines[line - 1] = (before + new.encode() + after.removeprefix(old.encode())).decode()
    run = re.compile(rf"(python -m )(?=(?:{'|'.join(map(re.escape, sorted(ours)))})\b)")
    return run.sub(rf"\g<1>{HOME}.", "".join(lines))


def _changes(source: str, ours: frozenset[str]) -> Iterator[tuple[int, int, str, str]]:
    """(line, column in bytes, what stands there, what is to)."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            module = node.module or ""
            if module.partition(".")[0] in ours:
                yield node.lineno, node.col_offset, f"from {module}", f"from {HOME}.{module}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] in ours:
                    new = f"{HOME}.{alias.name}"
                    if alias.asname is None:
                        if "." in alias.name:
                            raise Unmovable(f"line {node.lineno}: import {alias.name}")
                        new = f"{new} as {alias.name}"
                    yield alias.lineno, alias.col_offset, alias.name, new
