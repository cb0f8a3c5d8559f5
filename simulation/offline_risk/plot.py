"""Plots the loss over the synchronisation interval, a line for each limit, with matplotlib."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from simulation.offline_risk.parameters import Parameters
from simulation.offline_risk.simulation import simulate

INTERVALS_HOURS = (6.0, 12.0, 24.0, 48.0, 96.0)
LIMITS_FEN = (20_000, 50_000, 100_000)
"""Limits of one payment; what a device may hold is in proportion."""

Curves = dict[int, list[float]]


def curves(asked: Parameters, step: Callable[[], None] = lambda: None) -> Curves:
    """Simulates every limit of a payment with every interval.

    Args:
        asked: the other parameters.
        step: called after each simulation.

    Returns:
        By limit in fen, the yuan lost per broken device, in the order of INTERVALS_HOURS.
    """
    found: Curves = {}
    for limit_fen in LIMITS_FEN:
        held_fen = limit_fen * asked.device_limit_fen // asked.payment_limit_fen
        for hours in INTERVALS_HOURS:
            outcome = simulate(
                replace(
                    asked,
                    sync_hours=hours,
                    payment_limit_fen=limit_fen,
                    device_limit_fen=held_fen,
                )
            )
            found.setdefault(limit_fen, []).append(outcome.loss_per_device_fen / 100)
            step()
    return found


def draw(found: Curves, asked: Parameters, file: Path) -> None:
    """Writes the plot as SVG.

    Raises:
        ImportError: matplotlib is not installed.
    """
    # The extra is not part of the development environment.
    import matplotlib  # type: ignore[import-not-found,unused-ignore]

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "dcep"
    from matplotlib import pyplot  # type: ignore[import-not-found,unused-ignore]

    figure, axes = pyplot.subplots(figsize=(6.4, 3.6))
    for limit_fen, values in found.items():
        axes.plot(INTERVALS_HOURS, values, "o-", label=f"{limit_fen // 100:,} yuan a payment")
    axes.set_xlabel("hours between two times online, on average")
    axes.set_ylabel("yuan lost per broken device")
    axes.set_title(
        f"{asked.broken_devices} of {asked.devices:,} devices broken, "
        f"{asked.frauds_a_day:g} frauds a day each, seed {asked.seed}",
        fontsize=9,
    )
    axes.set_xticks(INTERVALS_HOURS, [f"{hours:g}" for hours in INTERVALS_HOURS])
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    figure.savefig(file, format="svg", metadata={"Date": None}, bbox_inches="tight")
