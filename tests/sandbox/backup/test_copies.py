"""A copy is private, and whole or not there."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from deployment.topology import StackPlan
from sandbox.backup.manifest import MANIFEST, read_manifest
from sandbox.backup.putting_back import PutBack, put_back
from sandbox.backup.verifying import verify_copy
from tests.sandbox.backup.copying import PASSPHRASE, copied, database, refused, restored, tree


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
