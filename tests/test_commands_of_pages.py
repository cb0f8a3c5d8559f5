"""Commands on the pages are run, or say why not; and each that is named anywhere is one there is.

Blocks fenced as ``console`` are run by tests/integration. One that is not run is fenced as
``console not run: REASON``, and is in the list here.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

import sandbox.cli.main
import wallet.cli.main
from tests.pages import sections
from tests.test_docs_zh import GENERATED, ROOT, english_pages, named

NOT_RUN = {
    "CONTRIBUTING.md": 1,
    "README.md": 4,
    "docs/explanation/offline.md": 3,
    "docs/explanation/performance.md": 1,
    "docs/explanation/protocol.md": 1,
    "docs/how-to/at-the-counter.md": 5,
    "docs/how-to/corporate-wallet.md": 4,
    "docs/how-to/key-ceremony.md": 2,
    "docs/how-to/limits.md": 1,
    "docs/how-to/lost-wallet.md": 5,
    "docs/how-to/postgresql.md": 1,
    "docs/how-to/renew-certificates.md": 2,
    "docs/how-to/second-phone.md": 3,
}
"""How many blocks of a page are not run; each says why. The fewer the better."""
PAGES = [page for page in english_pages() if page not in GENERATED] + [ROOT / "CONTRIBUTING.md"]
APPS = {"dcep": sandbox.cli.main.app, "wallet": wallet.cli.main.app}
WORD = re.compile(r"^[a-z][a-z-]*$")
NO_COMMANDS = re.compile(r"(text|toml|proto|python \w+\.py)?")


def blocks(page: Path) -> Iterator[str]:
    return (block for section in sections(page) for block in section.blocks)


def fence(block: str) -> str:
    return block.partition("\n")[0].removeprefix("```").strip()


def test_what_is_not_run_is_listed_and_says_why() -> None:
    found = Counter(
        named(page) for page in PAGES for block in blocks(page) if "not run" in fence(block)
    )
    assert found == NOT_RUN
    for page in PAGES:
        for block in blocks(page):
            if fence(block).startswith("console"):
                assert re.fullmatch(r"console( not run: \S.+)?", fence(block)), named(page)


def test_commands_stand_in_no_other_blocks() -> None:
    wrong = [
        (named(page), block)
        for page in PAGES
        for block in blocks(page)
        if not fence(block).startswith("console")
        if not NO_COMMANDS.fullmatch(fence(block)) or "\n$ " in block
    ]
    assert not wrong


def test_what_a_reason_names_is_there() -> None:
    for page in PAGES:
        for block in blocks(page):
            for path in re.findall(r"tests/[\w/.]+\w", fence(block)):
                assert (ROOT / path).exists(), f"{named(page)}: {path}"


@cache
def command(name: str) -> Any:
    return typer.main.get_command(APPS[name])


def options(part: Any) -> set[str]:
    declared = {name for each in part.params for name in [*each.opts, *each.secondary_opts]}
    return declared | {"--help"}


def wrong_in(line: str) -> str:
    """What a command line names that there is not; "" when all is there."""
    line = line.partition(" | ")[0].partition(" && ")[0].partition(" # ")[0]
    try:
        name, *words = shlex.split(line)
    except ValueError:
        return "it cannot be split into words"
    part, known = command(name), options(command(name))
    for word in words:
        below = getattr(part, "commands", {})
        alone = getattr(part, "invoke_without_command", False)
        if WORD.match(word) and below and word not in below and not alone:
            return f"no command {word!r}"
        if word in below:
            part = below[word]
            known |= options(part)
        elif word.startswith("--") and word.partition("=")[0] not in known:
            return f"no option {word}"
    return ""


def lines_of(page: Path) -> Iterator[str]:
    for section in sections(page):
        yield from re.findall(r"`((?:dcep|wallet) [^`]+)`", section.text)
        for block in section.blocks:
            text = block.replace("\\\n", " ")
            yield from re.findall(r"^\s*\$ ((?:dcep|wallet) .+)$", text, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_each_command_and_option_that_a_page_names_is_there(page: Path) -> None:
    wrong = [f"{line}: {what}" for line in lines_of(page) if (what := wrong_in(line))]
    assert not wrong


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("dcep up --stack stack --detach", ""),
        ("dcep keys rotate alpha --what key", ""),
        ("dcep start", "no command 'start'"),
        ("dcep keys rotate alpha --soon", "no option --soon"),
        ("wallet pay 'NUMBER", "it cannot be split into words"),
    ],
)
def test_what_is_not_there_is_named(line: str, what: str) -> None:
    assert wrong_in(line) == what
