"""``python -m dcep_build.vulnerabilities LOCK``: known vulnerabilities in what is installed.

pip-audit ends well where its service knows none of the packages, which is what an index without
one looks like; here that is said instead, and ends with 1 where an answer is required.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

TIMEOUT_S = 15
NOT_LOOKED_AT = "known vulnerabilities: not looked at, as no service that knows them answers here"


def findings(report: Mapping[str, Any]) -> list[str] | None:
    """What pip-audit found, one line each; None when it could look at nothing at all.

    A package that it could not look at among others that it could is a finding.
    """
    packages = report["dependencies"]
    skipped = [package for package in packages if "skip_reason" in package]
    if len(skipped) == len(packages):
        return None
    found = [f"{package['name']}: {package['skip_reason']}" for package in skipped]
    for package in packages:
        for known in package.get("vulns", ()):
            mended = ", ".join(known["fix_versions"]) or "in no version yet"
            found.append(f"{package['name']} {package['version']}: {known['id']}, mended {mended}")
    return found


def ask(lock: str) -> Mapping[str, Any] | None:
    """The report of pip-audit about a lock file; None when it made none."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--requirement", lock]
    options = ["--format", "json", "--progress-spinner", "off", "--timeout", str(TIMEOUT_S)]
    ran = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    if not ran.stdout.strip():
        sys.stderr.write("".join(f"{line}\n" for line in ran.stderr.splitlines()[-1:]))
        return None
    report: Mapping[str, Any] = json.loads(ran.stdout)
    return report


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints what is known; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lock")
    parser.add_argument("--required", action="store_true", help="no answer ends with 1")
    options = parser.parse_args(arguments)
    report = ask(options.lock)
    found = findings(report) if report is not None else None
    if found is None:
        sys.stdout.write(f"{NOT_LOOKED_AT}\n")
        return 1 if options.required else 0
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
