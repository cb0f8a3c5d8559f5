"""A long run: ``python -m tests.fuzz --seconds 3600 [--seed N]``; 1 when something was found."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from random import SystemRandom

from tests.fuzz.campaign import Campaign
from tests.fuzz.stage import CHECK_EVERY, Stage

_JUDGED_EVERY_S = 300.0


def main() -> int:
    """Calls until the time is over or something falls; says what came back."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1 << 32))
    arguments = parser.parse_args()
    print(f"SEED={arguments.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="dcep-fuzz-") as folder:
        stage = Stage(Path(folder))
        campaign = Campaign(arguments.seed, stage.roles, stage.pools)
        try:
            _run(stage, campaign, time.monotonic() + arguments.seconds)
        finally:
            _tell(campaign)
            stage.close()
    return 1 if campaign.report.faults else 0


def _run(stage: Stage, campaign: Campaign, ends_at: float) -> None:
    judged_at = time.monotonic()
    while time.monotonic() < ends_at:
        known = len(campaign.report.faults)
        stage.run(campaign, CHECK_EVERY)
        for fault in campaign.report.faults[known:]:
            print(f"FAULT {fault}", flush=True)
        if time.monotonic() - judged_at > _JUDGED_EVERY_S:
            stage.check_honest()
            judged_at = time.monotonic()
            print(
                f"{campaign.report.calls} calls, {len(campaign.report.faults)} faults", flush=True
            )
    stage.check_honest()
    stage.check_restart()
    stage.check_honest()
    stage.check_books()
    print("every service lives, pays, starts again, and the audit holds", flush=True)


def _tell(campaign: Campaign) -> None:
    report = campaign.report
    print(f"{report.calls} calls")
    for (method, reason), count in sorted(report.reasons.items()):
        print(f"{count:8} {method} {reason}")


if __name__ == "__main__":
    sys.exit(main())
