"""Makes the sample payments file: a small town's month, from a seed.

``python -m sandbox.sample.make`` writes ``payments.csv`` and ``balances.csv`` beside this file. The
town has households that get wages, spend them in shops by Zipf's law, and pay each other back; the
amounts are log-normal, rounded to what prices look like. Nobody real is in it.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

SEED = 20250101
HOUSEHOLDS = 160
SHOPS = 24
EMPLOYERS = 6
DAYS = 30
FOLDER = Path(__file__).parent


def town(seed: int) -> list[tuple[str, str, int, float]]:
    """A month's payments, (source, target, fen, day), in order of time."""
    chance = random.Random(seed)
    homes = [f"home-{i:03d}" for i in range(HOUSEHOLDS)]
    shops = [f"shop-{i:02d}" for i in range(SHOPS)]
    employers = [f"firm-{i}" for i in range(EMPLOYERS)]
    crowds = [1 / (rank + 1) for rank in range(SHOPS)]
    rows = []
    for i, home in enumerate(homes):
        rows.append((employers[i % EMPLOYERS], home, _price(chance, 7.9, 0.3), 1 + i / HOUSEHOLDS))
    for day in range(DAYS):
        for home in homes:
            for _ in range(chance.choice((0, 0, 1, 1, 2))):
                shop = chance.choices(shops, crowds)[0]
                rows.append((home, shop, _price(chance, 3.6, 0.8), day + chance.random()))
            if chance.random() < 0.06:
                friend = chance.choice(homes)
                if friend != home:
                    rows.append((home, friend, _price(chance, 3.0, 0.6), day + chance.random()))
    return sorted(rows, key=lambda row: row[3])


def _price(chance: random.Random, mean: float, spread: float) -> int:
    """A price in fen: log-normal in yuan, rounded to ten fen, at least one yuan."""
    return max(100, round(chance.lognormvariate(mean, spread) * 10) * 10)


def main() -> None:
    """Write the two files."""
    rows = town(SEED)
    with (FOLDER / "payments.csv").open("w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("source", "target", "value", "time"))
        for source, target, fen, day in rows:
            writer.writerow((source, target, f"{fen // 100}.{fen % 100:02d}", f"{day:.4f}"))
    parties = sorted({row[0] for row in rows} | {row[1] for row in rows})
    with (FOLDER / "balances.csv").open("w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("party", "balance"))
        for party in parties:
            start = {"home": 1_500, "shop": 1_000, "firm": 95_000}[party[:4]]
            writer.writerow((party, f"{start}.00"))


if __name__ == "__main__":
    main()
