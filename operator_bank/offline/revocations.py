"""Has all devices of a wallet revoked when one of them is.

Only its bank knows which keys belong to one wallet. The bank learns from the trust bundle what is
revoked, gives the wallet no more certificates and tokens, and reports the wallet's other keys.
"""

from __future__ import annotations

from collections.abc import Callable

from offline_token.bundle import TrustBundle
from operator_bank.context import Context
from operator_bank.limits import MAX_OWN_REVOKED
from operator_bank.offline.device_keys import DeviceKeys
from operator_bank.offline.newest_bundle import NewestBundle
from operator_bank.offline.succeeding_roots import Kept

_MARGIN_MS = 3_600_000
"""Something revoked while a bundle was made may only be in the next one; and clocks differ."""
CAUSE = "another key of its wallet was revoked"


class Revocations:
    """Reads bundles, reports keys, and has old keys deleted; `step` does all of it."""

    def __init__(self, context: Context, keys: DeviceKeys, bundles: NewestBundle) -> None:
        self._keys = keys
        self._central_bank = context.central_bank
        self._bundles = bundles
        self._clock = context.clock
        self._heeded: frozenset[bytes] = frozenset()
        self._heeded_ms = 0
        self._rule: int | None = None
        self.on_found: Callable[[], None] = lambda: None

    def step(self) -> bool:
        """Fetches the bundle, reports some keys and deletes some; returns True if there may be
        more.
        """
        self._heed(self._read(self._bundles.ask()))
        # By now what the bundle revokes is marked, so it is not deleted.
        forgotten = self._keys.forget_old()
        return self._report() or forgotten

    def _report(self) -> bool:
        certificates = self._keys.to_report()
        if not certificates:
            return False
        now_ms = self._clock.now_ms()
        # Nobody takes money of a device whose certificate has expired, so it need not be listed.
        valid = [each.encode() for each in certificates if each.expires_time_ms >= now_ms]
        if valid:
            self._central_bank.revoke(valid, CAUSE)
        self._keys.mark_revoked({each.revocation() for each in certificates})
        return True

    @property
    def max_holding_fen(self) -> int | None:
        """What a device may hold, by the bundle that was read last; None before the first."""
        return self._rule

    def newest(self) -> TrustBundle:
        """Asks for the newest bundle now, so that a key that was just revoked gets no money.

        What the bundle revokes counts here from now on. Raises NoAnswer.
        """
        bundle = self._read(self._bundles.ask())
        if self._heed(bundle):
            self.on_found()
        return bundle

    def _read(self, kept: Kept) -> TrustBundle:
        self._rule = kept.bundle.max_holding_fen
        return kept.bundle

    def _heed(self, bundle: TrustBundle) -> bool:
        """Marks what is newly revoked; returns whether there was anything.

        A bundle lists what was revoked last. What left its list before this bank saw it is only in
        a filter, which gives no certain answer; so the central bank is asked.
        """
        revoked = frozenset(bundle.revoked)
        fresh = revoked - self._heeded
        if self._heeded_ms < bundle.since_time_ms:
            fresh |= self._missed(max(self._heeded_ms - _MARGIN_MS, 1))
        if fresh:
            self._keys.mark_revoked(fresh)
        self._heeded, self._heeded_ms = revoked, max(self._heeded_ms, bundle.created_time_ms)
        return bool(fresh)

    def _missed(self, since_ms: int) -> set[bytes]:
        found: set[bytes] = set()
        while True:
            names, until_ms = self._central_bank.own_revoked(since_ms)
            found.update(names)
            if len(names) < MAX_OWN_REVOKED or until_ms <= since_ms:
                return found
            since_ms = until_ms
