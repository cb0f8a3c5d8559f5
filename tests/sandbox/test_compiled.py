"""What set-up compiles is what a service needs."""

from __future__ import annotations

from pathlib import Path

from sandbox.compiled import compile_all
from settlement import packing, rule
from tests.settlement.books import fresh, system

COMPILED = [
    each for module in (rule, packing) for each in vars(module).values() if hasattr(each, "py_func")
]


def test_after_it_a_ledger_compiles_nothing_more(tmp_path: Path) -> None:
    compile_all()
    before = [len(each.signatures) for each in COMPILED]
    assert rule.apply.signatures and len(COMPILED) > 20
    books = system(*fresh(f"sqlite:///{tmp_path / 'ledger.db'}"))
    books.projection.catch_up()
    assert [len(each.signatures) for each in COMPILED] == before
