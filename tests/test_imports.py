"""Who may import whom: the contracts in pyproject.toml hold, and would notice."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path

import grimp
import pytest
from importlinter.api import read_configuration
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import LayersContract

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATION = read_configuration(str(ROOT / "pyproject.toml"))
CONTRACTS = {contract["name"]: contract for contract in CONFIGURATION["contracts_options"]}
KINDS = {"layers": LayersContract, "forbidden": ForbiddenContract}
OURS = set(CONFIGURATION["session_options"]["root_packages"])


@cache
def imports() -> grimp.ImportGraph:
    return grimp.build_graph(*sorted(OURS), cache_dir=None)


def kept(name: str, graph: grimp.ImportGraph) -> bool:
    contract = CONTRACTS[name]
    options = {key: value for key, value in contract.items() if key not in ("name", "type")}
    kind = KINDS[contract["type"]]
    return bool(kind(name, CONFIGURATION["session_options"], options).check(graph, False).kept)


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_contract_is_kept(name: str) -> None:
    assert kept(name, deepcopy(imports())), "`make check-imports` says which imports break it"


def test_every_package_is_under_contract() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders - {"dcep_build", "tests"} == OURS
    layers = next(contract for contract in CONTRACTS.values() if contract["type"] == "layers")
    listed = " ".join(layers["layers"]).replace("|", " ").replace(":", " ").split()
    assert sorted(listed) == sorted(OURS)


NEVER = [
    ("language", "currency"),
    ("currency", "runtime"),
    ("settlement", "runtime"),
    ("settlement", "language"),
    ("settlement", "officers"),
    ("offline_token", "runtime"),
    ("offline_token", "language"),
    ("runtime", "currency"),
    ("runtime", "settlement"),
    ("officers", "currency"),
    ("officers", "settlement"),
    ("officers", "language"),
    ("central_bank", "operator_bank"),
    ("central_bank", "wallet"),
    ("central_bank", "language"),
    ("operator_bank", "central_bank"),
    ("operator_bank", "sandbox"),
    ("wallet", "operator_bank"),
    ("wallet", "settlement"),
    ("wallet", "officers"),
    ("auditor", "central_bank"),
    ("auditor", "operator_bank"),
    ("auditor", "console"),
    ("console", "operator_bank"),
    ("console", "sandbox"),
    ("deployment", "console"),
    ("deployment", "wallet"),
    ("simulation", "sandbox"),
    ("sandbox", "central_bank"),
    ("sandbox", "wallet"),
    ("sandbox", "bench"),
]


@pytest.mark.parametrize(("importer", "imported"), NEVER)
def test_a_forbidden_import_would_be_noticed(importer: str, imported: str) -> None:
    graph = deepcopy(imports())
    graph.add_module(f"{importer}.new")
    graph.add_import(importer=f"{importer}.new", imported=imported)
    assert [name for name in CONTRACTS if not kept(name, deepcopy(graph))]
