"""A copy is private, whole or not there, and put back for whom it was made alone."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from deployment.topology import CENTRAL_BANK, StackPlan
from runtime.database import upgrade
from runtime.one_writer import OneWriter
from sandbox.backup import making, putting_back
from sandbox.backup.making import make_copy
from sandbox.backup.manifest import MANIFEST, Manifest, read_manifest
from sandbox.backup.putting_back import PutBack, put_back
from sandbox.backup.refused import BackupRefused
from sandbox.backup.verifying import verify_copy
from sandbox.stack.supervisor import init

PASSPHRASE = "correct horse battery"
ALL = (CENTRAL_BANK, "alpha", "beta")
LEDGER = b"\x05" * 16


def database(plan: StackPlan, name: str) -> Path:
    return Path(plan.database_url(name).removeprefix("sqlite:///"))


def execute(path: Path, statement: str, *values: Any) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement, values)


def append(plan: StackPlan, name: str, digest: bytes) -> None:
    """One more row at the end of a party's journal; what is in it does not matter here."""
    with closing(sqlite3.connect(database(plan, name))) as connection, connection:
        last = connection.execute("SELECT COALESCE(MAX(seq), 0) FROM journal").fetchone()[0]
        connection.execute(
            "INSERT INTO journal (seq, first_position, previous_hash, hash, count, body)"
            " VALUES (?, ?, x'', ?, 1, x'')",
            (last + 1, last + 1, digest),
        )


def new_stack(folder: Path) -> StackPlan:
    """A stack whose services have never run, with the tables that they would make."""
    plan = init(folder)
    for name in ALL:
        upgrade(
            plan.database_url(name), "central_bank" if name == CENTRAL_BANK else "operator_bank"
        )
    execute(database(plan, CENTRAL_BANK), "INSERT INTO feed_ledger VALUES (1, ?)", LEDGER)
    for name in ALL[1:]:
        append(plan, name, b"\x01" * 32)
    return plan


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_stack(tmp_path_factory.mktemp("template") / "stack").folder


@pytest.fixture
def plan(template: Path, tmp_path: Path) -> StackPlan:
    shutil.copytree(template, tmp_path / "stack")
    return init(tmp_path / "stack")


def copied(
    plan: StackPlan, to: Path, *names: str, passphrase: str | None = None, whole: bool = False
) -> Manifest:
    return make_copy(plan, names or ALL, to, passphrase, whole=whole)


def restored(
    plan: StackPlan,
    source: Path,
    *names: str,
    passphrase: str | None = None,
    give_up: bool = False,
    files: bool = False,
) -> list[PutBack]:
    return put_back(plan.folder, source, names, passphrase, give_up=give_up, files=files)[1]


def refused(act: Callable[[], object], reason: str) -> str:
    """What is said to an act that is refused for that reason."""
    with pytest.raises(BackupRefused) as refusal:
        act()
    assert refusal.value.reason == reason
    return str(refusal.value)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but for what locks leave."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.suffix not in (".writer", ".lock")
    }


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_what_is_put_back_is_what_was_copied(
    plan: StackPlan, tmp_path: Path, passphrase: str | None
) -> None:
    to = tmp_path / "copy"
    copied(plan, to, passphrase=passphrase)
    before = tree(plan.bank_folder("alpha"))
    shutil.rmtree(plan.bank_folder("alpha"))
    (done,) = restored(plan, to, "alpha", passphrase=passphrase)
    assert done == PutBack("alpha", (), ())
    after = tree(plan.bank_folder("alpha"))
    assert after.keys() == before.keys()
    for name in before.keys() - {"operator_bank.db"}:
        assert after[name] == before[name], name
    with closing(sqlite3.connect(database(plan, "alpha"))) as connection:
        assert connection.execute("SELECT hash FROM journal").fetchall() == [(b"\x01" * 32,)]


def test_everything_in_a_copy_is_its_owners_alone(plan: StackPlan, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        copied(plan, tmp_path / "copy", whole=True)
        shutil.rmtree(plan.folder)
        put_back(plan.folder, tmp_path / "copy", (), None, give_up=False, files=False)
    finally:
        os.umask(old)
    for root in (tmp_path / "copy", plan.folder):
        for path in (root, *root.rglob("*")):
            mode = path.stat().st_mode & 0o777
            assert mode == (0o700 if path.is_dir() else 0o600), path


def test_nothing_of_a_stack_can_be_read_in_a_sealed_copy(plan: StackPlan, tmp_path: Path) -> None:
    copied(plan, tmp_path / "copy", passphrase=PASSPHRASE, whole=True)
    key = (plan.bank_folder("alpha") / "business.key").read_bytes()
    for name, content in tree(tmp_path / "copy").items():
        assert key not in content, name
        assert b"SQLite format" not in content, name
        assert b"PRIVATE KEY" not in content, name
    assert not list(plan.folder.rglob("*unfinished*"))


def test_a_copy_is_opened_by_its_passphrase_alone(plan: StackPlan, tmp_path: Path) -> None:
    to = tmp_path / "copy"
    copied(plan, to, "alpha", passphrase=PASSPHRASE)
    assert "is needed" in refused(lambda: read_manifest(to, None), "PASSPHRASE_MISSING")
    said = refused(lambda: read_manifest(to, "another passphrase"), "PASSPHRASE_WRONG")
    assert said == "this is not the passphrase of this copy"


def test_a_copy_that_is_not_sealed_does_not_pass_for_a_sealed_one(
    plan: StackPlan, tmp_path: Path
) -> None:
    copied(plan, tmp_path / "copy", "alpha")
    said = refused(lambda: restored(plan, tmp_path / "copy", passphrase=PASSPHRASE), "NOT_SEALED")
    assert "put in the place of yours" in said


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
@pytest.mark.parametrize("name", ["database", "files/settings.toml"])
def test_a_turned_byte_is_noticed_before_anything_is_changed(
    plan: StackPlan, tmp_path: Path, passphrase: str | None, name: str
) -> None:
    to = tmp_path / "copy"
    copied(plan, to, "alpha", passphrase=passphrase)
    file = to / "alpha" / (name + (".sealed" if passphrase else ""))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x40
    file.write_bytes(content)
    before = tree(plan.folder)
    said = refused(lambda: restored(plan, to, passphrase=passphrase), "COPY_CHANGED")
    assert f"alpha/{name}" in said
    refused(lambda: verify_copy(to, passphrase), "COPY_CHANGED")
    file.unlink()
    assert "is missing" in refused(
        lambda: restored(plan, to, passphrase=passphrase), "COPY_CHANGED"
    )
    assert tree(plan.folder) == before


def test_the_list_of_a_sealed_copy_cannot_be_changed(plan: StackPlan, tmp_path: Path) -> None:
    to = tmp_path / "copy"
    copied(plan, to, passphrase=PASSPHRASE)
    told = json.loads((to / MANIFEST).read_text())
    told["parties"] = told["parties"][:1]
    (to / MANIFEST).write_text(json.dumps(told))
    said = refused(lambda: restored(plan, to, passphrase=PASSPHRASE), "COPY_CHANGED")
    assert "manifest.json was changed" in said


def _set(*path: Any, to: Any) -> Callable[[Any], None]:
    def change(told: Any) -> None:
        for step in path[:-1]:
            told = told[step]
        told[path[-1]] = to

    return change


@pytest.mark.parametrize(
    "change",
    [
        _set("format", to=2),
        _set("parties", to={}),
        _set("parties", 0, "journal_seq", to=-1),
        _set("parties", 0, "journal_seq", to=True),
        _set("parties", 0, "kind", to="oracle"),
        _set("parties", 0, "database", to=None),
        _set("parties", 0, "database", "path", to="central-bank/../../../etc/passwd"),
        _set("parties", 0, "database", "path", to="/etc/passwd"),
        _set("parties", 0, "database", "path", to="beta/database"),
        _set("parties", 0, "files", 0, "path", to="central-bank"),
        _set("parties", 0, "files", 0, "path", to="central-bank/files/a\0b"),
        _set("parties", 0, "name", to="alpha"),
        _set("root", to="not hex"),
        _set("salt", to="00"),
        _set("surprise", to=1),
        lambda told: told.pop("stack"),
        lambda told: told["parties"].append(told["parties"][0]),
    ],
)
def test_a_list_that_cannot_be_is_a_sentence(
    plan: StackPlan, tmp_path: Path, change: Callable[[Any], None]
) -> None:
    to = tmp_path / "copy"
    copied(plan, to)
    told = json.loads((to / MANIFEST).read_text())
    change(told)
    (to / MANIFEST).write_text(json.dumps(told))
    before = tree(plan.folder)
    assert "cannot be read" in refused(lambda: restored(plan, to), "COPY_UNREADABLE")
    assert tree(plan.folder) == before


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_is_no_list_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MANIFEST).write_bytes(content)
    refused(lambda: read_manifest(tmp_path, None), "COPY_UNREADABLE")


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

    monkeypatch.setattr(putting_back.os, "rename", fail)
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
