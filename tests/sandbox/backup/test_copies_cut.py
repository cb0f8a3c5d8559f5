"""A copy or a restore that cannot be finished leaves nothing behind, and is begun again."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Any

import pytest

from deployment.topology import StackPlan
from sandbox.backup import making
from sandbox.backup.manifest import read_manifest
from sandbox.backup.verifying import verify_copy
from tests.sandbox.backup.copying import (
    PASSPHRASE,
    copied,
    database,
    execute,
    refused,
    restored,
    tree,
)


def test_when_one_party_cannot_be_exchanged_all_have_what_they_had(
    plan: StackPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied(plan, tmp_path / "copy")
    before = tree(plan.folder)
    rename = os.rename

    def fail(source: Any, target: Any) -> None:
        if Path(target) == plan.bank_folder("beta") and str(source).endswith(".restoring"):
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(OSError, match="Input/output"):
        restored(plan, tmp_path / "copy")
    monkeypatch.undo()
    assert tree(plan.folder) == before
    assert not list(plan.folder.rglob("*.restoring"))
    assert not list(plan.folder.rglob("*.replaced-*"))


def test_a_restore_that_was_cut_off_is_begun_again(plan: StackPlan, tmp_path: Path) -> None:
    copied(plan, tmp_path / "copy", "alpha")
    where = plan.bank_folder("alpha")
    left = where.with_name("alpha.restoring")
    left.mkdir()
    (left / "operator_bank.db").write_bytes(b"half")
    # The power went between the two renames: nothing is where the bank should be.
    os.rename(where, where.with_name("alpha.replaced-20260101T000000Z"))
    restored(plan, tmp_path / "copy")
    assert tree(where)["operator_bank.db"].startswith(b"SQLite format 3")
    assert not left.exists()


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_a_copy_that_cannot_be_finished_leaves_nothing_behind(
    plan: StackPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passphrase: str | None
) -> None:
    before = tree(plan.folder)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(making, "store", full)
    with pytest.raises(OSError, match="No space left"):
        copied(plan, tmp_path / "copy", "alpha", passphrase=passphrase)
    assert list(tmp_path.iterdir()) == [plan.folder]
    assert tree(plan.folder) == before
    monkeypatch.undo()
    (tmp_path / "copy.unfinished").mkdir()  # of one that was killed
    copied(plan, tmp_path / "copy", "alpha", passphrase=passphrase)
    assert not (tmp_path / "copy.unfinished").exists()


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_a_disk_that_is_full_is_a_sentence_and_leaves_nothing(
    plan: StackPlan, tmp_path: Path, passphrase: str | None
) -> None:
    before = tree(plan.folder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # a file may not be larger
    try:
        said = refused(
            lambda: copied(plan, tmp_path / "copy", passphrase=passphrase), "COPY_FAILED"
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert said.startswith("the database of central-bank cannot be copied: ")
    assert list(tmp_path.iterdir()) == [plan.folder]
    assert tree(plan.folder) == before


def test_a_copy_takes_no_place_that_is_taken_and_none_in_the_stack(
    plan: StackPlan, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter").write_text("dear")
    (tmp_path / "file").write_text("dear")
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    (tmp_path / "empty").mkdir()
    for place in ("full", "file", "link", "stack/copy"):
        refused(lambda place=place: copied(plan, tmp_path / place), "PLACE")  # type: ignore[misc]
    copied(plan, tmp_path / "empty")
    assert read_manifest(tmp_path / "empty", None)


def test_one_copy_or_restore_at_a_time(plan: StackPlan, tmp_path: Path) -> None:
    copied(plan, tmp_path / "copy")
    with making.alone(plan):
        refused(lambda: copied(plan, tmp_path / "second"), "BUSY")
        refused(lambda: restored(plan, tmp_path / "copy"), "BUSY")
    assert not (tmp_path / "second").exists()


def test_a_copy_of_a_newer_version_is_left_to_that_version(plan: StackPlan, tmp_path: Path) -> None:
    execute(database(plan, "alpha"), "UPDATE alembic_version SET version_num = '9999'")
    copied(plan, tmp_path / "copy", "alpha")
    assert "schema 9999" in refused(lambda: restored(plan, tmp_path / "copy"), "SCHEMA_UNKNOWN")
    refused(lambda: verify_copy(tmp_path / "copy", None), "SCHEMA_UNKNOWN")
