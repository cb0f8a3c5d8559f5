"""``python -m dcep_build.check_wheel WHEEL``: what somebody gets who installs it.

Into an empty environment, with its dependencies from the registry, and out of an empty folder: the
commands' versions, and the demo up to its proof. Takes a few minutes, most of them to compile the
settlement rule for the first time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path


def main(wheel: Path) -> None:
    """Raises subprocess.CalledProcessError at the first command that fails."""
    with tempfile.TemporaryDirectory(prefix="dcep-installed-") as made:
        folder = Path(made)
        environment, empty = folder / "environment", folder / "empty"
        empty.mkdir()
        venv.create(environment, with_pip=True)
        commands = environment / "bin"
        _run(empty, commands / "python", "-m", "pip", "install", "--quiet", wheel.resolve())
        _run(empty, commands / "dcep", "--version")
        _run(empty, commands / "wallet", "--version")
        _run(empty, commands / "dcep", "demo")
        left = sorted(path.name for path in empty.iterdir())
        if left:
            raise SystemExit(f"the demo left something behind: {', '.join(left)}")


def _run(folder: Path, *command: str | Path) -> None:
    began = time.monotonic()
    # What the checkout has on its path is not what somebody has who installed the wheel.
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(list(map(str, command)), cwd=folder, env=clean, check=True)
    said = " ".join(Path(word).name if "/" in str(word) else str(word) for word in command)
    sys.stdout.write(f"{said}: {time.monotonic() - began:.0f} s\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
