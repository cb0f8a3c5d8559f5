"""Every error of both tools says what to do next, to people and to programs, in each language."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import language
from console import next_steps, output
from currency.next_steps import STEPS
from dcep.errors.v1 import errors_pb2
from sandbox.cli import main as dcep
from wallet.app import NotOpened
from wallet.cli import console, reason_texts
from wallet.cli import main as wallet
from wallet.home.home import HomeError
from wallet.peers.same_stack import AnotherStackAnswers
from wallet.qr.errors import (
    CodeError,
    CodeExpired,
    CodeNotSupported,
    NotACode,
    OtherCurrency,
    OtherScheme,
)
from wallet.recovery.by_phrase import BankNotSure, NowhereKnown
from wallet.recovery.format import BackupError, WeakPassphrase, WrongPassphrase
from wallet.recovery.rotating import OrdersOpen
from wallet.secure_element import device_errors, pkcs11

ROOT = Path(__file__).resolve().parent.parent.parent
DCEP, WALLET = ("console", "deployment", "sandbox"), ("wallet",)
OF_CONTRACT = [name.removeprefix("REASON_") for name in errors_pb2.Reason.DESCRIPTOR.values_by_name]
CODE_ERRORS: list[type[CodeError]] = [
    CodeError,
    NotACode,
    OtherScheme,
    OtherCurrency,
    CodeExpired,
    CodeNotSupported,
]
RECOVERY_ERRORS: list[type[HomeError]] = [
    BackupError,
    WeakPassphrase,
    WrongPassphrase,
    BankNotSure,
    NowhereKnown,
    OrdersOpen,
]
CHINESE = re.compile("[\u4e00-\u9fff]")
NEXT: dict[str, Callable[[str], str]] = {
    "dcep": next_steps.next_step,
    "wallet": reason_texts.next_step,
}


@pytest.fixture(params=["en_US.UTF-8", "zh_CN.UTF-8"])
def right(request: pytest.FixtureRequest) -> Iterator[Callable[[str], bool]]:
    """Whether something is said in the language."""
    chinese = bool(language.choose({"LANG": request.param}))
    yield lambda text: bool(text) and bool(CHINESE.search(text)) is chinese
    language.choose({})


def own_reasons(packages: tuple[str, ...]) -> set[str]:
    """Reasons that stand in code, and are said without a next step of their own."""
    found = set()
    for package in packages:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call):
                    called = ast.unparse(node.func)
                    at = 1 if called.endswith(".fail") else 0
                    if called.endswith((".fail", "BackupRefused")) and len(node.args) < 4:
                        found |= literal(node.args[at])
                elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "reason":
                    found |= literal(node.value)
    return found


def literal(node: ast.expr) -> set[str]:
    is_reason = isinstance(node, ast.Constant) and re.fullmatch("[A-Z_]+", str(node.value))
    return {str(ast.literal_eval(node))} if is_reason else set()


def test_each_reason_of_the_contract_has_a_next_step() -> None:
    assert set(OF_CONTRACT) == set(STEPS)


@pytest.mark.parametrize("tool", NEXT)
def test_after_each_refusal_something_can_be_done(tool: str, right: Callable[[str], bool]) -> None:
    assert [reason for reason in OF_CONTRACT if not right(NEXT[tool](reason))] == []


def test_each_reason_of_dcep_alone_has_a_next_step(right: Callable[[str], bool]) -> None:
    own = own_reasons(DCEP)
    assert {"NO_STACK", "COPY_OLDER", "BANK_UNKNOWN", "NO_ANSWER", "USAGE"} <= own
    assert [reason for reason in own if not right(next_steps.next_step(reason))] == []


def test_each_reason_of_the_wallet_alone_has_a_next_step(right: Callable[[str], bool]) -> None:
    ask_the_bank = reason_texts.next_step("OF_A_NEWER_BANK")
    own = own_reasons(WALLET) - {
        "HOME",
        "KEY_AWAITED",
        *(each.reason for each in RECOVERY_ERRORS),
        "PIN_LOCKED",
        "ANOTHER_STACK",
        *(each.reason for each in CODE_ERRORS),
    }  # of exceptions that bring theirs
    assert "REFUSED" in own
    for reason in own:
        step = reason_texts.next_step(reason)
        assert right(step) and step != ask_the_bank, reason


@pytest.mark.parametrize(
    "error",
    [
        HomeError,
        NotOpened,
        device_errors.DeviceError,
        device_errors.PinError,
        device_errors.PinLocked,
        device_errors.RolledBack,
        pkcs11.KeyTokenError,
        AnotherStackAnswers,
        *RECOVERY_ERRORS,
    ],
)
def test_what_is_wrong_with_a_home_says_what_to_do(
    error: type[HomeError], right: Callable[[str], bool], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit), console.Output(True).failures():
        raise error("x")
    assert right(json.loads(capsys.readouterr().out)["next"])


@pytest.mark.parametrize("error", CODE_ERRORS)
def test_what_is_wrong_with_a_merchants_code_says_what_to_do(
    error: type[CodeError], right: Callable[[str], bool], capsys: pytest.CaptureFixture[str]
) -> None:
    raised = error(["x"]) if error is OtherScheme else error("x")
    with pytest.raises(SystemExit), console.Output(True).failures():
        raise raised
    assert right(json.loads(capsys.readouterr().out)["next"])


@pytest.mark.parametrize("kind", [output.Output, console.Output])
def test_people_and_programs_are_told_the_same(
    kind: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for as_json in (True, False):
        with pytest.raises(SystemExit):
            kind(as_json).fail(1, "SAME_ACCOUNT", "no")
    told = capsys.readouterr()
    assert json.loads(told.out)["next"] == "Check the number."
    assert told.err.splitlines()[1:] == ["Check the number."]


def test_who_only_looked_is_not_told_that_nothing_is_done_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(next_steps, "asks_only", lambda: False)
    assert "nothing is done twice" in next_steps.next_step("NO_ANSWER")
    monkeypatch.setattr(next_steps, "asks_only", lambda: True)
    assert next_steps.next_step("NO_ANSWER") == "Nothing was ordered; ask again."


def test_a_holder_is_sent_to_no_command_of_an_officer() -> None:
    for reason in OF_CONTRACT:
        assert "dcep" not in reason_texts.next_step(reason), reason


# Commands that are named


COMMAND = re.compile(r"`(dcep|wallet) ([^`]*)`")
TREES = {
    tool: typer.main.get_command(app) for tool, app in (("dcep", dcep.app), ("wallet", wallet.app))
}


def named() -> list[tuple[str, str]]:
    from language.catalogue import read

    texts = [message.id for message in read("zh_CN") if message.id]
    flat = [text for each in texts for text in ([each] if isinstance(each, str) else each)]
    return sorted({found for text in flat for found in COMMAND.findall(text)})


def test_commands_that_are_named_exist() -> None:
    """With their options: who does as told is not told that there is no such command."""
    pytest.importorskip("babel")
    wrong = [f"{tool} {words}" for tool, words in named() if not exists(TREES[tool], words)]
    assert len(named()) > 40
    assert wrong == []


def exists(command: Any, words: str) -> bool:
    known: set[str] = {"--help"}
    for word in words.split():
        known |= {name for param in command.params for name in param.opts}
        parts = getattr(command, "commands", {})
        if parts and not word.startswith("-"):
            if word in parts:
                command = parts[word]
            elif word.islower() and "{" not in word:
                return False
    known |= {name for param in command.params for name in param.opts}
    return all(word in known for word in words.split() if word.startswith("--"))
