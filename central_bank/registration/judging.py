"""Judging deposited payments: by the rule of devices, with every bank and no revocation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from central_bank.authentication.devices import Devices
from central_bank.limits import MAX_DEPOSIT_WAIT_MS, RESTORE_GRACE_MS
from central_bank.registration.double_spends import path
from dcep.registration.v1 import registration_pb2
from offline_token.formats import SIGNATURE_BYTES, Chain, FormatError, Payment
from offline_token.signing import verified as one_verified
from offline_token.verify import Reason, Verdict, Verified, check_bundle, judge
from runtime.clock import Clock
from runtime.signatures import SignatureVerifier


@dataclass(frozen=True)
class Judged:
    """A deposit and what verifying it said.

    Attributes:
        waited: it came in before and has waited since.
    """

    item: registration_pb2.TokenDepositItem
    verdict: Verdict
    chains: tuple[Chain, ...] = ()
    waited: bool = False

    def token_ids(self) -> set[bytes]:
        """The tokens that it is made of."""
        return {chain.token.id for chain in self.chains}

    @cached_property
    def ids(self) -> set[bytes]:
        """The pieces that it spends, its ends included."""
        if not self.verdict.good:
            return set()
        spent = {piece.id for chain in self.chains for piece, _ in path(chain)}
        return spent | {end.id for end in self.verdict.pieces}


class _Noted:
    """Says yes to every signature, and keeps them to be verified together."""

    def __init__(self) -> None:
        self.signed: list[bytes] = []
        self.keys: list[bytes] = []

    def verified(self, key: bytes, signed_part: bytes, signature: bytes) -> bool:
        """Notes a signature; one of another length is noted as none."""
        sound = len(signature) == SIGNATURE_BYTES
        self.signed.append(signature + signed_part if sound else b"")
        self.keys.append(key)
        return True


class Judging:
    """Verifies deposits."""

    def __init__(self, devices: Devices, clock: Clock, verifier: SignatureVerifier) -> None:
        self._devices = devices
        self._clock = clock
        self._verifier = verifier

    def judge(
        self,
        items: Sequence[registration_pb2.TokenDepositItem],
        waiting: Collection[int] = frozenset(),
    ) -> list[Judged]:
        """Judges each item; the bundle that they are judged by is checked once.

        The signatures of all items are verified together. Only an item with a bad
        one is gone through again, for the first reason.

        Args:
            waiting: numbers of those that came in before, and in time.
        """
        root_key, bundle = self._devices.root_key, self._devices.deposit_bundle()
        now_ms = self._clock.now_ms()
        sound = check_bundle(bundle, root_key, now_ms)

        def judged(item: registration_pb2.TokenDepositItem, verified: Verified) -> Judged:
            try:
                payment = Payment.decode(item.offline_payment[1:])
            except FormatError:
                return Judged(item, Verdict(Reason.UNREADABLE))
            if sound != Reason.GOOD:
                return Judged(item, Verdict(sound))
            waited = item.number in waiting
            verdict = judge(
                payment,
                root=root_key,
                bundle=bundle,
                now_ms=now_ms,
                request=None,
                output=item.offline_payment[0],
                grace_ms=RESTORE_GRACE_MS + (MAX_DEPOSIT_WAIT_MS if waited else 0),
                verified=verified,
            )
            return Judged(item, verdict, payment.chains, waited)

        noted, answers, ends = _Noted(), [], []
        for item in items:
            answers.append(judged(item, noted.verified))
            ends.append(len(noted.signed))
        good = self._verifier.verify(noted.signed, noted.keys)
        start = 0
        for index, end in enumerate(ends):
            if not good[start:end].all():
                answers[index] = judged(items[index], one_verified)
            start = end
        return answers
