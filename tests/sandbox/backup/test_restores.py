"""A copy is put back for whom it was made alone, and all of it or nothing."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from deployment.topology import CENTRAL_BANK, StackPlan
from runtime.one_writer import OneWriter
from sandbox.backup.putting_back import put_back
from tests.sandbox.backup.copying import (
    LEDGER,
    PASSPHRASE,
    append,
    copied,
    database,
    execute,
    new_stack,
    refused,
    restored,
    tree,
)


def test_a_party_that_runs_is_not_overwritten(plan: StackPlan, tmp_path: Path) -> None:
    copied(plan, tmp_path / "copy")
    before = tree(plan.folder)
    service = OneWriter(plan.database_url("beta"))
    try:
        said = refused(lambda: restored(plan, tmp_path / "copy"), "RUNNING")
        assert said.startswith("beta runs")
        assert tree(plan.folder) == before
    finally:
        service.release()
    assert len(restored(plan, tmp_path / "copy")) == 3


def test_copies_of_another_stack_another_ledger_or_another_party_are_refused(
    plan: StackPlan, tmp_path: Path
) -> None:
    other = new_stack(tmp_path / "other")
    copied(other, tmp_path / "theirs")
    refused(lambda: restored(plan, tmp_path / "theirs"), "ANOTHER_STACK")

    copied(plan, tmp_path / "mine")
    execute(database(plan, CENTRAL_BANK), "UPDATE feed_ledger SET ledger = ?", b"\x06" * 16)
    refused(lambda: restored(plan, tmp_path / "mine"), "ANOTHER_LEDGER")
    execute(database(plan, CENTRAL_BANK), "UPDATE feed_ledger SET ledger = ?", LEDGER)

    copied(plan, tmp_path / "alpha", "alpha")
    said = refused(lambda: restored(plan, tmp_path / "alpha", "beta"), "NOT_IN_COPY")
    assert said == "this is no copy of beta; it has alpha"

    founded = "INSERT INTO officer_founding VALUES ('alpha', x'', x'', 0)"
    execute(database(plan, "beta"), founded)  # alpha's database lies where beta's should be
    copied(plan, tmp_path / "mixed", "beta")
    said = refused(lambda: restored(plan, tmp_path / "mixed"), "ANOTHER_PARTY")
    assert said == "the database of beta in this copy is that of alpha"


def test_what_is_no_stack_is_not_written_to(plan: StackPlan, tmp_path: Path) -> None:
    copied(plan, tmp_path / "part", "alpha")
    copied(plan, tmp_path / "whole", whole=True)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter").write_text("dear")
    for folder, source, names in (
        ("home", "whole", ()),
        ("home", "part", ()),
        ("none", "part", ()),
        ("none", "whole", ("alpha",)),
    ):
        refused(
            lambda folder=folder, source=source, names=names: put_back(  # type: ignore[misc]
                tmp_path / folder, tmp_path / source, names, None, give_up=True, files=True
            ),
            "NO_STACK",
        )
    assert tree(tmp_path / "home") == {"letter": b"dear"}
    assert not (tmp_path / "none").exists()


def test_a_stack_that_is_lost_is_made_anew_from_a_copy_of_all(
    plan: StackPlan, tmp_path: Path
) -> None:
    copied(plan, tmp_path / "copy", passphrase=PASSPHRASE, whole=True)
    before = tree(plan.folder)
    shutil.rmtree(plan.folder)
    restored(plan, tmp_path / "copy", passphrase=PASSPHRASE)
    after = tree(plan.folder)
    assert after.keys() == before.keys()
    assert all(after[name] == before[name] for name in before if not name.endswith(".db"))


def test_a_copy_that_has_less_is_put_back_only_when_that_is_said(
    plan: StackPlan, tmp_path: Path
) -> None:
    copied(plan, tmp_path / "copy", "alpha")
    append(plan, "alpha", b"\x02" * 32)
    said = refused(lambda: restored(plan, tmp_path / "copy"), "COPY_OLDER")
    assert "goes on for 1 records after this copy" in said
    (done,) = restored(plan, tmp_path / "copy", give_up=True)
    (aside,) = done.aside
    with closing(sqlite3.connect(Path(aside) / "operator_bank.db")) as kept:
        assert kept.execute("SELECT MAX(seq) FROM journal").fetchone() == (2,)
    with closing(sqlite3.connect(database(plan, "alpha"))) as now:
        assert now.execute("SELECT MAX(seq) FROM journal").fetchone() == (1,)


def test_a_copy_of_another_past_is_put_back_only_when_that_is_said(
    plan: StackPlan, tmp_path: Path
) -> None:
    copied(plan, tmp_path / "copy", "alpha")
    execute(database(plan, "alpha"), "UPDATE journal SET hash = ?", b"\x09" * 32)
    refused(lambda: restored(plan, tmp_path / "copy"), "ANOTHER_HISTORY")
    assert restored(plan, tmp_path / "copy", give_up=True)


def test_a_database_that_cannot_be_read_any_more_is_put_aside_when_that_is_said(
    plan: StackPlan, tmp_path: Path
) -> None:
    copied(plan, tmp_path / "copy", "alpha")
    database(plan, "alpha").write_bytes(b"broken" * 1_000)
    assert "cannot be read" in refused(lambda: restored(plan, tmp_path / "copy"), "UNREADABLE")
    (done,) = restored(plan, tmp_path / "copy", give_up=True)
    assert (Path(done.aside[0]) / "operator_bank.db").read_bytes() == b"broken" * 1_000


def test_keys_that_were_renewed_since_stay_unless_the_copys_are_wanted(
    plan: StackPlan, tmp_path: Path
) -> None:
    copied(plan, tmp_path / "copy", "alpha")
    key = plan.bank_folder("alpha") / "business.key"
    old = key.read_bytes()
    key.write_bytes(b"n" * 32)
    (plan.bank_folder("alpha") / "tls.key").unlink()
    (done,) = restored(plan, tmp_path / "copy")
    assert done.kept == ("business.key",)
    assert key.read_bytes() == b"n" * 32
    assert (plan.bank_folder("alpha") / "tls.key").exists()
    (done,) = put_back(plan.folder, tmp_path / "copy", (), None, give_up=False, files=True)[1]
    assert done.kept == ()
    assert key.read_bytes() == old
