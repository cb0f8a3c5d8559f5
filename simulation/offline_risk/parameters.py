"""The parameters of a simulation."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True)
class Parameters:
    """A country for some days.

    Attributes:
        seed: everything random follows from it.
        devices: how many there are, broken ones included.
        broken: the share of them whose memory has been copied.
        banks: how many banks the devices are spread over.
        days: how long it lasts; then all honest devices come online once more.
        payment_limit_fen: the most that one payment may be.
        device_limit_fen: the most that a device may hold; a broken one has loaded as much.
        sync_hours: hours between two times that a device is online, on average.
        revocation_hours: hours from the discovery of a device to the first bundle that names it.
        hops: how often a piece may change hands.
        payments_a_day: how many an honest device makes, on average.
        average_fen: the average of an honest payment.
        frauds_a_day: how many payments a broken device makes, on average.
        sample: the share of honest money that is real tokens; broken devices' money always is.
    """

    seed: int = 1
    devices: int = 1_000
    broken: float = 0.02
    banks: int = 2
    days: int = 14
    payment_limit_fen: int = 50_000
    device_limit_fen: int = 200_000
    sync_hours: float = 24.0
    revocation_hours: float = 1.0
    hops: int = 16
    payments_a_day: float = 3.0
    average_fen: int = 5_000
    frauds_a_day: float = 24.0
    sample: float = 0.01

    @property
    def broken_devices(self) -> int:
        """How many devices are broken."""
        return round(self.devices * self.broken)

    @property
    def end_ms(self) -> int:
        """When the last payment may be made."""
        return self.days * DAY_MS

    def as_fields(self) -> dict[str, Any]:
        """The fields for JSON."""
        return asdict(self)
