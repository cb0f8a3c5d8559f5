"""Ctrl-C at any moment is a sentence, also before a command has begun."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from runtime.begin import begin


def test_ctrl_c_while_a_command_is_being_read_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(importlib, "import_module", interrupted)
    with pytest.raises(SystemExit) as ended:
        begin("wallet.cli.main")
    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "Interrupted.\n")


@pytest.mark.parametrize(
    ("command", "module"), [("wallet", "wallet.cli.main"), ("sandbox", "sandbox.cli.main")]
)
def test_both_commands_begin_there(
    command: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[object] = []
    begin = importlib.import_module(f"{command}.begin")
    monkeypatch.setattr(begin, "begin", begun.append)
    begin.main()
    assert begun == [module]


def test_a_service_that_leaves_waits_for_no_thread_and_loses_no_word() -> None:
    """Else a thread of gRPC's may ask for an interpreter that is gone."""
    code = """
import atexit, sys, threading
from runtime.begin import leave
atexit.register(lambda: print("tidied up"))
threading.Thread(target=threading.Event().wait).start()
print("done")
sys.stderr.write("and said")
leave(3)
"""
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (3, "done\ntidied up\n")
    assert ended.stderr == "and said"
