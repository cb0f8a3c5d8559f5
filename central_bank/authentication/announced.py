"""The key that the settings name, to sign with once officers have announced it."""

from __future__ import annotations

from collections.abc import Callable, Container

from runtime.logs import logger
from runtime.renewing_key import of_now
from runtime.signing_keys import Signer


class AnnouncedSigner:
    """The newest key in the settings' place that counts. Where it is another, that waits.

    Attributes:
        named: what the settings name, whether it counts or not.
    """

    def __init__(
        self, signer: Signer, what: str, announced: Callable[[], Container[bytes]]
    ) -> None:
        """Takes what the settings name, what to call it, and the public keys that count now.

        The key that is there now is used whether or not it counts: who makes this one sees to it.
        """
        self.named = signer
        self._what = what
        self._announced = announced
        self._used = of_now(signer)
        self._unknown: Signer | None = None

    def now(self) -> Signer:
        """The one to sign with."""
        latest = of_now(self.named)
        if latest is not self._used:
            public = bytes(latest.verify_key)
            if public in self._announced():
                self._used = latest
            elif latest is not self._unknown:
                self._unknown = latest  # said once; looked for again, it may be announced yet
                logger("keys").warning(
                    f"a {self._what} that was not announced is not used", key=public.hex()
                )
        return self._used
