"""Who may import whom."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = {
    "bench", "central_bank", "currency", "language", "officers", "offline_token", "operator_bank",
    "runtime", "sandbox", "settlement", "wallet",
}  # fmt: skip
MAY = {
    "language": set[str](),
    "currency": {"language"},
    "settlement": {"currency", "offline_token"},
    "offline_token": {"currency", "settlement"},
    "runtime": {"language"},
    "officers": {"runtime"},
    "central_bank": {"currency", "settlement", "offline_token", "officers", "runtime"},
    "operator_bank": {"currency", "settlement", "offline_token", "officers", "runtime"},
    "wallet": {"currency", "language", "offline_token", "runtime"},
    "sandbox": {"currency", "language", "officers", "runtime", "settlement", "offline_token"},
}


def imports(package: str) -> set[tuple[str, str]]:
    """(file, top-level package of ours that it imports)."""
    found: set[tuple[str, str]] = set()
    for file in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            tops = {name.partition(".")[0] for name in names} & OURS
            found |= {(str(file.relative_to(ROOT)), top) for top in tops}
    return found


# The simulation of risk runs the central bank's own clearing in its process.
BESIDES = {("sandbox/offline_risk/clearing.py", "central_bank")}


@pytest.mark.parametrize("package", sorted(MAY))
def test_a_package_imports_only_what_it_may(package: str) -> None:
    allowed = MAY[package] | {package}
    found = imports(package) - BESIDES
    assert [pair for pair in sorted(found) if pair[1] not in allowed] == []
