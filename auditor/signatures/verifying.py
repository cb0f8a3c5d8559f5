"""Verifies signatures in bulk, all of them or a random sample, and names those not valid."""

from __future__ import annotations

import os
import random
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from language import _
from runtime.ed25519 import verified
from runtime.envelope import signed_bytes
from runtime.signatures import Check, SignatureVerifier

_AT_ONCE = 4_096
_AHEAD = 4
"""How many groups may be verified at once."""

ALL_UP_TO = 1_000_000
"""Up to so many records all signatures are verified by default: about 40 s on two cores."""

SAMPLED = 100_000
"""About how many signatures a sample has."""

MAX_PROBLEMS = 100


class Signatures(StrEnum):
    """Which signatures are verified."""

    ALL = "all"
    SAMPLE = "sample"
    NONE = "none"


@dataclass
class Problems:
    """Sentences about problems, up to MAX_PROBLEMS, and how many more there were."""

    said: list[str] = field(default_factory=list)
    more: int = 0

    def say(self, sentence: str) -> None:
        """Adds a sentence, or counts it when there are enough."""
        if len(self.said) < MAX_PROBLEMS:
            self.said.append(sentence)
        else:
            self.more += 1

    def all(self) -> list[str]:
        """The sentences, with one more about those that were only counted."""
        return (
            [*self.said, _("and {more} more of the kind").format(more=self.more)]
            if self.more
            else self.said
        )


class _Whose(NamedTuple):
    """Where to name a signature that is not valid, and other keys that it may be by."""

    problems: Problems
    where: str
    others: Sequence[bytes]


class Verifying:
    """Takes signatures to verify, and names those that are not valid.

    A sample is drawn with a seed that nobody knows before the audit, so it bounds how many forged
    signatures can be among those that were not verified. That there is a signature, and that the
    signed payload says what the record says, is checked in any case.
    """

    def __init__(
        self,
        wanted: Signatures | None,
        records: int,
        *,
        seed: int | None = None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Starts the threads that verify.

        Args:
            wanted: which signatures; None: all up to ALL_UP_TO records, a sample of more.
            records: how many all journals have together.
            seed: of the sample; None: a random one.
            progress: called now and then with the number verified since the last call.
        """
        if wanted is None:
            wanted = Signatures.ALL if records <= ALL_UP_TO else Signatures.SAMPLE
        self.wanted = wanted
        self.seed = secrets.randbits(64) if seed is None else seed
        self.checked = 0
        self.left_out = 0
        self._share = min(1.0, SAMPLED / max(records, 1)) if wanted is Signatures.SAMPLE else 1.0
        self._random = random.Random(self.seed)
        self._progress = progress
        self._verifier = SignatureVerifier(os.cpu_count() or 1)
        self._checks: list[Check] = []
        self._whose: list[_Whose] = []
        self._running: deque[tuple[Callable[[], NDArray[np.bool_]], list[Check], list[_Whose]]] = (
            deque()
        )
        self._began = time.perf_counter()
        self.seconds = 0.0

    def add(
        self,
        problems: Problems,
        where: str,
        *,
        key: bytes,
        kind: type[Message],
        payload: bytes,
        signature: bytes,
        always: bool = False,
    ) -> None:
        """Has a signature verified.

        Args:
            problems: gets a sentence if it is not valid.
            where: its place, as the beginning of that sentence.
            key: the key that it must be by.
            kind: the kind of message that was signed.
            payload: its bytes.
            signature: over both.
            always: whether to verify it even in a sample, as one of few that stand for many.
        """
        part = signed_bytes(kind, payload)
        self.add_part(
            problems, where, key=key, signed_part=part, signature=signature, always=always
        )

    def add_always(
        self,
        problems: Problems,
        where: str,
        key: bytes,
        kind: type[Message],
        payload: bytes,
        signature: bytes,
    ) -> None:
        """As `add`, even in a sample: for one of few that stand for many."""
        self.add(
            problems, where, key=key, kind=kind, payload=payload, signature=signature, always=True
        )

    def add_part(
        self,
        problems: Problems,
        where: str,
        *,
        key: bytes,
        signed_part: bytes,
        signature: bytes,
        always: bool = False,
        others: Sequence[bytes] = (),
    ) -> None:
        """As `add`, for offline money, whose signed bytes have their own tag.

        Args:
            problems: see `add`.
            where: see `add`.
            key: see `add`.
            signed_part: the bytes that were signed.
            signature: over them.
            always: see `add`.
            others: other keys that it may be by, which are tried only if `key` is not the one.
        """
        if self.wanted is Signatures.NONE or not (
            always or self._share >= 1.0 or self._random.random() < self._share
        ):
            self.left_out += 1
            return
        self._checks.append((key, signed_part, signature))
        self._whose.append(_Whose(problems, where, others))
        if len(self._checks) >= _AT_ONCE:
            self._begin()

    def now(
        self,
        keys: Sequence[bytes],
        kinds: Sequence[type[Message]],
        payload: bytes,
        signature: bytes,
    ) -> bool:
        """Verifies at once whether any of these keys signed a payload as one of these kinds.

        It is for the few signatures whose key or kind is not known beforehand. When no signatures
        are wanted it is always True.
        """
        if self.wanted is Signatures.NONE:
            self.left_out += 1
            return True
        self.checked += 1
        messages = [signed_bytes(kind, payload) for kind in kinds]
        return any(verified(key, message, signature) for key in keys for message in messages)

    def finish(self) -> None:
        """Waits until all signatures have been verified, and ends the threads."""
        self._begin()
        while self._running:
            self._end()
        self.seconds = time.perf_counter() - self._began
        self._verifier.close()

    def _begin(self) -> None:
        if not self._checks:
            return
        self._running.append((self._verifier.begin(self._checks), self._checks, self._whose))
        self._checks, self._whose = [], []
        while len(self._running) > _AHEAD:
            self._end()

    def _end(self) -> None:
        finish, checks, whose = self._running.popleft()
        for index in np.flatnonzero(~finish()).tolist():
            problems, where, others = whose[index]
            _key, part, signature = checks[index]
            if not any(verified(other, part, signature) for other in others):
                problems.say(
                    _("{where}: the signature is not by the key that it must be by").format(
                        where=where
                    )
                )
        self.checked += len(whose)
        self._progress(len(whose))
