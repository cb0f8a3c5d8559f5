"""Verifies deposited payments, by the rule of devices but with every bank and no revocation."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from central_bank.authentication.trust_bundle import Devices
from central_bank.limits import MAX_DEPOSIT_WAIT_MS, RESTORE_GRACE_MS
from dcep.registration.v1 import registration_pb2
from offline_token.deposit import Deposit, DepositEndorsement, with_owners
from offline_token.formats import Chain, FormatError, Payment
from offline_token.signing import verified as one_verified
from offline_token.verify import Reason, Verdict, Verified, judge
from runtime.chunks import chunks
from runtime.clock import Clock
from runtime.signatures import Check, SignatureVerifier

Item = registration_pb2.TokenDepositItem
AT_ONCE = 128
"""Items whose signatures are verified while the next ones are read."""


@dataclass(frozen=True)
class Judged:
    """A deposit, and the verdict about it.

    Attributes:
        ends: the owners' endorsements, one for each chain.
        waited: it came in before and has waited since.
    """

    item: Item
    verdict: Verdict
    chains: tuple[Chain, ...] = ()
    ends: tuple[DepositEndorsement, ...] = ()
    waited: bool = False

    def only(self) -> tuple[Chain, int] | None:
        """The chain of a deposit with one piece, and the piece's output; None if there are more or
        none.
        """
        if len(self.chains) != 1:
            return None
        return self.chains[0], self.ends[0].output

    def token_ids(self) -> set[bytes]:
        """Ids of the tokens that it is made of."""
        return {chain.token.id for chain in self.chains}


class Verification:
    """Verifies deposits."""

    def __init__(self, devices: Devices, clock: Clock, verifier: SignatureVerifier) -> None:
        self._devices = devices
        self._clock = clock
        self._verifier = verifier

    def judge(
        self,
        bank: str,
        items: Sequence[Item],
        waiting: Collection[int] = frozenset(),
    ) -> list[Judged]:
        """Gives a verdict for each item, by the same bundle.

        The signatures of many items are verified together, while the next ones are read.

        Args:
            bank: name of the bank that brings them in.
            items: what it brings in.
            waiting: numbers of those that came in before, and in time.
        """
        root_key, bundle = self._devices.deposit_bundle()
        now_ms = self._clock.now_ms()

        def judged(item: Item, verified: Verified) -> Judged:
            try:
                deposit = Deposit.decode(item.offline_payment)
            except FormatError:
                return Judged(item, Verdict(Reason.UNREADABLE))
            waited = item.number in waiting
            # The statements that come with a payment do not count: here every key of every bank is
            # known, with the end of a revoked one; and a thief of a root could have it sign
            # statements too.
            verdict = judge(
                Payment(deposit.payment.chains),
                root=root_key,
                bundle=bundle,
                now_ms=now_ms,
                request=None,
                outputs=[end.output for end in deposit.endorsements],
                grace_ms=RESTORE_GRACE_MS + (MAX_DEPOSIT_WAIT_MS if waited else 0),
                verified=verified,
            )
            verdict = with_owners(verdict, deposit, bank, verified=verified)
            return Judged(item, verdict, deposit.payment.chains, deposit.endorsements, waited)

        begun = [_Part(chunk, judged, self._verifier) for chunk in chunks(items, AT_ONCE)]
        return [answer for part in begun for answer in part.answers()]


class _Part:
    """Items judged as if all their signatures were good, while those are verified."""

    def __init__(
        self,
        items: Sequence[Item],
        judged: Callable[[Item, Verified], Judged],
        verifier: SignatureVerifier,
    ) -> None:
        self._items = items
        self._judged = judged
        self._checks: list[Check] = []
        self._supposed: list[Judged] = []
        self._ends: list[int] = []
        for item in items:
            self._supposed.append(judged(item, self._note))
            self._ends.append(len(self._checks))
        self._finish = verifier.begin(self._checks)

    def answers(self) -> Iterator[Judged]:
        """Waits for the signatures; an item with a bad one is judged again, for its first
        problem.
        """
        good = self._finish()
        for item, supposed, (start, end) in zip(
            self._items, self._supposed, pairwise([0, *self._ends]), strict=True
        ):
            yield supposed if good[start:end].all() else self._judged(item, one_verified)

    def _note(self, key: bytes, signed_part: bytes, signature: bytes) -> bool:
        self._checks.append((key, signed_part, signature))
        return True
