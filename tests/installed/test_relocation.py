"""What the build changes in a module, and what it refuses to."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from dcep_build.backend import packages_of
from dcep_build.relocation import Unmovable, relocated
from runtime.own_modules import own

ROOT = Path(__file__).resolve().parents[2]
OURS = {"operator_bank", "runtime", "wallet"}


@pytest.mark.parametrize(
    ("source", "installed"),
    [
        ("from wallet import cli", "from dcep.wallet import cli"),
        ("from wallet.cli import app as a", "from dcep.wallet.cli import app as a"),
        ("import runtime  # before gRPC", "import dcep.runtime as runtime  # before gRPC"),
        ("import os, wallet, re", "import os, dcep.wallet as wallet, re"),
        ("import wallet.cli as tool", "import dcep.wallet.cli as tool"),
        ("x = '元'; from wallet import a", "x = '元'; from dcep.wallet import a"),
        ("def f():\n    from wallet import a\n", "def f():\n    from dcep.wallet import a\n"),
        ("from wallet import (\n    a,\n)\n", "from dcep.wallet import (\n    a,\n)\n"),
        ('"""``python -m wallet.cli``"""', '"""``python -m dcep.wallet.cli``"""'),
        # What only looks like it.
        ("from wallets import a", "from wallets import a"),
        ("from dcep.wallet.v1 import wallet_pb2", "from dcep.wallet.v1 import wallet_pb2"),
        ("from . import wallet", "from . import wallet"),
        ("from numpy import wallet", "from numpy import wallet"),
        ("wallet = runtime = 1", "wallet = runtime = 1"),
        ("say('from wallet import a')", "say('from wallet import a')"),
        ("'python -m wallets'", "'python -m wallets'"),
    ],
)
def test_names_of_packages_change_and_nothing_else(source: str, installed: str) -> None:
    assert relocated(source, OURS) == installed


@pytest.mark.parametrize(
    "source", ["import wallet.cli", "import os, runtime.tls", "from  wallet import a"]
)
def test_what_cannot_be_moved_ends_the_build(source: str) -> None:
    with pytest.raises(Unmovable, match="line 1"):
        relocated(source, OURS)


def test_modules_that_are_run_are_named_through_own() -> None:
    """A name in text is moved by nobody: ``own`` looks where it is."""
    ours = packages_of(ROOT)
    named = re.compile(rf"""["'](?:{"|".join(ours)})\.""")
    bare = [
        (str(file.relative_to(ROOT)), text)
        for package in ours - {"migrations"}
        for file in (ROOT / package).rglob("*.py")
        if named.search(source := file.read_text())
        for text in _texts_outside_of_own(ast.parse(source))
        if text.partition(".")[0] in ours and _is_module(text)
    ]
    assert bare == [("runtime/own_modules.py", "runtime.own_modules")]  # which finds itself so
    assert own("operator_bank.edge") == "operator_bank.edge"


def _texts_outside_of_own(tree: ast.AST) -> list[str]:
    within = {
        argument
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "own"
        for argument in node.args
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in within
    ]


def _is_module(name: str) -> bool:
    if not re.fullmatch(r"\w+(\.\w+)+", name):
        return False
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()
