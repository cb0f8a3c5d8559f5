"""Who plays the telephone of a sandbox finds the code, and nobody finds one anywhere else."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from operator_bank.customers.sandbox_checks import LikeReal
from sandbox.cli import codes
from sandbox.cli.main import app


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two banks, alpha and beta, of which nothing but the settings is there."""
    banks = [SimpleNamespace(name=name) for name in ("alpha", "beta")]
    plan = SimpleNamespace(
        banks=banks,
        bank=lambda name: next(each for each in banks if each.name == name),
        bank_folder=lambda name: tmp_path / name,
    )
    monkeypatch.setattr(codes, "load", lambda folder: plan)
    for each in banks:
        (tmp_path / each.name).mkdir()
        settle(tmp_path, each.name, "sandbox", in_files=True)
    return tmp_path


def settle(stack: Path, bank: str, checks: str, *, in_files: bool) -> None:
    said = f'identity_checks = "{checks}"\nidentity_outbox = "outbox.jsonl"\n'
    said += f"keys_in_files = {str(in_files).lower()}\n"
    (stack / bank / "settings.toml").write_text(said)


def told(*words: str, code: int = 0) -> Any:
    done = CliRunner().invoke(app, ["sandbox", "codes", *words, "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def test_a_code_is_found_by_its_telephone(stack: Path) -> None:
    assert told()["entries"] == []
    LikeReal(stack / "alpha/outbox.jsonl").deliver("8613900139000", "123456", 1_000)
    LikeReal(stack / "beta/outbox.jsonl").deliver("8613900139001", "654321", 2_000)
    assert [each["code"] for each in told()["entries"]] == ["654321", "123456"]
    [mine] = told("--phone", "139 0013 9000")["entries"]
    assert (mine["bank"], mine["code"], mine["phone"]) == ("alpha", "123456", "8613900139000")
    assert [each["code"] for each in told("--bank", "beta")["entries"]] == ["654321"]
    said = CliRunner().invoke(app, ["sandbox", "codes"]).output
    assert "alpha to 8613900139000: 123456" in said


@pytest.mark.parametrize(
    ("checks", "in_files"),
    [("none", True), ("sandbox-at-once", True), ("somebody-real", True), ("sandbox", False)],
)
def test_outside_of_a_sandbox_there_are_none(stack: Path, checks: str, in_files: bool) -> None:
    # Even where a file lies that looks like a sandbox's.
    LikeReal(stack / "alpha/outbox.jsonl").deliver("8613900139000", "123456", 1_000)
    settle(stack, "alpha", checks, in_files=in_files)
    assert told("--bank", "alpha", code=1)["reason"] == "NO_TELEPHONES"
    assert told()["entries"] == [], "beta has sent nothing"
