"""No sentence for people stands in the command lines' code without its mark for the catalogue."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = sorted(
    str(file.relative_to(ROOT))
    for package in (
        "auditor",
        "console",
        "currency",
        "deployment",
        "sandbox",
        "simulation/offline_risk",
        "wallet",
    )
    for file in (ROOT / package).rglob("*.py")
)
# Processes of their own, what draws or writes files for others, and what only services read.
OTHERS = {
    "simulation/offline_risk/plot.py",
    "sandbox/sample/make.py",
    "sandbox/tutorials.py",
    "wallet/__main__.py",
    "wallet/api/wallet.py",
    "wallet/hard_wallet/__main__.py",
    "wallet/hard_wallet/card.py",
}
MARKS = {"_", "N_", "ngettext"}
# Typer's helps are collected from the commands; what is wrong with code is for its writers.
CALLS = re.compile(
    r"typer\.(?:Option|Argument|Typer)$|re\.compile$|strftime$|^text$|\.execute$"
    r"|(?:Value|Type|Assertion|Message)Error$|create_engine$"
)
SENTENCE = re.compile(r"[A-Za-z]{2,}[,.:;)]? [(`]?[A-Za-z{]")
KEPT = re.compile(
    "|".join(
        (
            r"^`?(?:wallet|dcep|cash) ",  # to be typed, or hashed
            r"^(?:SELECT|DROP|CREATE|ALTER|PRAGMA) ",
            r"^\n\{\}\n  \[bold\]export",  # lines to be typed
            r"^# Limits|# the central bank's business key",  # comments in files
            r"^(?:DCEP (?:sandbox )?root|dcep device key|party \{\})$",  # names
            r"^(?:ordered by an officer|a new stack|r[a-z]+d in good order|alpha's customers)$",
            r"^OK \{\} \{\}$",  # of the link
            # Typed by the people of a story.
            r"^(?:Zhao Quexiang|Best Tea|BEST TEA|two cups)$",
            r"^(?:for school|July and August|lost in the bus)$",
        )
    )
)
"""Not read as a sentence, or the same for everybody: causes are kept as records."""
OF_PEERS = {
    # Told over the wire, where its reader's language is not known; the reason says what it means.
    "wallet/hard_wallet/guard.py",
    "wallet/orders/submitter.py",
    "wallet/secure_element/element.py",
    "wallet/secure_element/keys.py",
    "wallet/secure_element/pieces.py",
    # What a service says of its feed is looked for in it.
    "console/feed_advice.py",
}


def sentences(source: str) -> Iterator[tuple[int, str]]:
    """(line, text) of what looks like a sentence and is not marked."""
    tree = ast.parse(source)
    passed: set[int] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for each in body if isinstance(body, list) else ():
            if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant):
                passed.add(id(each.value))
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in MARKS or CALLS.search(called):
                values = [*node.args, *(keyword.value for keyword in node.keywords)]
                passed |= {id(part) for value in values for part in ast.walk(value)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            passed |= {id(part) for part in node.values if isinstance(part, ast.Constant)}
    for node in ast.walk(tree):
        if id(node) in passed:
            continue
        text = ""
        if isinstance(node, ast.JoinedStr):
            parts = (p.value if isinstance(p, ast.Constant) else "{}" for p in node.values)
            text = "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        if SENTENCE.search(text) and not KEPT.search(text):
            yield getattr(node, "lineno", 0), text


def test_a_sentence_without_its_mark_is_found() -> None:
    source = 'say(f"{name} was stopped")\nsay(_("all is well"))\nx = "select"\n'
    assert list(sentences(source)) == [(1, "{} was stopped")]


@pytest.mark.parametrize("file", [file for file in FILES if file not in OTHERS | OF_PEERS])
def test_every_sentence_is_marked(file: str) -> None:
    assert list(sentences((ROOT / file).read_text())) == []


def test_what_is_left_out_is_there() -> None:
    assert set(FILES) >= OTHERS | OF_PEERS


def unsaid_errors(source: str) -> Iterator[int]:
    """Lines that tell of an operating system's error as it is, in English whoever reads."""
    for handler in ast.walk(ast.parse(source)):
        if not isinstance(handler, ast.ExceptHandler) or handler.type is None or not handler.name:
            continue
        if "OSError" not in ast.unparse(handler.type):
            continue
        said: set[int] = set()
        for node in ast.walk(handler):
            if isinstance(node, ast.Call) and SAYS.search(ast.unparse(node.func)):
                said |= {id(part) for part in ast.walk(node)}
            if isinstance(node, ast.Raise) and node.cause is not None:
                said |= {id(part) for part in ast.walk(node.cause)}
        for node in ast.walk(handler):
            if isinstance(node, ast.Name) and node.id == handler.name and id(node) not in said:
                yield node.lineno


SAYS = re.compile("^(?:reason_of|of_this_machine|_unreadable|isinstance)$")


def test_an_error_that_is_told_as_it_is_is_found() -> None:
    source = "try:\n    f()\nexcept (OSError, ValueError) as e:\n    raise X(str(e)) from e\n"
    assert list(unsaid_errors(source)) == [4]
    assert list(unsaid_errors(source.replace("str(e)", "reason_of(e)"))) == []


@pytest.mark.parametrize("file", [file for file in FILES if file not in OTHERS | OF_PEERS])
def test_what_the_operating_system_says_is_told_in_the_readers_language(file: str) -> None:
    assert list(unsaid_errors((ROOT / file).read_text())) == []
