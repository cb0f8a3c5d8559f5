"""The manifest of a copy: its files with their hashes, and where each party's journal was.

The manifest is not secret. In a sealed copy it is signed with a key from the passphrase.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from language import _
from sandbox.backup.refused import BackupRefused
from sandbox.backup.sealing import SALT_BYTES, Keys, keys_of

MANIFEST = "manifest.json"
FORMAT = 1
STACK = "_stack"
"""The folder in a copy for what belongs to no party. No bank can have this name."""

DATABASE = "database"
FILES = "files"
SEALED_END = ".sealed"
MAX_MANIFEST_BYTES = 4_000_000
_HEX = re.compile(r"[0-9a-f]*")
_CHECKED = b"the passphrase"


@dataclass(frozen=True)
class StoredFile:
    """A file in a copy: its path there, and the size and SHA-256 that it has there."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class PartyCopy:
    """A party's copy.

    Attributes:
        name: the party's.
        kind: of its database, ``sqlite`` or ``postgresql``.
        revision: of its database's schema.
        journal_seq, journal_position, journal_hash: where its journal ends.
        ledger: the name of the central bank's ledger, hex; "" for a bank that has heard nothing.
        feed_number, feed_position: how far a bank has applied its feed; 0 for the central bank.
        database: the stored file.
        files: settings, keys and certificates, and whatever else is in the party's folder.
    """

    name: str
    kind: str
    revision: str
    journal_seq: int
    journal_position: int
    journal_hash: str
    ledger: str
    feed_number: int
    feed_position: int
    database: StoredFile
    files: tuple[StoredFile, ...]


@dataclass(frozen=True)
class Manifest:
    """What is in a copy.

    Attributes:
        made_time_ms: when the copy was begun.
        root: SHA-256 of the root's certificate, hex, which identifies the stack.
        parties: the parties' copies.
        stack: files that belong to no party, in a copy of a whole stack.
        salt: of a sealed copy, hex; else "".
        check: shows whether a passphrase is right.
    """

    made_time_ms: int
    root: str
    parties: tuple[PartyCopy, ...]
    stack: tuple[StoredFile, ...] = ()
    salt: str = ""
    check: str = ""

    @property
    def sealed(self) -> bool:
        """Whether it needs a passphrase."""
        return bool(self.salt)

    @property
    def stored(self) -> list[StoredFile]:
        """Every file in the copy."""
        return [
            *self.stack,
            *(file for party in self.parties for file in (party.database, *party.files)),
        ]

    def party(self, name: str) -> PartyCopy:
        """The copy of a party; raises BackupRefused when there is none."""
        for party in self.parties:
            if party.name == name:
                return party
        known = ", ".join(party.name for party in self.parties)
        raise BackupRefused(
            "NOT_IN_COPY",
            _("this is no copy of {name}; it has {known}").format(name=name, known=known),
        )

    def encoded(self, keys: Keys | None) -> bytes:
        """The manifest as JSON; signed if there are keys."""
        fields = {"format": FORMAT, **asdict(self)}
        if keys is not None:
            fields["signature"] = keys.signature(_canonical(fields))
        return json.dumps(fields, indent=1).encode() + b"\n"


def check_of(keys: Keys) -> str:
    """The manifest's `check`, which shows whether a passphrase is right."""
    return keys.signature(_CHECKED)


def read_manifest(folder: Path, passphrase: str | None) -> tuple[Manifest, Keys | None]:
    """Reads a copy's manifest.

    Args:
        folder: the copy's.
        passphrase: of a sealed copy, else None.

    Returns:
        The manifest, and for a sealed copy the keys that open its files.

    Raises:
        BackupRefused: there is no copy, it cannot be read, it was changed, or the passphrase is
            missing, wrong, or given for a copy that is not sealed.
    """
    fields, manifest = _parsed(folder)
    signature = fields.pop("signature", "")
    if passphrase is None:
        if manifest.sealed:
            raise BackupRefused(
                "PASSPHRASE_MISSING", _("this copy is sealed; its passphrase is needed")
            )
        return manifest, None
    if not manifest.sealed:
        raise BackupRefused(
            "NOT_SEALED",
            _(
                "this copy is not sealed, and a passphrase was given: it may have been put in "
                "the place of yours"
            ),
        )
    keys = keys_of(passphrase, bytes.fromhex(manifest.salt))
    if not hmac.compare_digest(check_of(keys), manifest.check):
        raise BackupRefused("PASSPHRASE_WRONG", _("this is not the passphrase of this copy"))
    if not hmac.compare_digest(keys.signature(_canonical(fields)), str(signature)):
        raise BackupRefused(
            "COPY_CHANGED",
            _("{folder} was changed after it was written").format(folder=folder / MANIFEST),
        )
    return manifest, keys


def is_sealed(folder: Path) -> bool:
    """Whether a copy needs a passphrase; raises BackupRefused when it cannot be read."""
    return _parsed(folder)[1].sealed


def _parsed(folder: Path) -> tuple[dict[str, Any], Manifest]:
    path = folder / MANIFEST
    if not path.is_file():
        raise BackupRefused("NO_COPY", _("there is no copy in {folder}").format(folder=folder))
    if path.stat().st_size > MAX_MANIFEST_BYTES:
        raise BackupRefused(
            "COPY_UNREADABLE", _("{path} is too large for what it should be").format(path=path)
        )
    try:
        text = path.read_bytes()
        # Parsed twice, because making the manifest empties what it is given.
        fields, apart = json.loads(text), json.loads(text)
        apart.pop("signature", "")
        return fields, _read(apart)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as cause:
        raise BackupRefused(
            "COPY_UNREADABLE", _("{path} cannot be read: {cause}").format(path=path, cause=cause)
        ) from None


def _canonical(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def _read(fields: dict[str, Any]) -> Manifest:
    """Makes a manifest of fields; each must have its type and a harmless value.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: a field has not.
    """
    if fields.pop("format") != FORMAT:
        raise ValueError("it is of another version")
    parties = tuple(_party(one) for one in _list(fields.pop("parties")))
    stack = tuple(_file(one, STACK) for one in _list(fields.pop("stack")))
    manifest = Manifest(parties=parties, stack=stack, **fields)
    _whole("made_time_ms", manifest.made_time_ms)
    for name in ("root", "salt", "check"):
        _hex(name, getattr(manifest, name))
    if manifest.salt and len(manifest.salt) != 2 * SALT_BYTES:
        raise ValueError("its salt is of another length")
    paths = [file.path for file in manifest.stored]
    if len(set(paths)) != len(paths) or len({one.name for one in parties}) != len(parties):
        raise ValueError("something stands twice in it")
    return manifest


def _party(fields: Any) -> PartyCopy:
    name = str(fields["name"])
    database = _file(fields.pop("database"), name)
    files = tuple(_file(one, name) for one in _list(fields.pop("files")))
    party = PartyCopy(database=database, files=files, **fields)
    for number in ("journal_seq", "journal_position", "feed_number", "feed_position"):
        _whole(number, getattr(party, number))
    for text in ("journal_hash", "ledger"):
        _hex(text, getattr(party, text))
    if party.kind not in ("sqlite", "postgresql") or not isinstance(party.revision, str):
        raise ValueError("it is of a kind of database that is not known")
    return party


def _file(fields: Any, folder: str) -> StoredFile:
    file = StoredFile(**fields)
    _whole("bytes", file.bytes)
    _hex("sha256", file.sha256)
    parts = PurePosixPath(file.path).parts
    if not parts or parts[0] != folder or ".." in parts or len(parts) < 2 or "\0" in file.path:
        raise ValueError(f"{file.path!r} is no place in the copy of {folder}")
    return file


def _list(value: Any) -> Sequence[Any]:
    if not isinstance(value, list):
        raise ValueError("a list is missing")
    return value


def _whole(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{name} is no number")


def _hex(name: str, value: Any) -> None:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise ValueError(f"{name} is not hexadecimal")
