"""Stacks that are copied and put back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from deployment.topology import CENTRAL_BANK, StackPlan
from runtime.database import upgrade
from sandbox.backup.making import make_copy
from sandbox.backup.manifest import Manifest
from sandbox.backup.putting_back import PutBack, put_back
from sandbox.backup.refused import BackupRefused
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
