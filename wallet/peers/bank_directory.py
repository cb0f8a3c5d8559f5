"""Finds banks by name, in ``banks.json`` of a stack's folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from language import _
from runtime.output import reason_of


class BankNotFound(Exception):
    """There is no bank of that name or address; the message lists those that there are."""


@dataclass(frozen=True)
class BankEntry:
    """Where a bank is, and what its certificate and its offline money are checked against.

    Attributes:
        ca: PEM file that its certificate is checked against.
        offline_root: the central bank's key for offline money, hex.
        stack: the stack's folder.
    """

    name: str
    address: str
    ca: str
    offline_root: str
    stack: str = ""


def known_banks(stack: Path) -> list[BankEntry]:
    """The banks of a stack. Raises BankNotFound if there is no such stack."""
    path = stack / "banks.json"
    try:
        read = json.loads(path.read_text())
        return [
            BankEntry(
                name,
                found["address"],
                str(path.absolute().parent / found["ca"]),
                found.get("offline_root", ""),
                str(path.absolute().parent),
            )
            for name, found in read.items()
        ]
    except FileNotFoundError:
        raise BankNotFound(
            _(
                "there is no stack in {stack}; `dcep up` starts one, and --stack DIR or "
                "DCEP_STACK says where it is"
            ).format(stack=stack)
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = reason_of(error)
        raise BankNotFound(
            _("{path} cannot be read: {error}").format(path=path, error=why)
        ) from error


def find_bank(stack: Path, name_or_address: str) -> BankEntry:
    """The bank of that name or host:port. Raises BankNotFound."""
    banks = known_banks(stack)
    for bank in banks:
        if name_or_address in (bank.name, bank.address):
            return bank
    known = ", ".join(bank.name for bank in banks)
    raise BankNotFound(
        _("no bank {name_or_address!r} here; there are {known}").format(
            name_or_address=name_or_address, known=known
        )
    )
