"""Puts a copy back: prepares it beside what is there, checks it, and then exchanges the two.

What is replaced is kept under another name. Nothing is exchanged before all parties are ready. When
one of them cannot be exchanged, those before it get back what they had.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sqlalchemy import column as col
from sqlalchemy import select, table
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from deployment.databases import DatabaseMissing, reading_engine
from deployment.provisioning import fingerprint
from deployment.topology import CENTRAL_BANK, StackPlan, load
from language import _
from runtime.database import migrations_folder
from runtime.files import flush_folder
from runtime.one_writer import DatabaseTaken, OneWriter
from runtime.private import make_private
from sandbox.backup import postgresql
from sandbox.backup.cut import Stands, stands
from sandbox.backup.making import (
    RESTORING,
    alone,
    database_file,
    is_of_database,
    party_folder,
)
from sandbox.backup.manifest import SEALED_END, Manifest, PartyCopy, StoredFile, read_manifest
from sandbox.backup.refused import BackupRefused
from sandbox.backup.sealing import Keys
from sandbox.backup.storing import check_whole, pieces_of, taken_out, write_pieces

_journal = table("journal", col("seq"), col("hash"))


@dataclass(frozen=True)
class PutBack:
    """A party whose copy was put back.

    Attributes:
        name: the party's.
        aside: the folder, and the database on a server, that hold what was there before.
        kept: files that differ from the copy's and were left as they are.
    """

    name: str
    aside: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass
class _Ready:
    """A party whose copy is ready to be exchanged with what is there."""

    name: str
    exchange: Callable[[], Callable[[], None]]
    """Exchanges, and returns what undoes it."""

    discard: Callable[[], None]
    aside: str = ""
    kept: tuple[str, ...] = ()


def put_back(
    folder: Path,
    source: Path,
    names: Sequence[str],
    passphrase: str | None,
    *,
    give_up: bool,
    files: bool,
) -> tuple[Manifest, list[PutBack]]:
    """Puts copies back.

    Args:
        folder: the stack's; when it is missing or empty, it is made from a copy of a whole stack.
        source: the copy.
        names: the parties'; empty: all that are in the copy.
        passphrase: of a sealed copy, else None.
        give_up: whether to put it back even if it lacks some of what is there now.
        files: whether settings, keys and certificates replace those that are there.

    Raises:
        BackupRefused: nothing was changed.
    """
    manifest, keys = read_manifest(source, passphrase)
    chosen = [manifest.party(name) for name in names] if names else list(manifest.parties)
    for file in manifest.stored:
        check_whole(source, file)
    anew = not (folder / "stack.json").exists()
    if anew:
        _lay_out(folder, source, manifest, keys, all_of_it=not names)
    try:
        plan = load(folder)
        _check_stack(plan, manifest)
        restoring = _Restoring(plan, source, keys, give_up=give_up, files=files)
        with alone(plan):
            try:
                for party in chosen:
                    restoring.make_ready(party)
                return manifest, restoring.exchange()
            finally:
                restoring.end()
    except BaseException:
        if anew:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _lay_out(
    folder: Path, source: Path, manifest: Manifest, keys: Keys | None, *, all_of_it: bool
) -> None:
    """Makes a stack's folder, without its parties, on a machine that has none."""
    if not manifest.stack or not all_of_it:
        raise BackupRefused(
            "NO_STACK",
            _("{folder} is no stack; one is made anew from all of a copy of all alone").format(
                folder=folder
            ),
        )
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise BackupRefused(
            "NO_STACK", _("{folder} is no stack, and is not empty").format(folder=folder)
        )
    made = folder.with_name(folder.name + RESTORING)
    shutil.rmtree(made, ignore_errors=True)
    make_private(made)
    try:
        for file in manifest.stack:
            _take(source, file, keys, made / _beside(file, keys))
        _flush(made)
        os.rename(made, folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def _check_stack(plan: StackPlan, manifest: Manifest) -> None:
    if fingerprint(plan.root_certificate) != manifest.root:
        raise BackupRefused(
            "ANOTHER_STACK", _("this is a copy of another stack: its root is another")
        )
    for party in manifest.parties:
        if party.name not in plan.commands():
            raise BackupRefused(
                "ANOTHER_STACK", _("this stack has no {party}").format(party=party.name)
            )
    ledgers = {party.ledger for party in manifest.parties if party.ledger}
    if len(ledgers) > 1:
        raise BackupRefused(
            "ANOTHER_LEDGER", _("the parties in this copy are of different ledgers")
        )


class _Restoring:
    """Prepares parties' copies, then exchanges them with what is there."""

    def __init__(
        self, plan: StackPlan, source: Path, keys: Keys | None, *, give_up: bool, files: bool
    ) -> None:
        self._plan = plan
        self._source = source
        self._keys = keys
        self._give_up = give_up
        self._files = files
        now_ns = time.time_ns()
        seconds = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now_ns // 10**9))
        self._stamp = f"{seconds}.{now_ns // 10**6 % 1_000:03d}Z"
        self._ready: list[_Ready] = []
        self._writers: dict[str, OneWriter] = {}

    def make_ready(self, party: PartyCopy) -> None:
        """Writes a party's copy beside what is there, and checks it. Raises BackupRefused."""
        url = self._plan.database_url(party.name)
        kind = "sqlite" if database_file(self._plan, party.name) else "postgresql"
        if kind != party.kind:
            raise BackupRefused(
                "ANOTHER_KIND",
                _("the copy of {party} is of {kind}, and its database here of {kind2}").format(
                    party=party.name, kind=party.kind, kind2=kind
                ),
            )
        check_revision(party)
        if _there(url):
            self._take_hold(party.name, url)
            self._compare(party, url)
        if kind == "sqlite":
            self._sqlite(party)
        else:
            self._postgresql(party, url)

    def exchange(self) -> list[PutBack]:
        """Exchanges all parties or none. Raises BackupRefused."""
        undo: list[Callable[[], None]] = []
        try:
            for ready in self._ready:
                undo.append(ready.exchange())
        except BaseException:
            for back in reversed(undo):
                back()
            raise
        done, self._ready = self._ready, []
        return [
            PutBack(
                name,
                tuple(one.aside for one in done if one.name == name and one.aside),
                tuple(file for one in done if one.name == name for file in one.kept),
            )
            for name in dict.fromkeys(one.name for one in done)
        ]

    def end(self) -> None:
        """Deletes what was not exchanged, and lets services start again."""
        for ready in self._ready:
            ready.discard()
        for writer in self._writers.values():
            writer.release()

    def _take_hold(self, name: str, url: str) -> None:
        try:
            self._writers[name] = OneWriter(url, patience_s=0.0)
        except DatabaseTaken:
            raise BackupRefused(
                "RUNNING",
                _("{name} runs and has its database in use; stop it first (dcep down)").format(
                    name=name
                ),
            ) from None

    def _compare(self, party: PartyCopy, url: str) -> None:
        """Raises BackupRefused if what is there is of another ledger, or newer than the copy.

        With `give_up` only another ledger is refused.
        """
        try:
            now = _stands_at(url, party.name)
        except SQLAlchemyError as cause:
            if self._give_up:
                return
            raise BackupRefused(
                "UNREADABLE",
                _(
                    "what {party} has now cannot be read, and might be newer than this copy; "
                    "with --give-up it is put aside"
                ).format(party=party.name),
            ) from cause
        if now.ledger and party.ledger and now.ledger.hex() != party.ledger:
            raise BackupRefused(
                "ANOTHER_LEDGER",
                _("the copy of {party} is of another ledger than what is there").format(
                    party=party.name
                ),
            )
        if self._give_up or now.seq == 0:
            return
        at = _hash_at(url, party.journal_seq)
        more = now.position - party.journal_position
        if at != party.journal_hash:
            raise BackupRefused(
                "ANOTHER_HISTORY",
                _(
                    "what {party} has now does not continue this copy: it has {position} "
                    "records, the copy {journal_position}, and they part before that; with "
                    "--give-up what is there is put aside"
                ).format(
                    party=party.name, position=now.position, journal_position=party.journal_position
                ),
            )
        if more > 0:
            raise BackupRefused(
                "COPY_OLDER",
                _(
                    "what {party} has now goes on for {more} records after this copy, which it "
                    "would not know of any more; with --give-up what is there is put aside"
                ).format(party=party.name, more=more),
            )

    def _sqlite(self, party: PartyCopy) -> None:
        where = party_folder(self._plan, party.name)
        database = database_file(self._plan, party.name)
        made, kept = self._folder(party, where, database)
        ready = self._exchange_of(party.name, where, made, kept)
        self._ready.append(ready)
        _take(self._source, party.database, self._keys, made / database)
        check_database(f"sqlite:///{made / database}", party)
        for end in ("-wal", "-shm"):  # left by the check, which has written nothing
            (made / (database + end)).unlink(missing_ok=True)
        _flush(made)

    def _folder(self, party: PartyCopy, where: Path, database: str) -> tuple[Path, list[str]]:
        """Prepares a party's folder without its database; returns also the files that differ."""
        made = where.with_name(where.name + RESTORING)
        shutil.rmtree(made, ignore_errors=True)
        make_private(made)
        copied = {_beside(file, self._keys, 2): file for file in party.files}
        kept = []
        for file in sorted(where.rglob("*")) if where.is_dir() else ():
            beside = file.relative_to(where)
            if not file.is_file() or is_of_database(file, database):
                continue
            if self._files and beside in copied:
                continue
            make_private((made / beside).parent)
            shutil.copy2(file, made / beside)
            stored = copied.pop(beside, None)
            if stored is not None and not self._same(stored, file):
                kept.append(beside.as_posix())
        for beside, stored in copied.items():
            _take(self._source, stored, self._keys, made / beside)
        return made, kept

    def _same(self, stored: StoredFile, file: Path) -> bool:
        copied, now = hashlib.sha256(), hashlib.sha256()
        for piece in taken_out(self._source, stored, self._keys):
            copied.update(piece)
        with file.open("rb") as source:
            for piece in pieces_of(source):
                now.update(piece)
        return copied.digest() == now.digest()

    def _exchange_of(self, name: str, where: Path, made: Path, kept: list[str]) -> _Ready:
        there = where.exists()
        aside = where.with_name(f"{where.name}.replaced-{self._stamp}")

        def exchange() -> Callable[[], None]:
            if there:
                os.rename(where, aside)
            try:
                os.rename(made, where)
            except BaseException:
                if there:
                    os.rename(aside, where)
                raise
            flush_folder(where.parent)

            def undo() -> None:
                os.rename(where, made)
                if there:
                    os.rename(aside, where)

            return undo

        make_private(where.parent)
        discard = lambda: shutil.rmtree(made, ignore_errors=True)  # noqa: E731
        return _Ready(name, exchange, discard, str(aside) if there else "", tuple(kept))

    def _postgresql(self, party: PartyCopy, url: str) -> None:
        fresh = postgresql.beside(url, "_restoring")
        name, new = str(make_url(url).database), str(make_url(fresh).database)
        aside = str(make_url(postgresql.beside(url, f"_replaced_{self._stamp.lower()}")).database)
        there = postgresql.exists(url)

        def exchange() -> Callable[[], None]:
            if (writer := self._writers.pop(party.name, None)) is not None:
                writer.release()  # a database that somebody is connected to keeps its name
            away, back = ((name, aside),) if there else (), ((aside, name),) if there else ()
            postgresql.rename(url, *away, (new, name))
            return lambda: postgresql.rename(url, (name, new), *back)

        where = party_folder(self._plan, party.name)
        made, kept = self._folder(party, where, "")
        postgresql.create(fresh)
        discard = lambda: postgresql.drop(fresh)  # noqa: E731
        self._ready.append(_Ready(party.name, exchange, discard, aside if there else ""))
        postgresql.load(fresh, taken_out(self._source, party.database, self._keys))
        check_database(fresh, party)
        self._ready.append(self._exchange_of(party.name, where, made, kept))


def check_revision(party: PartyCopy) -> None:
    """Raises BackupRefused unless these services know the schema of a copy's database."""
    service = "central_bank" if party.name == CENTRAL_BANK else "operator_bank"
    versions = migrations_folder(service).glob("versions/*.py")
    if party.revision not in {file.stem.partition("_")[0] for file in versions}:
        raise BackupRefused(
            "SCHEMA_UNKNOWN",
            _(
                "the copy of {party} is of schema {revision}, which this version does not know; "
                "put it back with the version that made it"
            ).format(party=party.name, revision=party.revision or _("none")),
        )


def check_database(url: str, party: PartyCopy) -> None:
    """Raises BackupRefused unless a restored database is what the copy's manifest says."""
    try:
        now = _stands_at(url, party.name)
    except SQLAlchemyError as cause:
        raise BackupRefused(
            "COPY_UNREADABLE",
            _("the database of {party} in this copy cannot be read: {cause}").format(
                party=party.name, cause=cause
            ),
        ) from cause
    if now.institution not in ("", party.name):
        raise BackupRefused(
            "ANOTHER_PARTY",
            _("the database of {party} in this copy is that of {institution}").format(
                party=party.name, institution=now.institution
            ),
        )
    told = (party.journal_seq, party.journal_position, party.journal_hash, party.ledger)
    if (now.seq, now.position, now.hash.hex(), now.ledger.hex()) != told:
        raise BackupRefused(
            "COPY_CHANGED",
            _("the database of {party} is not the one that its list names").format(
                party=party.name
            ),
        )


def _there(url: str) -> bool:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return Path(str(parsed.database)).exists()
    return postgresql.exists(url)


def _stands_at(url: str, name: str) -> Stands:
    try:
        engine = reading_engine(url)
    except DatabaseMissing as missing:
        raise BackupRefused("NO_DATABASE", str(missing)) from None
    try:
        with closing(engine.connect()) as connection:
            return stands(connection, name)
    finally:
        engine.dispose()


def _hash_at(url: str, seq: int) -> str:
    """The hash of a row of a journal, hex; "" when there is no such row."""
    engine = reading_engine(url)
    try:
        with closing(engine.connect()) as connection:
            query = select(_journal.c.hash).where(_journal.c.seq == seq)
            return bytes(connection.execute(query).scalar() or b"").hex()
    finally:
        engine.dispose()


def _beside(file: StoredFile, keys: Keys | None, skipped: int = 1) -> Path:
    """Where a stored file belongs, relative to the folder of its party or stack."""
    path = file.path.removesuffix(SEALED_END) if keys is not None else file.path
    return Path(*PurePosixPath(path).parts[skipped:])


def _take(source: Path, file: StoredFile, keys: Keys | None, to: Path) -> None:
    write_pieces(taken_out(source, file, keys), to)


def _flush(folder: Path) -> None:
    for below, _folders, names in os.walk(folder):
        for name in names:
            descriptor = os.open(Path(below) / name, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        flush_folder(Path(below))
