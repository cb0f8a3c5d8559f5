"""What the element believes: the central bank's root, its newest bundle, and the time."""

from __future__ import annotations

from offline_token.formats import KEY_BYTES
from offline_token.verify import Reason
from runtime.clock import Clock
from wallet.secure_element.keys import newest_certified
from wallet.secure_element.pieces import Trust, bundle_of
from wallet.secure_element.refusals import bad, uncertified
from wallet.secure_element.state import HeldKey, State
from wallet.secure_element.statements import statements_of


class Trusting:
    """Reads a state in the light of the clock; its time moves forward only.

    Args:
        root: the central bank's key; b"" to keep the first one that the element is told.
    """

    def __init__(self, clock: Clock, root: bytes) -> None:
        self._clock = clock
        self._root = root

    def trust(self, state: State) -> Trust:
        """Raises Refusal unless the element is certified and has a bundle that is not too old."""
        newest(state)
        now_ms = self.see_time(state, self._clock.now_ms())
        trust = self.view(state)
        if trust is None or now_ms > trust.bundle.created_time_ms + trust.bundle.max_age_ms:
            raise bad(Reason.BUNDLE_TOO_OLD)
        return trust

    def view(self, state: State) -> Trust | None:
        """What it would verify with, however old; None before the first bundle."""
        bundle = bundle_of(state)
        if bundle is None:
            return None
        root = bytes.fromhex(state.bundle)[:KEY_BYTES]
        return Trust(root, bundle, self.now_ms(state), statements_of(state))

    def roots(self, state: State) -> list[bytes]:
        """Roots that count: by the bundle that it has; before the first, the one it was given.

        None for a device that was given none.
        """
        trust = self.view(state)
        if trust is not None:
            return trust.roots
        return [self._root] if self._root else []

    def now_ms(self, state: State) -> int:
        """The time; never before one that was seen."""
        return max(state.clock_ms, self._clock.now_ms())

    def see_time(self, state: State, now_ms: int) -> int:
        """Keeps a time that was seen; the latest one."""
        state.clock_ms = max(state.clock_ms, now_ms)
        return state.clock_ms


def newest(state: State) -> HeldKey:
    """The newest certified key. Raises Refusal when there is none, or no bundle."""
    key = newest_certified(state)
    if key is None or not state.bundle:
        raise uncertified()
    return key
