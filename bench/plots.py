"""Draws docs/plots/*.svg from the benches' JSON lines, with matplotlib (the extra `bench`)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

Lines = dict[str, dict[str, Any]]

_FOLDER = Path(__file__).resolve().parent.parent / "docs" / "plots"
_BLUE, _GREY, _INK = "#2563a6", "#b8c0c8", "#22303c"


def draw(
    lines: Annotated[Path, typer.Argument(help="File with the benches' JSON lines.")],
    folder: Annotated[Path, typer.Option(help="Where the SVGs go.")] = _FOLDER,
) -> None:
    """Draw what the file has figures for."""
    found: Lines = {}
    for line in lines.read_text().splitlines():
        if line.startswith("{"):
            fields = json.loads(line)
            found[fields["name"]] = fields
    folder.mkdir(parents=True, exist_ok=True)
    for name, plot in _PLOTS.items():
        figure = plot(found)
        if figure is None:
            print(f"no figures for {name}", file=sys.stderr)
            continue
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None}, bbox_inches="tight")
        print(folder / f"{name}.svg")


def _axes(width: float, height: float) -> tuple[Any, Any]:
    # The extra is not part of the development environment.
    import matplotlib  # type: ignore[import-not-found,unused-ignore]

    matplotlib.use("svg")
    matplotlib.rcParams.update(
        {
            "svg.hashsalt": "dcep",
            "font.size": 10,
            "text.color": _INK,
            "axes.labelcolor": _INK,
            "xtick.color": _INK,
            "ytick.color": _INK,
            "axes.edgecolor": _GREY,
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    )
    from matplotlib import pyplot  # type: ignore[import-not-found,unused-ignore]

    made: tuple[Any, Any] = pyplot.subplots(figsize=(width, height))
    return made


def _rates(found: Lines) -> Any:
    """Every rate beside what it is compared with, on a logarithmic scale."""
    order = ("core", "core-zipf", "core-postgresql", "ingest", "sustained", "signed", "cross")
    rows = [found[name] for name in (*order, "signed-unary") if name in found]
    if not rows:
        return None
    figure, axes = _axes(8, 0.75 * len(rows) + 0.8)
    for index, row in enumerate(reversed(rows)):
        other = row["ratio_to"]
        bars = (
            (0.2, row["per_s"], _BLUE, row["name"]),
            (-0.2, other["per_s"], _GREY, other["name"]),
        )
        for shift, value, color, label in bars:
            axes.barh(index + shift, value, height=0.36, color=color)
            text = f"  {value:,.0f}" + (f"  {label}" if color == _GREY else "")
            axes.text(value, index + shift, text, va="center", fontsize=8)
    axes.set_xscale("log")
    axes.set_xlim(100, 3e8)
    axes.set_yticks(range(len(rows)), [row["name"] for row in reversed(rows)])
    axes.set_xlabel("payments a second (blue) and what they are compared with (grey)")
    return figure


def _batches(found: Lines) -> Any:
    """The core's rate by the size of a batch."""
    rows = sorted(
        (row for name, row in found.items() if name == "core" or name.startswith("core-batch-")),
        key=lambda row: int(row["batch"]),
    )
    if len(rows) < 2:
        return None
    figure, axes = _axes(6, 3.4)
    sizes = [row["batch"] for row in rows]
    alone = [next(o["per_s"] for o in row["also"] if o["name"] == "rule-alone") for row in rows]
    axes.plot(sizes, alone, "o--", color=_GREY, label="the rule alone, in memory")
    axes.plot(sizes, [row["per_s"] for row in rows], "o-", color=_BLUE, label="the core, durable")
    axes.plot(
        sizes,
        [row["ratio_to"]["per_s"] for row in rows],
        "o:",
        color=_INK,
        label="plain SQL, one transaction a payment",
    )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel("payments in a batch")
    axes.set_ylabel("payments a second")
    axes.legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1, 0.12))
    return figure


def _memory(found: Lines) -> Any:
    """The memory of a process while it takes payments."""
    row = found.get("memory")
    if row is None:
        return None
    values = row["details"]["resident_mb_on_the_way"]
    payments = row["details"]["payments"]
    figure, axes = _axes(6, 2.6)
    at = [(i + 1) * payments / len(values) / 1e6 for i in range(len(values))]
    axes.plot(at, values, "o-", color=_BLUE)
    axes.set_ylim(0, 1.15 * max(values))
    axes.set_xlabel(f"million payments among {row['accounts']:,} accounts")
    axes.set_ylabel("resident MB")
    return figure


def _latency(found: Lines) -> Any:
    """How long a single payment takes, by how busy the bank is."""
    loads = found.get("signed-unary", {}).get("details", {}).get("latency_over_load", [])
    if len(loads) < 2:
        return None
    figure, axes = _axes(6, 3)
    rates = [load["per_s"] for load in loads]
    axes.plot(rates, [load["p99_ms"] for load in loads], "o-", color=_INK, label="99 of 100")
    axes.plot(rates, [load["p50_ms"] for load in loads], "o-", color=_BLUE, label="median")
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.5)
    axes.set_xlabel("single payments a second, at a fixed rate")
    axes.set_ylabel("milliseconds from due to answered")
    axes.legend(frameon=False, fontsize=8)
    return figure


def _history(found: Lines) -> Any:
    """How long questions take, by how many payments are in the past."""
    steps = found.get("growth-history", {}).get("details", {}).get("steps", [])
    if len(steps) < 2:
        return None
    figure, axes = _axes(6, 3)
    behind = [step["payments"] / 1e6 for step in steps]
    for name, color in (("statement", _BLUE), ("find", _GREY)):
        axes.plot(behind, [step[f"{name}_p50_ms"] for step in steps], "o-", color=color, label=name)
    axes.set_xscale("log")
    axes.set_xticks(behind, [f"{value:,.0f}" for value in behind])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_xlabel("million payments behind")
    axes.set_ylabel("milliseconds, median")
    axes.legend(frameon=False, fontsize=8)
    return figure


_PLOTS = {
    "rates": _rates,
    "batches": _batches,
    "memory": _memory,
    "latency": _latency,
    "history": _history,
}

if __name__ == "__main__":
    typer.run(draw)
