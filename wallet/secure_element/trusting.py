"""Decides what the element trusts: the central bank's root, a trust bundle, and the time."""

from __future__ import annotations

from language import N_
from offline_token.bundle import with_own_filter
from offline_token.formats import KEY_BYTES, FormatError
from offline_token.roots import may_follow
from offline_token.verify import Reason, check_bundle
from runtime.clock import Clock
from wallet.secure_element.keys import newest_certified
from wallet.secure_element.pieces import Trust, bundle_of
from wallet.secure_element.refusals import bad, invalid, uncertified
from wallet.secure_element.state import ElementState, HeldKey
from wallet.secure_element.statements import statements_of

_ANOTHER_ROOT = N_(
    "it is signed by another root than this device trusts. If the central bank has changed its "
    "root while the device was away: deposit what it holds, which is taken under either root, "
    "and set the wallet up anew"
)


class Trusting:
    """Says what a state trusts at the time of the clock; that time moves forward only.

    Args:
        root: the central bank's key, 32 bytes; b"" to trust the root of the first bundle.
    """

    def __init__(self, clock: Clock, root: bytes) -> None:
        self._clock = clock
        self._root = root

    def trust(self, state: ElementState) -> Trust:
        """What the element verifies with; keeps the time that it sees.

        Raises Refusal unless the element is certified and its bundle is not too old.
        """
        newest(state)
        now_ms = self.see_time(state, self._clock.now_ms())
        trust = self.view(state)
        if trust is None or now_ms > trust.bundle.created_time_ms + trust.bundle.max_age_ms:
            raise bad(Reason.BUNDLE_TOO_OLD)
        return trust

    def view(self, state: ElementState) -> Trust | None:
        """What the element would verify with, however old that is; None before the first bundle."""
        bundle = bundle_of(state)
        if bundle is None:
            return None
        root = state.bundle[:KEY_BYTES]
        return Trust(root, bundle, self.now_ms(state), statements_of(state))

    def follow(self, state: ElementState, bundle: bytes) -> None:
        """Keeps a trust bundle that is newer, and signed by the root or by its successor.

        Args:
            bundle: the key of its root, 32 bytes, then the bundle; the head is enough if the
                device has the same filter.

        Raises:
            Refusal: the bundle cannot be read, is not good, or is another root's. A bundle that
                is good and not newer changes nothing.
        """
        root, kept = bundle[:KEY_BYTES], bundle_of(state)
        try:
            fresh = with_own_filter(bundle[KEY_BYTES:], kept)
        except FormatError as error:
            raise invalid("trust_bundle", str(error)) from None
        # This uses the clock as it is, not the latest time that was ever seen: after a clock had
        # once run ahead, every bundle would be refused from then on.
        now_ms, trust = self._clock.now_ms(), self.view(state)
        trusted = self.roots(state) if trust is None else trust.heirs
        if trusted and not may_follow(fresh, root, trusted, now_ms):
            raise invalid("trust_bundle", _ANOTHER_ROOT)
        reason = check_bundle(fresh, root, now_ms)
        if reason != Reason.GOOD:
            raise bad(reason)
        if kept is not None and kept.created_time_ms >= fresh.created_time_ms:
            return
        state.bundle = root + fresh.encode()
        # A newer bundle of the root sets the time right, even backwards.
        state.clock_ms = max(fresh.created_time_ms, self._clock.now_ms())

    def roots(self, state: ElementState) -> list[bytes]:
        """Keys whose signature counts as the central bank's.

        The element's bundle says which. Before the first bundle it is the root that the element
        was given, and nothing if it was given none.
        """
        trust = self.view(state)
        if trust is not None:
            return trust.roots
        return [self._root] if self._root else []

    def now_ms(self, state: ElementState) -> int:
        """The time: the clock's, but never earlier than the latest time that was seen."""
        return max(state.clock_ms, self._clock.now_ms())

    def see_time(self, state: ElementState, now_ms: int) -> int:
        """Keeps a time that was seen if it is the latest; returns the latest."""
        state.clock_ms = max(state.clock_ms, now_ms)
        return state.clock_ms


def newest(state: ElementState) -> HeldKey:
    """The newest certified key. Raises Refusal when there is none, or no bundle."""
    key = newest_certified(state)
    if key is None or not state.bundle:
        raise uncertified()
    return key
