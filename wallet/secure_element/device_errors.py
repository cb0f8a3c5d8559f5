"""Errors that say in words why the secure element's state cannot be opened."""

from __future__ import annotations

from language import N_, _
from wallet.home.home import HomeError
from wallet.secure_element.limits import MAX_PIN_TRIES


class DeviceError(HomeError):
    """The state cannot be opened; the message says why."""

    following = N_(
        "The wallet pays through the bank as before. Put no older copy in its place: what was paid "
        "since would be paid twice. What was loaded comes back from the bank after it has expired."
    )


class PinError(DeviceError):
    """The PIN is missing or wrong, or no PIN is tried any more."""

    following = N_("Repeat the same command with the PIN: DCEP_PIN, --pin, or typed.")


class PinLocked(PinError):
    """No PIN is tried any more."""

    reason = "PIN_LOCKED"
    following = N_(
        "Nothing has to be done: the bank puts what was loaded into the wallet by itself, 127 "
        "days after the load at the latest; `wallet history` shows it. The wallet pays through "
        "the bank as before. For offline money again: another wallet, `wallet --home DIR open`."
    )


class RolledBack(DeviceError):
    """The state is not the newest one."""


def wrong_pin(left: int) -> PinError:
    """The error for a wrong PIN.

    Args:
        left: how many tries are left; PinLocked is returned for 0.
    """
    if left > 0:
        return PinError(_("this is not the device's PIN; {left} tries are left").format(left=left))
    return PinLocked(
        _(
            "{tries} wrong PINs were tried, so the device is locked for good: what is in it can "
            "be neither paid nor deposited, and comes back from the bank after it has expired"
        ).format(tries=MAX_PIN_TRIES)
    )
