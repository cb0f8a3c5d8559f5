"""Checks identities for a sandbox. None of it says anything about real people.

Two kinds: one takes what is shown as it is, so that wallets of a sandbox's people open at once; the
other behaves like a real one: it takes its time, knows which document belongs to which name,
refuses some, and delivers codes into a file that whoever plays the telephone reads.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

from currency.papers import one_document
from dcep.bank.v1 import orders_pb2
from operator_bank.customers.checks import Outcome
from operator_bank.customers.person import Person
from runtime.files import write_whole

REFUSED = "9"
"""A document or an account whose number begins so is not good any more."""

_DELAY_MS = 2_000
_MAX_ASKED = 10_000
_MAX_CODES = 100
_CHECK_DIGITS = 4


class AtOnce:
    """Takes everything as it is shown, at once; who shows a name alone gets papers of their own."""

    name = "sandbox-at-once"
    wants_codes = False

    def completed(self, person: Person, key: bytes) -> Person:
        """Somebody with a name and no document is known to the sandbox: by the key of their wallet,
        because a name alone does not say that two people are one.
        """
        if not person.name or person.document:
            return person
        own = hashlib.sha256(b"papers\0" + key).hexdigest()[:16].upper()
        return replace(
            person,
            document_kind=orders_pb2.DOCUMENT_KIND_ID_CARD,
            document=f"SANDBOX{own}",
            account=person.account or f"SANDBOX{own}",
        )

    def deliver(self, phone: str, code: str, now_ms: int) -> None:
        """Nobody needs it."""

    def document(self, person: Person, now_ms: int) -> Outcome:
        """Confirms it."""
        return Outcome.CONFIRMED

    def account(self, person: Person, now_ms: int) -> Outcome:
        """Confirms it."""
        return Outcome.CONFIRMED


class LikeReal:
    """Behaves like those whom a bank asks, with documents that are made by `papers_number`."""

    name = "sandbox"
    wants_codes = True

    def __init__(self, outbox: Path, *, delay_ms: int = _DELAY_MS) -> None:
        """Begins with nothing asked.

        Args:
            outbox: the file that stands for all telephones: the last hundred codes, one a line.
            delay_ms: how long a check takes.
        """
        self.outbox = outbox
        self._delay_ms = delay_ms
        self._lock = threading.Lock()
        self._asked: OrderedDict[tuple[str, str, str], int] = OrderedDict()

    def completed(self, person: Person, key: bytes) -> Person:
        """Knows nothing more."""
        return person

    def deliver(self, phone: str, code: str, now_ms: int) -> None:
        """Writes it into the outbox."""
        line = json.dumps({"time_ms": now_ms, "phone": phone, "code": code})
        with self._lock:
            kept = self.outbox.read_text().splitlines() if self.outbox.exists() else []
            write_whole(self.outbox, "\n".join([*kept, line][-_MAX_CODES:]).encode() + b"\n")

    def document(self, person: Person, now_ms: int) -> Outcome:
        """Whether its last digits go with the name."""
        spelled = one_document(person.document_kind, person.document).partition(":")[2]
        return self._later("document", spelled, person.name, now_ms)

    def account(self, person: Person, now_ms: int) -> Outcome:
        """Whether its last digits go with the name."""
        return self._later("account", person.account, person.name, now_ms)

    def _later(self, kind: str, number: str, name: str, now_ms: int) -> Outcome:
        with self._lock:
            since_ms = self._asked.setdefault((kind, number, name), now_ms)
            if len(self._asked) > _MAX_ASKED:
                self._asked.popitem(last=False)
        if now_ms < since_ms + self._delay_ms:
            return Outcome.LATER
        good = number == papers_number(name, number[:-_CHECK_DIGITS])
        good = good and not number.startswith(REFUSED)
        return Outcome.CONFIRMED if good else Outcome.NOT_CONFIRMED


def papers_number(name: str, serial: str) -> str:
    """A number of a document or an account in the sandbox that is in somebody's name."""
    check = hashlib.sha256(f"{name}\0{serial}".encode()).digest()
    return serial + f"{int.from_bytes(check[:4], 'big') % 10**_CHECK_DIGITS:0{_CHECK_DIGITS}}"
