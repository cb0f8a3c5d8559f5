"""What both command lines keep to: usage errors, versions, completion, plain terminals."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import sandbox.cli.main
from console.output import EXIT_NO_ANSWER, EXIT_REFUSED
from console.output import Output as DcepOutput
from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal
from sandbox.stack.supervisor import init
from tests import forked
from wallet.cli.console import Output as WalletOutput

TOOLS = {"wallet": "wallet.cli.main", "dcep": "sandbox.cli.main"}
BIN = Path(sys.executable).parent


def run(tool: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    done = forked.run([TOOLS[tool], *words], {**forked.importing(), **environment})
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


@pytest.mark.parametrize(
    ("tool", "words", "said"),
    [
        ("wallet", ["pay"], "payee"),
        ("wallet", ["nope"], "nope"),
        ("wallet", ["history", "--limit", "0"], "--limit"),
        ("wallet", ["pay", "1", "2", "--nope"], "--nope"),
        ("wallet", [], "command"),
        ("dcep", ["issue", "alpha"], "amount"),
        ("dcep", ["nope"], "nope"),
        ("dcep", ["keys"], "command"),
        ("dcep", ["suspense", "pay", "alpha", "one"], "entry"),
    ],
)
def test_wrong_usage_is_one_object_for_programs_and_a_sentence_for_people(
    tool: str, words: list[str], said: str
) -> None:
    program = run(tool, "--json", *words)
    assert (program.returncode, program.stderr) == (2, "")
    answer = json.loads(program.stdout)
    assert (answer["ok"], answer["reason"]) == (False, "USAGE")
    assert said in answer["message"]
    assert "--help" in answer["next"]
    person = run(tool, *words)
    assert person.returncode == 2
    assert f"{tool} " in person.stdout + person.stderr
    assert "Traceback" not in person.stderr


@pytest.mark.parametrize("words", [["--dir", "x", "status"], ["status", "--dir", "x"]])
def test_an_option_of_an_earlier_version_is_refused_with_what_it_is_called_now(
    words: list[str],
) -> None:
    program = run("dcep", "--json", *words)
    assert program.returncode == 2
    answer = json.loads(program.stdout)
    assert (answer["reason"], answer["next"]) == ("USAGE", "Type --stack instead.")
    assert "--dir" in answer["message"]


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("words", [["--help"], []])
def test_a_page_of_help_that_nobody_reads_to_its_end_ends_silently(
    tool: str, words: list[str]
) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run(
        [sys.executable, "-m", TOOLS[tool], *words],
        stdout=writes,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    os.close(writes)
    assert (done.returncode, done.stderr) == (3, b"")


def test_options_of_every_command_stand_before_it_too(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "none")
    for words in (
        ["--json", "--stack", nowhere, "status"],
        ["status", "--json", "--stack", nowhere],
        ["--stack", nowhere, "keys", "list", "--json"],
        ["--json", "keys", "list", "--stack", nowhere],
    ):
        done = run("dcep", *words, DCEP_STACK="elsewhere")
        assert json.loads(done.stdout)["reason"] == "NO_STACK", words
        assert nowhere in json.loads(done.stdout)["message"], words


@pytest.mark.parametrize("tool", TOOLS)
def test_the_version(tool: str) -> None:
    assert run(tool, "--version").stdout.strip() == version("dcep")


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(
    ("shell", "words", "environment"),
    [
        ("bash", "{tool} --vers", {"COMP_CWORD": "1"}),
        ("zsh", "{tool} --vers", {}),
        ("fish", "{tool} --vers", {"_TYPER_COMPLETE_FISH_ACTION": "get-args"}),
    ],
)
def test_each_shell_is_told_what_may_follow(
    tool: str, shell: str, words: str, environment: dict[str, str]
) -> None:
    words = words.format(tool=tool)
    asked = {
        f"_{tool.upper()}_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": words,
        "_TYPER_COMPLETE_ARGS": words,
        **environment,
    }
    assert "--version" in run(tool, **asked).stdout


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_takes_the_script_that_is_made_for_it(tool: str, shell: str) -> None:
    made = run(tool, **{f"_{tool.upper()}_COMPLETE": f"source_{shell}"})
    assert tool in made.stdout
    if shutil.which(shell):
        checked = subprocess.run(
            [shell, "-n"], input=made.stdout, text=True, capture_output=True, check=False
        )
        assert checked.returncode == 0, checked.stderr


def test_bash_completes_a_subcommand() -> None:
    script = run("wallet", _WALLET_COMPLETE="source_bash").stdout
    line = "COMP_WORDS=(wallet off); COMP_CWORD=1; _wallet_completion wallet; echo ${COMPREPLY[@]}"
    done = subprocess.run(
        ["bash", "-c", f"{script}\n{line}"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
    )
    assert done.stdout.strip() == "offline"


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("words", [["--help"], ["nope"]])
def test_a_plain_terminal_gets_plain_text(tool: str, words: list[str]) -> None:
    done = run(
        tool, *words, LANG="C", LC_ALL="C", PYTHONUTF8="0", PYTHONIOENCODING="ascii", COLUMNS="40"
    )
    said = done.stdout + done.stderr
    assert said.isascii() and "\\u" not in said
    assert "\x1b" not in run(tool, *words, NO_COLOR="1", FORCE_COLOR="1").stderr


@pytest.mark.parametrize(
    ("reason", "told", "code"),
    [
        (errors_pb2.REASON_ROLE_NOT_ALLOWED, "ROLE_NOT_ALLOWED", EXIT_REFUSED),
        (errors_pb2.REASON_BANK_SUSPENDED, "BANK_SUSPENDED", EXIT_REFUSED),
        (errors_pb2.REASON_OFFICER_UNKNOWN, "OFFICER_UNKNOWN", EXIT_REFUSED),
        (errors_pb2.REASON_OVERLOADED, "NO_ANSWER", EXIT_NO_ANSWER),
    ],
)
def test_who_may_not_ask_is_told_so_and_not_that_nobody_answered(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    reason: int,
    told: str,
    code: int,
) -> None:
    def no(*_: object) -> None:
        raise Refusal(reason, "bank alpha may not call GetFlows")

    monkeypatch.setattr(sandbox.cli.main, "run_app", no)
    monkeypatch.setattr(sys, "argv", ["dcep", "books", "--json"])
    monkeypatch.setattr(sys, "stdout", sys.stdout)  # what the command line replaces
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    with pytest.raises(SystemExit) as ended:
        sandbox.cli.main.main()
    answer = json.loads(capsys.readouterr().out)
    assert (answer["reason"], ended.value.code) == (told, code)


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ("dcep", ["init", "--stack", "/proc/nowhere"]),
        ("dcep", ["up", "--stack", "/proc/nowhere"]),
        ("wallet", ["--home", "/proc/nowhere", "open", "--bank", "alpha", "--name", "Al"]),
    ],
)
def test_a_folder_that_cannot_be_written_is_named_in_a_sentence(
    tool: str, words: list[str], tmp_path: Path
) -> None:
    """``/proc`` takes no folder from anybody, not even from the administrator."""
    plan = init(tmp_path / "stack")
    done = run(tool, *words, DCEP_STACK=str(plan.folder))
    assert done.returncode in (2, 3)
    assert "/proc/nowhere" in done.stderr and "Traceback" not in done.stderr + done.stdout


@pytest.mark.parametrize("speaks", [WalletOutput, DcepOutput], ids=["wallet", "dcep"])
def test_what_a_peer_puts_beside_its_refusal_does_not_make_it_a_success(
    speaks: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    told = {
        "ok": "true",
        "reason": "SETTLED",
        "message": "paid",
        "next": "",
        "self": "",
        "code": "",
    }
    refusal = Refusal(errors_pb2.REASON_WALLET_FROZEN, "frozen", **told)
    with pytest.raises(SystemExit) as ended:
        speaks(True).fail(1, refusal.name, refusal.message, **refusal.metadata)
    answer = json.loads(capsys.readouterr().out)
    assert ended.value.code == 1
    assert (answer["ok"], answer["reason"], answer["message"]) == (False, "WALLET_FROZEN", "frozen")
