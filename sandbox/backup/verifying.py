"""Verifies a copy: puts it back into a scratch place, migrates it, and audits it there."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from auditor.audit import StackAudit, audit_engines, audit_one
from deployment.databases import reading_engine
from deployment.topology import CENTRAL_BANK
from language import _
from runtime.database import upgrade
from sandbox.backup import postgresql
from sandbox.backup.manifest import Manifest, PartyCopy, read_manifest
from sandbox.backup.putting_back import check_database, check_revision
from sandbox.backup.refused import BackupRefused
from sandbox.backup.sealing import Keys
from sandbox.backup.storing import check_whole, taken_out, write_pieces


@dataclass(frozen=True)
class Verified:
    """The result of verifying a copy.

    Attributes:
        manifest: the copy's.
        audit: of the whole copy; None when the central bank is not in it, without which a bank's
            money cannot be compared with anything.
        problems: what is wrong.
    """

    manifest: Manifest
    audit: StackAudit | None
    problems: list[str]


def verify_copy(source: Path, passphrase: str | None, server: str = "") -> Verified:
    """Puts a copy back into a scratch place, audits it there, and deletes that again.

    Args:
        source: the copy.
        passphrase: of a sealed copy, else None.
        server: URL of a PostgreSQL server for the copies of PostgreSQL databases.

    Raises:
        BackupRefused: the copy cannot be read, was changed, or cannot be put back.
    """
    manifest, keys = read_manifest(source, passphrase)
    for file in manifest.stored:
        check_whole(source, file)
    for file in (*manifest.stack, *(one for party in manifest.parties for one in party.files)):
        for _turn in taken_out(source, file, keys):
            pass
    with _scratch(source, manifest, keys, server) as engines:
        if CENTRAL_BANK in engines:
            found = audit_engines(engines)
            return Verified(manifest, found, found.problems)
        problems = [
            f"{name}: {problem}" for name, one in engines.items() for problem in audit_one(one)
        ]
        return Verified(manifest, None, problems)


@contextmanager
def _scratch(
    source: Path, manifest: Manifest, keys: Keys | None, server: str
) -> Iterator[Mapping[str, Engine]]:
    """The restored databases of a copy, by party, while the ``with`` block runs."""
    with ExitStack() as ends:
        place = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="dcep-verify-")))
        engines = {}
        for party in manifest.parties:
            check_revision(party)
            if party.kind == "sqlite":
                write_pieces(taken_out(source, party.database, keys), place / f"{party.name}.db")
                url = f"sqlite:///{place / party.name}.db"
            else:
                url = ends.enter_context(_on_server(source, party, keys, server))
            check_database(url, party)
            upgrade(url, "central_bank" if party.name == CENTRAL_BANK else "operator_bank")
            engine = engines[party.name] = reading_engine(url)
            ends.callback(engine.dispose)
        yield engines


@contextmanager
def _on_server(source: Path, party: PartyCopy, keys: Keys | None, server: str) -> Iterator[str]:
    if make_url(server or "sqlite://").get_backend_name() != "postgresql":
        raise BackupRefused(
            "NO_SERVER",
            _(
                "the copy of {party} is of PostgreSQL: name a server on which it can be put "
                "back for a while (--database-url)"
            ).format(party=party.name),
        )
    url = postgresql.beside(server, f"_verify_{secrets.token_hex(4)}")
    postgresql.create(url)
    try:
        postgresql.load(url, taken_out(source, party.database, keys))
        yield url
    finally:
        postgresql.drop(url)
