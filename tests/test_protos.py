"""The generated code is what the generator makes of the contract today."""

from __future__ import annotations

import filecmp
import subprocess
import sys
from pathlib import Path

from dcep.errors.v1 import errors_pb2
from runtime.errors import status_of

ROOT = Path(__file__).resolve().parent.parent


def test_generated_code_is_fresh(tmp_path: Path) -> None:
    protos = sorted(str(p.relative_to(ROOT)) for p in (ROOT / "protos/dcep").rglob("*.proto"))
    outputs = [f"--{kind}_out={tmp_path}" for kind in ("python", "pyi", "grpc_python")]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-Iprotos", *outputs, *protos]
    subprocess.run(command, cwd=ROOT, check=True)
    made = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.py*")}
    kept = {
        str(p.relative_to(ROOT / "protos/gen"))
        for p in (ROOT / "protos/gen").rglob("*.py*")
        if "__pycache__" not in p.parts
    }
    assert made == kept
    _, changed, missing = filecmp.cmpfiles(tmp_path, ROOT / "protos/gen", sorted(made), False)
    assert (changed, missing) == ([], [])


def test_every_reason_has_a_status() -> None:
    for reason in errors_pb2.Reason.values():
        assert 1 <= status_of(reason) <= 16
