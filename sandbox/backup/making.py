"""Makes a copy: writes it beside its place, flushes it, and renames it when it is whole."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from deployment.provisioning import fingerprint
from deployment.topology import CENTRAL_BANK, StackPlan
from language import _
from runtime.files import flush_folder
from runtime.private import PRIVATE_FILE, close_to_others, make_private
from sandbox.backup import postgresql
from sandbox.backup.cut import Held, held, snapshot_of
from sandbox.backup.manifest import (
    DATABASE,
    FILES,
    MANIFEST,
    STACK,
    Manifest,
    PartyCopy,
    StoredFile,
    check_of,
)
from sandbox.backup.refused import BackupRefused
from sandbox.backup.sealing import SALT_BYTES, Keys, keys_of
from sandbox.backup.storing import found_at, store, write_pieces

_PAGES = 4_096
"""How many pages of a database are copied at once: 16 MB."""

_SCRATCH = "copying.unfinished"
RESTORING = ".restoring"
_OF_DATABASES = ("-wal", "-shm", "-journal", ".writer")
_NO_PARTS = ("logs", "stack.lock", "backup.lock")
"""The folders and files that a copy of a whole stack leaves out."""


def make_copy(
    plan: StackPlan, names: Sequence[str], to: Path, passphrase: str | None, *, whole: bool
) -> Manifest:
    """Copies parties' databases, settings and keys, as they are at one moment.

    Args:
        plan: their stack's.
        names: the parties'.
        to: a folder that does not exist yet, or is empty.
        passphrase: seals the copy; None: the copy is as readable as the stack is.
        whole: whether to copy what belongs to no party as well: the root, the officers' and the
            machines' keys, and the stack's description.

    Raises:
        BackupRefused: nothing was made.
    """
    _check_place(plan, to)
    unfinished = to.with_name(f"{to.name}.unfinished")
    with alone(plan):
        shutil.rmtree(unfinished, ignore_errors=True)
        make_private(unfinished)
        try:
            manifest = _fill(plan, names, unfinished, passphrase, whole=whole)
            for folder, _folders, _files in os.walk(unfinished):
                flush_folder(Path(folder))
            os.rename(unfinished, to)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        flush_folder(to.absolute().parent)
    return manifest


@contextmanager
def alone(plan: StackPlan) -> Iterator[None]:
    """Lets one copy or restore run at a time in a stack; raises BackupRefused for another."""
    descriptor = os.open(plan.folder / "backup.lock", os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupRefused(
                "BUSY", _("another copy or restore of this stack is under way")
            ) from None
        yield
    finally:
        os.close(descriptor)


def party_folder(plan: StackPlan, name: str) -> Path:
    """The folder of a party's settings, keys and database."""
    return plan.central_folder if name == CENTRAL_BANK else plan.bank_folder(name)


def is_put_aside(folder: Path) -> bool:
    """Whether a folder is one that a restore has replaced or left unfinished."""
    return ".replaced-" in folder.name or folder.name.endswith(RESTORING)


def is_of_database(file: Path, database: str) -> bool:
    """Whether a file in a party's folder is its SQLite database or one of that one's own files."""
    return file.name in (database, *(database + end for end in _OF_DATABASES))


def database_file(plan: StackPlan, name: str) -> str:
    """The name of a party's SQLite database in its folder; "" when it is on a server.

    Raises:
        BackupRefused: the database is in another folder.
    """
    url = make_url(plan.database_url(name))
    if url.get_backend_name() != "sqlite":
        return ""
    path = Path(str(url.database))
    if path.parent != party_folder(plan, name):
        raise BackupRefused(
            "DATABASE_ELSEWHERE",
            _("the database {path} of {name} lies outside of its folder").format(
                path=path, name=name
            ),
        )
    return path.name


def _check_place(plan: StackPlan, to: Path) -> None:
    if to.resolve().is_relative_to(plan.folder):
        raise BackupRefused(
            "PLACE",
            _("{to} lies in the stack itself, and would be lost with it; choose another").format(
                to=to
            ),
        )
    if to.is_symlink() or (to.exists() and (not to.is_dir() or any(to.iterdir()))):
        raise BackupRefused(
            "PLACE", _("there is something in {to} already; choose another place").format(to=to)
        )


def _fill(
    plan: StackPlan, names: Sequence[str], folder: Path, passphrase: str | None, *, whole: bool
) -> Manifest:
    salt, keys = b"", None
    if passphrase is not None:
        salt = os.urandom(SALT_BYTES)
        keys = keys_of(passphrase, salt)
    made_time_ms = int(time.time() * 1_000)
    parties = []
    with held(plan, names) as moments:
        for name in names:
            parties.append(_party(plan, moments[name], folder, keys))
            moments[name].connection.rollback()  # it is copied, so it need not be held longer
    manifest = Manifest(
        made_time_ms,
        fingerprint(plan.root_certificate),
        tuple(parties),
        _rest(plan, folder, keys) if whole else (),
        salt.hex(),
        check_of(keys) if keys is not None else "",
    )
    write_pieces([manifest.encoded(keys)], folder / MANIFEST)
    return manifest


def _party(plan: StackPlan, one: Held, folder: Path, keys: Keys | None) -> PartyCopy:
    name, where = one.name, party_folder(plan, one.name)
    database, stands = database_file(plan, name), one.stands
    files = []
    for file in sorted(where.rglob("*")):
        beside = file.relative_to(where)
        if not file.is_file() or is_of_database(file, database) or beside.parts[0] == _SCRATCH:
            continue
        with file.open("rb") as source:
            files.append(store(source, folder, f"{name}/{FILES}/{beside.as_posix()}", keys))
    return PartyCopy(
        name=name,
        kind="sqlite" if database else "postgresql",
        revision=stands.revision,
        journal_seq=stands.seq,
        journal_position=stands.position,
        journal_hash=stands.hash.hex(),
        ledger=stands.ledger.hex(),
        feed_number=stands.feed_number,
        feed_position=stands.feed_position,
        database=_database(one, where, folder, keys),
        files=tuple(files),
    )


def _database(one: Held, where: Path, folder: Path, keys: Keys | None) -> StoredFile:
    path = f"{one.name}/{DATABASE}"
    if not one.url.startswith("sqlite"):
        with postgresql.dumped(one.url, snapshot_of(one)) as source:
            return store(source, folder, path, keys)
    if keys is None:
        make_private((folder / path).parent)
        _copy_pages(one, folder / path)
        return found_at(folder, path)
    # On the database's own disk, so that nothing unsealed is written anywhere else.
    scratch = where / _SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)
    make_private(scratch)
    try:
        plain = scratch / DATABASE
        _copy_pages(one, plain)
        with plain.open("rb") as source:
            return store(source, folder, path, keys)
    finally:
        shutil.rmtree(scratch)


def _copy_pages(one: Held, to: Path) -> None:
    """Copies a held SQLite database page by page, while its writers go on."""
    source = one.connection.connection.driver_connection
    assert isinstance(source, sqlite3.Connection)
    os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
    try:
        with closing(sqlite3.connect(to)) as target:
            # The copy counts only when it is whole, so it needs no journal.
            target.execute("PRAGMA journal_mode=OFF")
            target.execute("PRAGMA synchronous=OFF")
            source.backup(target, pages=_PAGES, sleep=0)
    except sqlite3.Error as error:
        raise BackupRefused(
            "COPY_FAILED",
            _("the database of {one} cannot be copied: {error}").format(one=one.name, error=error),
        ) from error
    close_to_others(to)


def _rest(plan: StackPlan, folder: Path, keys: Keys | None) -> tuple[StoredFile, ...]:
    """Copies what belongs to no party."""
    parties = {party_folder(plan, name) for name in plan.commands()}
    found = []
    for file in sorted(plan.folder.rglob("*")):
        beside = file.relative_to(plan.folder)
        if not file.is_file() or beside.parts[0] in _NO_PARTS:
            continue
        if any(above in parties or is_put_aside(above) for above in file.parents):
            continue
        with file.open("rb") as source:
            found.append(store(source, folder, f"{STACK}/{beside.as_posix()}", keys))
    return tuple(found)
