"""Holds a key ceremony: makes a root key in shares, and a signed record of who was there.

The seed is split by Shamir's scheme as in SLIP-39: each share is a line of words with a checksum,
and any `threshold` of them make the seed again. The record names the key, the holders of the shares
and the witnesses; the new key itself signs it.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import shamir_mnemonic
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from language import _
from runtime.checks import text
from runtime.ed25519 import SEED_BYTES, SIGNATURE_BYTES
from runtime.envelope import tagged
from runtime.errors import Refusal

FORMAT = "dcep-ceremony/1"
MAX_PEOPLE = 16
"""The most shares that SLIP-39 allows, and so the most holders; as many may witness."""

_TAG = "ceremony-record/v1"
_FIELDS = ("format", "purpose", "public_key", "threshold", "holders", "witnesses", "time")
_MAX_NAME = 64
_MAX_SHARE = 400


class CeremonyError(Exception):
    """A ceremony cannot be held so, or a record or share is not valid; the message says why."""


@dataclass(frozen=True)
class Record:
    """The public record of a ceremony.

    Attributes:
        purpose: what the key is for, such as "offline-root".
        public_key: 32 bytes in hex.
        threshold: how many shares make the key again.
        holders: name of each holder → SHA-256 of the share's words, hex.
        witnesses: who else was there.
        time: UTC, ISO 8601.
        signature: by the key over all the rest, hex.
    """

    purpose: str
    public_key: str
    threshold: int
    holders: dict[str, str]
    witnesses: tuple[str, ...]
    time: str
    signature: str

    def encode(self) -> str:
        """The record as JSON text."""
        fields = {**_content(self), "signature": self.signature}
        return json.dumps(fields, indent=1, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class Held:
    """A ceremony's secrets: the seed, and each holder's share, a line of words."""

    record: Record
    seed: bytes = field(repr=False)
    shares: dict[str, str] = field(repr=False)


def hold(
    purpose: str,
    holders: Sequence[str],
    threshold: int,
    witnesses: Sequence[str],
    now: datetime.datetime,
) -> Held:
    """Makes a key and its shares.

    Args:
        purpose: what the key is for.
        holders: names, 2 to MAX_PEOPLE; each gets one share.
        threshold: how many shares make the key again; 2 to the number of holders.
        witnesses: names, 0 to MAX_PEOPLE.
        now: the time for the record.

    Raises:
        CeremonyError: one of these is out of its bounds, or a name is there twice.
    """
    _check_people("holder", holders, 2)
    _check_people("witness", witnesses, 0)
    if not 2 <= threshold <= len(holders):
        raise CeremonyError(
            _("the threshold is 2 to {count}, the number of holders").format(count=len(holders))
        )
    seed = secrets.token_bytes(SEED_BYTES)
    words = shamir_mnemonic.generate_mnemonics(1, [(threshold, len(holders))], seed)[0]
    shares = dict(zip(holders, words, strict=True))
    unsigned = Record(
        purpose=_name(purpose, "purpose"),
        public_key=bytes(SigningKey(seed).verify_key).hex(),
        threshold=threshold,
        holders={name: _fingerprint(share) for name, share in shares.items()},
        witnesses=tuple(witnesses),
        time=now.astimezone(datetime.UTC).isoformat(timespec="seconds"),
        signature="",
    )
    signature = SigningKey(seed).sign(_signed(unsigned))[:SIGNATURE_BYTES]
    record = Record(**{**vars(unsigned), "signature": signature.hex()})
    return Held(record, seed, shares)


def read_record(content: str) -> Record:
    """Reads a record's JSON text and verifies its signature.

    Raises:
        CeremonyError: it cannot be read, or was changed.
    """
    try:
        fields = json.loads(content)
        if fields.pop("format") != FORMAT:
            raise CeremonyError(_("the record's format is not {format}").format(format=FORMAT))
        record = Record(**{**fields, "witnesses": tuple(fields["witnesses"])})
        key = VerifyKey(bytes.fromhex(record.public_key))
        key.verify(_signed(record), bytes.fromhex(record.signature))
    except BadSignatureError:
        raise CeremonyError(_("the record was changed: its signature is not by its key")) from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CeremonyError(_("the record is unreadable: {error}").format(error=error)) from None
    return record


def holder_of(record: Record, share: str) -> str:
    """The name of the holder whose share this is.

    Raises:
        CeremonyError: it is no share, or none of this ceremony.
    """
    words = _words(share)
    if len(words) > _MAX_SHARE:
        raise CeremonyError(_("a share has 33 words"))
    try:
        shamir_mnemonic.Share.from_mnemonic(words)
    except shamir_mnemonic.MnemonicError as error:
        raise CeremonyError(_("these words are no share: {error}").format(error=error)) from None
    for name, known in record.holders.items():
        if secrets.compare_digest(known, _fingerprint(words)):
            return name
    raise CeremonyError(_("this share is of another ceremony"))


def restore(record: Record, shares: Sequence[str]) -> bytes:
    """The seed, 32 bytes, from at least `threshold` shares of different holders.

    Raises:
        CeremonyError: a share is not of this ceremony, there are too few, or they make another key.
    """
    by_holder = {holder_of(record, share): _words(share) for share in shares}
    if len(by_holder) < record.threshold:
        raise CeremonyError(
            _("{threshold} shares of different holders are needed, not {count}").format(
                threshold=record.threshold, count=len(by_holder)
            )
        )
    enough = list(by_holder.values())[: record.threshold]
    seed = bytes(shamir_mnemonic.combine_mnemonics(enough))
    if bytes(SigningKey(seed).verify_key).hex() != record.public_key:
        raise CeremonyError(_("the shares make another key than the record's"))
    return seed


def _content(record: Record) -> dict[str, Any]:
    values = {**vars(record), "format": FORMAT}
    return {name: values[name] for name in _FIELDS}


def _signed(record: Record) -> bytes:
    content = json.dumps(
        _content(record), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return tagged(_TAG, content.encode("utf-8"))


def _check_people(what: str, names: Sequence[str], fewest: int) -> None:
    if not fewest <= len(names) <= MAX_PEOPLE:
        raise CeremonyError(
            _("there are {fewest} to {max_people} of --{what}, not {count}").format(
                fewest=fewest, max_people=MAX_PEOPLE, what=what, count=len(names)
            )
        )
    for name in names:
        _name(name, what)
    if len({name.casefold() for name in names}) != len(names):
        raise CeremonyError(_("--{what}: one person stands there twice").format(what=what))


def _name(value: str, what: str) -> str:
    try:
        return text(value, what, longest=_MAX_NAME)
    except Refusal as refusal:
        raise CeremonyError(refusal.message) from None


def _words(share: str) -> str:
    return " ".join(share.lower().split())


def _fingerprint(share: str) -> str:
    return hashlib.sha256(_words(share).encode("utf-8")).hexdigest()
