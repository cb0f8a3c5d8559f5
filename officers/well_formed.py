"""What is said of an officer, looked at by itself: names, certificates, keys and rights."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dcep.office.v1 import office_pb2
from officers.limits import MAX_NAME
from runtime.checks import invalid, public_key, required, text

_NAME = re.compile(r"[a-z][a-z0-9-]*")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_RIGHTS = frozenset(office_pb2.Right.values()) - {office_pb2.RIGHT_UNSPECIFIED}


def check_registration(wanted: office_pb2.RegisterOfficer) -> None:
    """Name, certificate, key and rights are well formed."""
    check_name(wanted.name)
    check_credential(wanted.certificate_fingerprint, wanted.signing_key)
    check_rights(wanted.rights)


def check_name(name: str) -> str:
    """A name that has one spelling only: lower-case ASCII."""
    text(name, "name", longest=MAX_NAME)
    if not _NAME.fullmatch(name):
        raise invalid("name", "has lower-case letters, digits and hyphens, a letter first")
    return name


def check_credential(fingerprint: str, key: bytes) -> None:
    """A fingerprint and a key are well formed."""
    required(fingerprint, "certificate_fingerprint")
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise invalid("certificate_fingerprint", "is a SHA-256 in hexadecimal")
    public_key(key, "signing_key")


def check_rights(rights: Iterable[int]) -> None:
    """Rights that there are, each once."""
    given = list(rights)
    required(given, "rights")
    if len(given) > len(_RIGHTS) or len(set(given)) != len(given) or not _RIGHTS.issuperset(given):
        raise invalid("rights", "names each Right at most once")


def bits_of(rights: Iterable[int]) -> int:
    """Rights as one number, bit r for Right r."""
    return sum(1 << right for right in set(rights))


def rights_of(bits: int) -> frozenset[int]:
    """The rights in such a number."""
    return frozenset(right for right in _RIGHTS if bits >> right & 1)
