"""Judging deposited payments: by the rule of devices, with every bank and no revocation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from central_bank.authentication.devices import Devices
from central_bank.limits import MAX_DEPOSIT_WAIT_MS, RESTORE_GRACE_MS
from central_bank.registration.double_spends import path
from dcep.registration.v1 import registration_pb2
from offline_token.formats import Chain, FormatError, Payment
from offline_token.verify import Reason, Verdict, check_bundle, judge
from runtime.clock import Clock


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

    def ids(self) -> set[bytes]:
        """The pieces that it spends, its ends included."""
        if not self.verdict.good:
            return set()
        spent = {piece.id for chain in self.chains for piece, _ in path(chain)}
        return spent | {end.id for end in self.verdict.pieces}


class Judging:
    """Verifies deposits, on all cores where there is a pool."""

    def __init__(self, devices: Devices, clock: Clock, pool: Executor | None) -> None:
        self._devices = devices
        self._clock = clock
        self._pool = pool

    def judge(
        self,
        items: Sequence[registration_pb2.TokenDepositItem],
        waiting: Collection[int] = frozenset(),
    ) -> list[Judged]:
        """Judges each item; the bundle that they are judged by is checked once.

        Args:
            waiting: numbers of those that came in before, and in time.
        """
        bundle, now_ms = self._devices.deposit_bundle(), self._clock.now_ms()
        sound = check_bundle(bundle, self._devices.root_key, now_ms)

        def judged(item: registration_pb2.TokenDepositItem) -> Judged:
            try:
                payment = Payment.decode(item.offline_payment[1:])
            except FormatError:
                return Judged(item, Verdict(Reason.UNREADABLE))
            if sound != Reason.GOOD:
                return Judged(item, Verdict(sound))
            waited = item.number in waiting
            verdict = judge(
                payment,
                root=self._devices.root_key,
                bundle=bundle,
                now_ms=now_ms,
                request=None,
                output=item.offline_payment[0],
                grace_ms=RESTORE_GRACE_MS + (MAX_DEPOSIT_WAIT_MS if waited else 0),
            )
            return Judged(item, verdict, payment.chains, waited)

        return list(map(judged, items) if self._pool is None else self._pool.map(judged, items))
