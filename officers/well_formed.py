"""Checks what is said of an officer by itself: names, certificates, keys and rights."""

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
    """Raises Refusal unless name, certificate, key and rights are well formed."""
    check_name(wanted.name)
    check_credential(wanted.certificate_fingerprint, wanted.signing_key)
    check_rights(wanted.rights)


def check_name(name: str) -> str:
    """Returns a name, which has only one spelling: lower-case ASCII. Raises Refusal for any
    other.
    """
    text(name, "name", longest=MAX_NAME)
    if not _NAME.fullmatch(name):
        raise invalid("name", "has lower-case letters, digits and hyphens, a letter first")
    return name


def check_credential(fingerprint: str, key: bytes) -> None:
    """Raises Refusal unless a fingerprint and a key are well formed."""
    required(fingerprint, "certificate_fingerprint")
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise invalid("certificate_fingerprint", "is a SHA-256 in hexadecimal")
    public_key(key, "signing_key")


def check_rights(rights: Iterable[int]) -> None:
    """Raises Refusal unless these are existing rights, each named once."""
    given = list(rights)
    required(given, "rights")
    if len(given) > len(_RIGHTS) or len(set(given)) != len(given) or not _RIGHTS.issuperset(given):
        raise invalid("rights", "names each Right at most once")


def bits_of(rights: Iterable[int]) -> int:
    """Rights as one number, bit r for Right r."""
    return sum(1 << right for right in set(rights))


def rights_of(bits: int) -> frozenset[int]:
    """The rights in a number that `bits_of` made."""
    return frozenset(right for right in _RIGHTS if bits >> right & 1)
