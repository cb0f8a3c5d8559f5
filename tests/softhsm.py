"""SoftHSM2 as the PKCS#11 token of the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PIN = "123456"
_USUAL = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)


@dataclass(frozen=True)
class SoftHsm:
    """The library, and its fresh tokens: one for devices, one for institutions."""

    library: str
    device: str = "dcep"
    institution: str = "institution"


def library() -> str:
    """SoftHSM2, or "" when it is not here."""
    places = (os.environ.get("SOFTHSM2_LIB", ""), *_USUAL)
    found = [place for place in places if place and Path(place).exists()]
    return found[0] if found and shutil.which("softhsm2-util") else ""


@contextmanager
def tokens(folder: Path) -> Iterator[SoftHsm]:
    """Fresh tokens. The library reads its folder once in a process: one call a process."""
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\n")
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    hsm = SoftHsm(library())
    for label in (hsm.device, hsm.institution):
        words = ["softhsm2-util", "--init-token", "--free", "--label", label]
        subprocess.run([*words, "--so-pin", PIN, "--pin", PIN], check=True, capture_output=True)
    yield hsm
    if before is None:
        del os.environ["SOFTHSM2_CONF"]
    else:
        os.environ["SOFTHSM2_CONF"] = before
