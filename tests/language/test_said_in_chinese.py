"""The language is the reader's; what programs read is the same in all."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

import language

TOOLS = {"wallet": "wallet.cli.main", "dcep": "sandbox.cli.main"}
CHINESE = re.compile("[\u4e00-\u9fff]")


def run(tool: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", TOOLS[tool], *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "PYTHONIOENCODING": "utf-8",
            **environment,
        },
    )


@pytest.fixture(autouse=True)
def english_again() -> None:
    language.choose({})


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, ""),
        ({"LANG": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LANG": "zh_CN"}, "zh_CN"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_US.UTF-8"}, ""),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "zh_CN:en"}, "zh_CN"),
        ({"LANG": "zh_CN.UTF-8", "LANGUAGE": "en:zh_CN"}, ""),
        ({"LANG": "zh_CN.UTF-8", "LANGUAGE": "de:zh_CN"}, "zh_CN"),
        ({"LANG": "zh_CN.UTF-8", "LANGUAGE": ""}, "zh_CN"),
        ({"LANG": "C", "LANGUAGE": "zh_CN"}, ""),
        ({"LC_ALL": "POSIX", "LANG": "zh_CN.UTF-8"}, ""),
        ({"LANG": "C.UTF-8", "LANGUAGE": "zh_CN"}, "zh_CN"),
        ({"LANG": "de_DE.UTF-8"}, ""),
        ({"LANG": "zh_TW.UTF-8"}, ""),
        ({"LANG": "../../zh_CN"}, ""),
    ],
)
def test_the_standard_variables_choose_the_language(environment: dict[str, str], said: str) -> None:
    assert language.choose(environment) == language.chosen() == said
    assert (language._("Options") == "选项") is bool(said)


@pytest.mark.parametrize("tool", TOOLS)
def test_help_is_chinese_and_what_is_typed_is_not(tool: str) -> None:
    english = run(tool, "--help", LANG="en_US.UTF-8", COLUMNS="80").stdout
    chinese = run(tool, "--help", LANG="zh_CN.UTF-8", COLUMNS="80").stdout
    assert not CHINESE.search(english)
    typed = re.compile(r"│ (?:\* *)?(--[a-z-]+|[a-z][a-z-]+) ")
    assert typed.findall(chinese) == typed.findall(english)
    for line in chinese.splitlines():
        if any(letter.isalpha() and letter.isascii() for letter in line):
            assert CHINESE.search(line) or "WALLET_HOME" in line, line


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ("wallet", ["pay"]),
        ("wallet", ["nope"]),
        ("wallet", ["opne"]),
        ("wallet", ["open"]),
        ("wallet", ["show", "1", "2"]),
        ("wallet", ["history", "--limit", "0"]),
        ("wallet", ["history", "--limit", "9999999"]),
        ("wallet", ["history", "--limit", "x"]),
        ("wallet", ["history", "--limit"]),
        ("wallet", ["--hom", "x"]),
        ("wallet", ["show", "--json=3"]),
        ("dcep", ["audit", "--signatures", "some"]),
        ("dcep", ["keys", "lst"]),
    ],
)
def test_wrong_usage_is_told_in_chinese(tool: str, words: list[str]) -> None:
    done = run(tool, *words, LANG="zh_CN.UTF-8", LANGUAGE="")
    assert done.returncode == 2
    for sentence in filter(None, re.split("[。\n]", done.stderr)):
        assert CHINESE.search(sentence), sentence
    assert not re.search("[a-z]{3,} [a-z]{3,}", re.sub("`[^`]*`", "", done.stderr)), done.stderr


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("words", [["--help"], ["nope"]])
def test_a_terminal_without_chinese_letters_gets_english(tool: str, words: list[str]) -> None:
    done = run(tool, *words, LANG="zh_CN.UTF-8", PYTHONIOENCODING="ascii", COLUMNS="40")
    said = done.stdout + done.stderr
    assert said.isascii() and "\\u" not in said
    assert f"{tool} " in said


def test_a_terminal_in_gb18030_gets_chinese() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wallet.cli.main", "nope"],
        capture_output=True,
        check=False,
        env={**os.environ, "LANG": "zh_CN.GB18030", "PYTHONIOENCODING": "gb18030"},
    )
    assert "没有命令" in done.stderr.decode("gb18030")


@pytest.mark.parametrize(("tool", "words"), [("wallet", ["pay"]), ("dcep", ["status"])])
def test_programs_read_the_same_in_every_language(tool: str, words: list[str]) -> None:
    answers = [
        run(tool, "--json", *words, LANG=tongue, LANGUAGE="", DCEP_STACK="/nowhere").stdout
        for tongue in ("C", "zh_CN.UTF-8")
    ]
    assert answers[0] == answers[1]
    assert json.loads(answers[0])["message"].isascii()


HELPS = """
import importlib, io, contextlib, sys, typer, language
from language.commands import parts, translate
language.choose({"LANG": "zh_CN.UTF-8"})
for module in ("wallet.cli.main", "sandbox.cli.main"):
    command = typer.main.get_command(importlib.import_module(module).app)
    translate(command)
    for part in parts(command):
        with contextlib.suppress(SystemExit):
            part.main(["--help"], prog_name=part.name)
"""


def test_no_page_of_help_is_cut_off_at_80_columns() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HELPS],
        capture_output=True,
        encoding="utf-8",
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "80"},
    )
    assert done.stdout.count("用法") > 60
    # What ends in dots by itself: an address, and names of what is typed.
    own = re.sub(r"://…|\[PARTY …\]|--[a-z-]+…", "", done.stdout)
    assert [line for line in own.splitlines() if "…" in line] == []
