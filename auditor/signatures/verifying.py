"""Signatures verified in bulk, all of them or a random sample; who signed wrongly is named."""

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
"""Groups that may be on their way at once."""

ALL_UP_TO = 1_000_000
"""So many records are verified one and all unless said otherwise: about 40 s on two cores."""

SAMPLED = 100_000
"""About so many signatures are a sample."""

MAX_PROBLEMS = 100


class Signatures(StrEnum):
    """Which signatures are verified."""

    ALL = "all"
    SAMPLE = "sample"
    NONE = "none"


@dataclass
class Problems:
    """Sentences, up to a bound."""

    said: list[str] = field(default_factory=list)
    more: int = 0

    def say(self, sentence: str) -> None:
        """Notes a problem."""
        if len(self.said) < MAX_PROBLEMS:
            self.said.append(sentence)
        else:
            self.more += 1

    def all(self) -> list[str]:
        """All that was noted, and how many were not."""
        return (
            [*self.said, _("and {more} more of the kind").format(more=self.more)]
            if self.more
            else self.said
        )


class _Whose(NamedTuple):
    """Where a signature that does not hold is named, and by whose keys it may be instead."""

    problems: Problems
    where: str
    others: Sequence[bytes]


class Verifying:
    """Takes signatures to verify, and names those that do not hold.

    A sample is drawn from a seed that nobody knows before the audit. It bounds how many forged
    signatures can lie in what was not verified; what a signed payload says is compared with the
    record in any case, and that there is a signature at all.
    """

    def __init__(
        self,
        wanted: Signatures | None,
        records: int,
        *,
        seed: int | None = None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Begins.

        Args:
            wanted: which; None: all up to ALL_UP_TO records, a sample of more.
            records: in all the journals together.
            seed: of the sample; drawn when None.
            progress: told how many signatures were verified since it was told last.
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
            problems: where it is named if it does not hold.
            where: what it stands beside, as the beginning of a sentence.
            key: by which it is to be.
            kind: of what was signed.
            payload: what was signed.
            signature: over both.
            always: of few that stand for many, which a sample leaves none of out.
        """
        part = signed_bytes(kind, payload)
        self.add_part(
            problems, where, key=key, signed_part=part, signature=signature, always=always
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
        """As `add`, of what has its tag already: offline money.

        Args:
            others: keys by which it may be instead; seldom looked at.
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
        """Whether any of these keys signed it as one of these kinds.

        At once, for the few of which it is not known before which one it was.
        """
        if self.wanted is Signatures.NONE:
            self.left_out += 1
            return True
        self.checked += 1
        messages = [signed_bytes(kind, payload) for kind in kinds]
        return any(verified(key, message, signature) for key in keys for message in messages)

    def finish(self) -> None:
        """Waits for what is on its way."""
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
