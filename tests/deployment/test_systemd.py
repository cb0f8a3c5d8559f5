"""The units under which services run: systemd understands them, and so do the services."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / "deployment" / "systemd"
NAMES = sorted(file.name for file in UNITS.iterdir())
INSTALLED = "/opt/dcep/bin/python -m dcep."


@pytest.mark.parametrize("name", NAMES)
def test_a_unit_has_nothing_that_systemd_does_not_know(name: str, tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("systemd is not here")
    text = (UNITS / name).read_text()
    assert text.count(INSTALLED) == 1
    here = text.replace("/opt/dcep/bin/python", sys.executable)
    unit = tmp_path / name.replace("@.", "@alpha.")
    unit.write_text(here)
    done = subprocess.run(
        [verify, "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    about = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, about) == (0, [])


@pytest.mark.parametrize("name", NAMES)
def test_a_units_command_line_is_one_that_its_service_takes(name: str, tmp_path: Path) -> None:
    """It goes as far as the settings, which are not there."""
    [line] = [
        line for line in (UNITS / name).read_text().splitlines() if line.startswith("ExecStart=")
    ]
    words = line.partition(INSTALLED)[2].replace("%i", "alpha").split()
    missing = str(tmp_path / "settings.toml")
    words[-1] = missing
    done = subprocess.run(
        [sys.executable, "-m", *words], capture_output=True, text=True, timeout=120, cwd=ROOT
    )
    assert done.returncode == 2
    assert f"{missing} cannot be read" in done.stderr


@pytest.mark.parametrize("name", ["dcep-central-bank{}.service", "dcep-bank{}@.service"])
def test_a_migration_runs_as_its_service_does(name: str) -> None:
    """As the same user, in the same folders, with the same rights."""
    service, migration = (
        dict(
            line.split("=", 1)
            for line in (UNITS / name.format(part)).read_text().splitlines()
            if "=" in line
        )
        for part in ("", "-migrate")
    )
    assert migration.pop("Description") != service["Description"]
    assert migration.pop("Type") == "oneshot"
    started = migration.pop("ExecStart")
    assert started.replace(" --migrate-only", "") == service["ExecStart"] != started
    assert migration.items() <= service.items()
    assert {*service} - {*migration} == {
        *("Description", "Type", "ExecStart", "StartLimitIntervalSec", "Restart", "RestartSec"),
        *("KillMode", "TimeoutStopSec", "WantedBy"),
    }
