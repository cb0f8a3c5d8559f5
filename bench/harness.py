"""What all benches share: scales, samples, facts about the machine, and the JSON line."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

_ROOT = Path(__file__).resolve().parent.parent


class Scale(StrEnum):
    """How large a measurement is. TINY shows that it runs; its figures mean nothing."""

    FULL = "full"
    QUICK = "quick"
    TINY = "tiny"

    def pick(self, full: int, quick: int, tiny: int) -> int:
        """The number for this scale."""
        return {Scale.FULL: full, Scale.QUICK: quick, Scale.TINY: tiny}[self]

    @property
    def warm_ups(self) -> int:
        """Rounds that are not counted."""
        return self.pick(2, 1, 1)

    @property
    def samples(self) -> int:
        """Rounds that are counted."""
        return self.pick(5, 3, 3)


@dataclass(frozen=True)
class Ratio:
    """Something that a figure is compared with, measured in the same run.

    Attributes:
        name: what it is.
        per_s: its own figure.
        ratio: the compared figure divided by this one.
    """

    name: str
    per_s: float
    ratio: float


@dataclass(frozen=True)
class Measurement:
    """One figure: the median of `samples`.

    Attributes:
        name: the figure's.
        samples: one value for each counted round.
        batch: records or payments in one request.
        accounts: how many there were.
        durability: how a commit is made durable, as the database itself reports it.
        includes: what the clock includes.
        excludes: what it does not.
        scale: how large the measurement was.
        ratio_to: the main thing that it is compared with; `also` has the others.
        unit: what is counted.
        measure: what the samples are: `per_s`, `seconds` or `bytes`.
        details: what else was measured on the way.
    """

    name: str
    samples: Sequence[float]
    batch: int
    accounts: int
    durability: dict[str, Any]
    includes: str
    excludes: str
    scale: Scale
    ratio_to: Ratio
    also: Sequence[Ratio] = ()
    unit: str = "payments"
    measure: str = "per_s"
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """The median of the samples, which is the figure."""
        return statistics.median(self.samples)

    def as_fields(self) -> dict[str, Any]:
        """The figure as one JSON object."""
        return {
            "name": self.name,
            self.measure: _short(self.median),
            "unit": self.unit,
            "batch": self.batch,
            "accounts": self.accounts,
            "durability": self.durability,
            "includes": self.includes,
            "excludes": self.excludes,
            "median": _short(self.median),
            "samples": [_short(value) for value in self.samples],
            "warm_ups": self.scale.warm_ups,
            "scale": str(self.scale),
            "ratio_to": _ratio_fields(self.ratio_to),
            "also": [_ratio_fields(one) for one in self.also],
            "details": self.details,
            **environment(),
        }

    def as_json(self) -> str:
        """The figure as one line of JSON."""
        return json.dumps(self.as_fields(), ensure_ascii=False)


def compare(name: str, subject: Sequence[float], other: Sequence[float]) -> Ratio:
    """The ratio of the subject's median to the other's."""
    reference = statistics.median(other)
    return Ratio(name, reference, statistics.median(subject) / reference if reference else 0.0)


def rounds(scale: Scale, *bodies: Callable[[], float]) -> list[list[float]]:
    """Runs the bodies in turn, round after round; returns the samples of each.

    What is compared alternates, so that a slow minute of the machine hits both.
    """
    found: list[list[float]] = [[] for _ in bodies]
    for number in range(scale.warm_ups + scale.samples):
        for samples, body in zip(found, bodies, strict=True):
            value = body()
            if number >= scale.warm_ups:
                samples.append(value)
    return found


def rate(count: int, body: Callable[[], object]) -> float:
    """How many are done in a second, when `body` does `count`."""
    started = time.perf_counter()
    body()
    return count / (time.perf_counter() - started)


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """The median, the 99th percentile and the largest of some seconds, in milliseconds."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return {
        "p50_ms": round(ordered[last // 2] * 1e3, 3),
        "p99_ms": round(ordered[last * 99 // 100] * 1e3, 3),
        "max_ms": round(ordered[last] * 1e3, 3),
    }


def cpu_s(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int | str = "self") -> int:
    """How many bytes a process has in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no VmRSS of process {pid} in /proc")


@cache
def _commit() -> str:
    asked = subprocess.run(
        ["git", "-C", str(_ROOT), "rev-parse", "--short", "HEAD"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return asked.stdout.strip() or "unknown"


def environment() -> dict[str, Any]:
    """The commit, the interpreter and the machine of a measurement."""
    return {
        "commit": _commit(),
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "cpu": _cpu_name(),
        "load_1m": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
    }


@cache
def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def durability(engine: Engine, folder: Path) -> dict[str, Any]:
    """How commits become durable on this engine, as its database reports it."""
    with engine.connect() as connection:

        def ask(statement: str) -> str:
            return str(connection.exec_driver_sql(statement).scalar())

        if engine.dialect.name == "postgresql":
            names = ("synchronous_commit", "fsync", "wal_sync_method", "server_version")
            return {"database": "postgresql", **{name: ask(f"SHOW {name}") for name in names}}
        levels = {"0": "OFF", "1": "NORMAL", "2": "FULL", "3": "EXTRA"}
        return {
            "database": "sqlite",
            "journal_mode": ask("PRAGMA journal_mode"),
            "synchronous": levels[ask("PRAGMA synchronous")],
            **disk(folder),
        }


def disk(folder: Path) -> dict[str, Any]:
    """How long an fsync of 4 KiB takes in a folder, and its file system."""
    times = []
    path = folder / "fsync.probe"
    with path.open("wb", buffering=0) as out:
        for _ in range(15):
            out.write(bytes(4096))
            started = time.perf_counter()
            os.fsync(out.fileno())
            times.append(time.perf_counter() - started)
    path.unlink()
    return {
        "fsync": True,
        "fsync_ms": round(statistics.median(times) * 1e3, 3),
        "filesystem": _filesystem(folder),
    }


def _filesystem(folder: Path) -> str:
    best, kind = "", "unknown"
    try:
        mounts = Path("/proc/mounts").read_text().splitlines()
    except OSError:
        return kind
    for line in mounts:
        _, at, name = line.split()[:3]
        if folder.resolve().is_relative_to(at) and len(at) >= len(best):
            best, kind = at, name
    return kind


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is deleted afterwards; DCEP_BENCH_DIR says in which folder it is made."""
    with tempfile.TemporaryDirectory(
        prefix="dcep-bench-", dir=os.environ.get("DCEP_BENCH_DIR")
    ) as folder:
        yield Path(folder)


def _short(value: float) -> float:
    return round(value, 1) if abs(value) >= 100 else round(value, 4)


def _ratio_fields(ratio: Ratio) -> dict[str, Any]:
    return {**asdict(ratio), "per_s": _short(ratio.per_s), "ratio": _short(ratio.ratio)}
