"""Before services start, what they need is compiled once; why, and how far it is, is said."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from deployment.processes import ProcessFailed
from runtime import compiled_code
from sandbox import compiled
from sandbox.compiled import COMPILED, compile_first

COMPILES = "import sys; print(3, 26); print(26, 26)"
FAILS = "raise SystemExit('no room on the disk')"


class Told:
    """What somebody hears who starts a stack."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.shown: list[str] = []

    def start(self, folder: Path) -> None:
        compile_first(folder, self.said.append, self.shown.append)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def stamp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All is compiled, and this says so."""
    file, kept = tmp_path / "stamp.json", tmp_path / "rule.nbc"
    kept.write_bytes(bytes(100))
    state = {"made_for": compiled.made_for(), "files": {str(kept): 100}}
    file.write_text(json.dumps(state))
    monkeypatch.setattr(compiled, "stamp_file", lambda: file)
    runs(monkeypatch, COMPILES)
    return file


def runs(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(compiled, "command", lambda: [sys.executable, "-c", script])


def changed(stamp: Path, name: str, value: Any) -> None:
    state = json.loads(stamp.read_text())
    state["made_for"][name] = value
    stamp.write_text(json.dumps(state))


def test_what_fits_is_not_compiled_again(stamp: Path, tmp_path: Path, told: Told) -> None:
    told.start(tmp_path)
    assert (told.said, told.shown) == ([], [])
    (stamp.parent / "rule.nbc").write_bytes(bytes(200))  # more was compiled since
    told.start(tmp_path)
    assert told.said == []


def test_a_fresh_installation_is_compiled_once_with_progress(
    stamp: Path, tmp_path: Path, told: Told
) -> None:
    stamp.unlink()
    told.start(tmp_path)
    assert told.said == [
        "compiling the settlement rule for this machine, once; it takes a minute or two"
    ]
    assert told.shown == ["compiled 3 of 26", "compiled 26 of 26"]


def test_what_another_processor_was_compiled_for_is_said(
    stamp: Path, tmp_path: Path, told: Told
) -> None:
    changed(stamp, "processor", "z80 00000000")
    told.start(tmp_path)
    assert "compiled for another processor" in told.said[0] and told.shown


@pytest.mark.parametrize(
    ("name", "value"), [("numba", "0.1"), ("python", "3.0.0"), ("sources", {COMPILED[2]: "00"})]
)
def test_what_was_compiled_from_or_by_something_else_is_compiled_again(
    name: str, value: Any, stamp: Path, tmp_path: Path, told: Told
) -> None:
    changed(stamp, name, value)
    told.start(tmp_path)
    assert "is new" in told.said[0] and told.shown


@pytest.mark.parametrize("size", [None, 0, 99])
def test_what_is_gone_or_torn_is_compiled_again(
    size: int | None, stamp: Path, tmp_path: Path, told: Told
) -> None:
    kept = stamp.parent / "rule.nbc"
    kept.unlink() if size is None else kept.write_bytes(bytes(size))
    told.start(tmp_path)
    assert "not all there" in told.said[0] and told.shown


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"made_for": 1}'])
def test_a_damaged_note_of_it_counts_as_none(
    text: str, stamp: Path, tmp_path: Path, told: Told
) -> None:
    stamp.write_text(text)
    told.start(tmp_path)
    assert "once; it takes a minute" in told.said[0]


def test_what_cannot_be_read_is_thrown_away_and_compiled_anew(
    stamp: Path, tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamp.unlink()
    runs(monkeypatch, f"import sys; '--anew' in sys.argv or sys.exit('EOFError'); {COMPILES}")
    told.start(tmp_path)
    assert told.said[1:] == ["what was kept cannot be used; all of it is compiled anew"]
    assert told.shown


def test_what_cannot_be_compiled_ends_with_the_last_words(
    stamp: Path, tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamp.unlink()
    runs(monkeypatch, FAILS)
    with pytest.raises(ProcessFailed, match="cannot be compiled:\nno room on the disk"):
        told.start(tmp_path)


def test_it_does_not_take_for_ever(
    stamp: Path, tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamp.unlink()
    runs(monkeypatch, "import time; time.sleep(600)")
    monkeypatch.setattr(compiled, "COMPILE_TIMEOUT_S", 0.1)
    with pytest.raises(ProcessFailed, match="ended with status -9"):
        told.start(tmp_path)


def test_where_nothing_can_be_written_it_is_kept_with_the_stack(
    tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And services that are started from here find it there."""
    temporary = tmp_path / "gone at the end"
    monkeypatch.setattr(compiled_code, "_temporary", [temporary])
    monkeypatch.setenv(compiled_code.SETTING, str(temporary))
    script = f"import os; print(os.environ['{compiled_code.SETTING}'], 26)"
    runs(monkeypatch, script)
    told.start(tmp_path / "stack")
    kept = tmp_path / "stack" / "compiled"
    assert told.said[1] == f"it is kept in {kept}"
    assert told.shown == [f"compiled {kept} of 26"]
    assert os.environ[compiled_code.SETTING] == str(kept)


def test_set_up_writes_down_what_it_has_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamp = tmp_path / "stamp.json"
    compiled.compile_all()
    compiled.write_down(stamp)
    monkeypatch.setattr(compiled, "stamp_file", lambda: stamp)
    assert compiled.reason_to_compile(stamp) == ""
    files = json.loads(stamp.read_text())["files"]
    for name in COMPILED:
        stem = f"{name.rpartition('.')[2]}."
        assert [file for file in files if Path(file).name.startswith(stem)]


def test_what_is_kept_of_others_is_let_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_code, "places", lambda _source: [tmp_path])
    mine = ["rule.apply-1.py311.nbi", "settlement_00/rule.apply-1.py311.1.nbc"]
    others = ["rule.py", "ruler.apply-1.py311.nbi", "elsewhere_00/rule.apply-1.py311.1.nbc"]
    for name in (*mine, *others):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    compiled.forget()
    assert [name for name in (*mine, *others) if (tmp_path / name).exists()] == others
