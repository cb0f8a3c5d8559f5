"""What a command prints, and the code it ends with when that is not possible."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from runtime.output import run_command

def command():
    {what}
    raise SystemExit({code})

run_command(command, "Repeat it.")
"""
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux's full device")


def run(what: str, redirected: str = "", *words: str, code: int = 0) -> tuple[int, str, str]:
    program = PROGRAM.format(what=what, code=code)
    done = subprocess.run(
        ["bash", "-c", f'exec "$0" -c "$@" {redirected}', sys.executable, program, *words],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONIOENCODING": "ascii", "PYTHONPATH": ":".join(entry for entry in sys.path)},
    )
    return done.returncode, done.stdout, done.stderr


@needs_full
@pytest.mark.parametrize("redirected", ["> /dev/full", ">&-"])
def test_what_cannot_be_printed_ends_with_the_code_of_no_answer(redirected: str) -> None:
    code, _, error = run("print('x', flush=True)", redirected)
    assert code == 3
    assert error.startswith("The result could not be printed: ")
    assert error.endswith("Repeat it.\n")


@needs_full
def test_what_is_held_back_until_the_end_is_not_lost_in_silence() -> None:
    assert run("print('x')", "> /dev/full")[0] == 3


@pytest.mark.parametrize("redirected", ["2>&-", "2> /dev/full"])
def test_a_remark_that_cannot_be_printed_stops_nothing(redirected: str) -> None:
    done = run("print('remark', file=sys.stderr, flush=True); print('x')", redirected)
    assert done[:2] == (0, "x\n")


def test_a_character_that_the_terminal_lacks_is_written_as_its_number() -> None:
    assert run("print('\\u5348')") == (0, "\\u5348\n", "")


def test_ctrl_c_is_said_in_a_sentence() -> None:
    assert run("raise KeyboardInterrupt") == (130, "", "Interrupted.\nRepeat it.\n")


def test_a_fault_of_the_program_is_no_refusal() -> None:
    code, _, error = run("raise ZeroDivisionError('here')")
    assert code == 3
    assert "ZeroDivisionError: here" in error and error.endswith("Repeat it.\n")


@pytest.mark.parametrize("code", [0, 1, 2])
def test_a_commands_own_code_is_kept(code: int) -> None:
    assert run("print('x')", code=code)[:2] == (code, "x\n")


@pytest.mark.parametrize(
    ("what", "code", "reason"),
    [("raise KeyboardInterrupt", 130, "INTERRUPTED"), ("raise ValueError('here')", 3, "FAULT")],
)
def test_a_program_gets_one_object_however_a_command_ends(
    what: str, code: int, reason: str
) -> None:
    assert json.loads(run(what, "", "--json=1")[1])["reason"] == reason
    ended, out, _ = run(what, "", "--json")
    fields = json.loads(out)
    assert (ended, fields["ok"], fields["reason"], fields["next"]) == (
        code,
        False,
        reason,
        "Repeat it.",
    )
    ended, out, error = run(f"print('{{}}'); {what}", "", "--json")
    assert (ended, out) == (code, "{}\n"), "a second object is no JSON"
    assert "Repeat it." in error


LOOKS = "from runtime.output import only_asks; only_asks(); "


def test_what_only_looks_is_not_told_to_be_repeated() -> None:
    assert run(LOOKS + "raise KeyboardInterrupt") == (
        130,
        "",
        "Interrupted.\nNothing was ordered; ask again.\n",
    )


def test_a_reader_who_has_seen_enough_is_told_nothing_unless_something_was_done() -> None:
    much = "print('x\\n' * 100_000, flush=True)"
    assert run(LOOKS + much, "| head -n 1")[1:] == ("x\n", "")
    assert "Repeat it." in run(much, "| head -n 1")[2]
