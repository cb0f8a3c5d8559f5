"""The trust bundle that a device has, and the statements beside it."""

from __future__ import annotations

from collections.abc import Sequence

from offline_token.formats import DIGEST_BYTES, KEY_BYTES
from wallet.secure_element import statements
from wallet.secure_element.context import Context
from wallet.secure_element.interface import BundleNews
from wallet.secure_element.pieces import bundle_of
from wallet.secure_element.state import ElementState


class TrustStore:
    """What the device knows of the central bank, of banks and of other devices."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def follow(self, bundle: bytes) -> None:
        """Keeps a trust bundle that is newer, and signed by the root or by its successor.

        A root is the successor if the device's bundle lists it, or if the new bundle has a
        certificate for it by a root that counts. From then on the new bundle says which roots the
        device trusts.

        Args:
            bundle: the key of its root, 32 bytes, then the bundle; the head is enough if the
                device has the same filter.

        Raises:
            Refusal: the bundle cannot be read, is not good, or is another root's. A bundle that
                is good and not newer changes nothing.
        """
        self._context.change(lambda state: self._context.trusting.follow(state, bundle))

    def news(self) -> BundleNews:
        """Which trust bundle the device has."""
        bundle = bundle_of(self._context.read())
        if bundle is None:
            return BundleNews(0, bytes(DIGEST_BYTES))
        return BundleNews(bundle.created_time_ms, bundle.filter_digest)

    def newer_than(self, news: BundleNews) -> bytes:
        """The device's own bundle, for another device that has an older one.

        Returns:
            The root's key, 32 bytes, then the bundle, or its head alone if both have the same
            filter; b"" unless the device's own is newer.
        """
        state = self._context.read()
        bundle = bundle_of(state)
        if bundle is None or bundle.created_time_ms <= news.created_time_ms:
            return b""
        same = bundle.filter_digest == news.filter_digest
        root = state.bundle[:KEY_BYTES]
        return root + (bundle.head() if same else bundle.encode())

    def wanted(self) -> list[bytes]:
        """Certificates of devices that the bundle says too little about, to ask the bank about."""
        state = self._context.read()
        trust = self._context.trusting.view(state)
        found = statements.wanted(state, trust) if trust is not None else []
        return [each.encode() for each in found]

    def note(self, said: Sequence[bytes]) -> None:
        """Keeps statements of the root. Raises Refusal for one that the root has not signed."""

        def body(state: ElementState) -> None:
            trust = self._context.trusting.view(state)
            if trust is not None:
                statements.note(state, trust, said)

        self._context.change(body)
