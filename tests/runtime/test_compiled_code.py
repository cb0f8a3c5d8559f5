"""Compiled code is kept where it can be, and where it cannot be that is said and nothing fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runtime import compiled_code
from runtime.compiled_code import SETTING, environment, kept_in

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module whose user can write nowhere."""
    monkeypatch.delenv(SETTING, raising=False)
    monkeypatch.setenv("HOME", "/dev/null")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "__pycache__").touch()  # in which nobody makes a file, root neither
    return folder / "module.py"


def test_it_is_kept_where_numba_looks_first(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kept_in(source) is None
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert kept_in(source) == tmp_path / "cache" / "numba"
    (source.parent / "__pycache__").unlink()
    assert kept_in(source) == source.parent / "__pycache__"
    monkeypatch.setenv(SETTING, str(tmp_path / "named"))
    assert kept_in(source) == tmp_path / "named"
    monkeypatch.setenv(SETTING, "/dev/null")
    assert kept_in(source) == source.parent / "__pycache__"


def test_processes_are_told_of_a_place_only_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SETTING, "/somewhere")
    assert environment(tmp_path) == {}
    monkeypatch.setattr(compiled_code, "_temporary", [Path("/somewhere")])
    assert environment(tmp_path) == {SETTING: str(tmp_path)}
    monkeypatch.delenv(SETTING)
    assert environment(tmp_path) == {}


SERVICE = """
from runtime.compiled_code import keep_somewhere
keep_somewhere()
import os, stat
from runtime import signatures
folder = os.environ["NUMBA_CACHE_DIR"]
print(oct(stat.S_IMODE(os.stat(folder).st_mode)), len(os.listdir(folder)), folder)
"""


def test_a_service_that_can_write_nowhere_compiles_for_itself_and_says_so(
    source: Path, tmp_path: Path
) -> None:
    """Numba itself ends with "no locator available" there."""
    copy = tmp_path / "runtime"
    shutil.copytree(ROOT / "runtime", copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "__pycache__").touch()
    path = os.pathsep.join((str(tmp_path), str(ROOT)))
    ran = subprocess.run(
        [sys.executable, "-B", "-c", SERVICE],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    mode, kept, folder = ran.stdout.split()
    assert (mode, kept) == ("0o700", "1")
    assert not Path(folder).exists(), "it is removed at the end"
    assert f"compiled code can be kept in none of {copy / '__pycache__'}" in ran.stderr
    assert SETTING in ran.stderr
