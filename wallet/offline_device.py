"""The secure element of a home."""

from __future__ import annotations

from typing import NoReturn

from dcep.errors.v1 import errors_pb2
from runtime.clock import Clock
from runtime.errors import Refusal
from runtime.randomness import Randomness
from wallet.device import Device
from wallet.home import Home, Profile


def open_device(home: Home, profile: Profile, clock: Clock, randomness: Randomness) -> Device:
    """The device of the wallet in `home`."""
    return NoDevice()


class NoDevice:
    """A wallet without a secure element: it holds no offline money."""

    def balance_fen(self) -> int:
        """Nothing."""
        return 0

    def __getattr__(self, name: str) -> NoReturn:
        raise Refusal(errors_pb2.REASON_DEVICE_UNKNOWN, "this wallet has no secure element")
