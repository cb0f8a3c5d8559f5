"""Signs with the key that the settings name, once officers have announced it."""

from __future__ import annotations

from collections.abc import Callable, Container

from runtime.logs import logger
from runtime.renewing_key import of_now
from runtime.signing_keys import Signer


class AnnouncedSigner:
    """The newest key in the settings that was announced; a newer one waits until it is.

    Attributes:
        named: the key in the settings, whether it was announced or not.
    """

    def __init__(
        self, signer: Signer, what: str, announced: Callable[[], Container[bytes]]
    ) -> None:
        """Begins with the key that the settings name now, whether or not it was announced; the
        caller checks that.

        Args:
            signer: the key in the settings.
            what: what to call it in the log.
            announced: gives the public keys that were announced.
        """
        self.named = signer
        self._what = what
        self._announced = announced
        self._used = of_now(signer)
        self._unknown: Signer | None = None

    def now(self) -> Signer:
        """The key to sign with now."""
        latest = of_now(self.named)
        if latest is not self._used:
            public = bytes(latest.verify_key)
            if public in self._announced():
                self._used = latest
            elif latest is not self._unknown:
                self._unknown = (
                    latest  # logged once; it is looked for again, because it may be announced later
                )
                logger("keys").warning(
                    f"a {self._what} that was not announced is not used", key=public.hex()
                )
        return self._used
