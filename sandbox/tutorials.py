"""Runs pages of commands as they stand: each line must show what the page says.

In a block fenced as ``console``, a line that begins with ``$`` is typed into bash, with the page's
own folder as home and working folder. The lines below it are pieces of its output, in order. ``#
exit 1`` at the end of a line is its exit code, if that is not 0. A block fenced as ``console not
run: REASON`` is skipped; one fenced as ``python NAME.py`` is written to that file. ``python -m
sandbox.tutorials`` runs pages and draws their output, 80 columns wide.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Annotated, NamedTuple

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

PYTHON = sys.executable
"""What runs the commands of pages."""
COLUMNS = 80
LINE_TIMEOUT_S = 240.0
_BLOCK = re.compile(r"^ *```console\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^```python (\w+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXIT = re.compile(r"# exit (\d)$")
_ROW = re.compile(r"\S {2,}\S")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_COMMANDS = """
dcep() { "$PYTHON" -m sandbox.cli.main "$@"; }
wallet() { "$PYTHON" -m wallet.cli.main "$@"; }
python() { "$PYTHON" "$@"; }
"""
# The next line sees the variables that a line sets, as at a terminal.
_LINE = """
touch "$VARIABLES" && . "$VARIABLES"
set -a
eval "$TYPED"
code=$?
set +a
unset TYPED
export -p > "$VARIABLES"
exit $code
"""


class TutorialError(Exception):
    """A line does not do what its page says; the message says what it did instead."""


class Line(NamedTuple):
    """What is typed, what it must show, and its exit code."""

    typed: str
    shows: tuple[str, ...]
    code: int


class Shown(NamedTuple):
    """What was typed, and its output, as a terminal has it."""

    typed: str
    output: str


def blocks(page: str) -> list[list[Line]]:
    """The console blocks of a page, each with its lines."""
    return [list(_lines(dedent(found.group(1)))) for found in _BLOCK.finditer(page)]


def _lines(block: str) -> Iterator[Line]:
    typed = ""
    shows: list[str] = []
    for line in block.replace("\\\n", "").splitlines():
        if line.startswith("$ "):
            if typed:
                yield _line(typed, shows)
            typed, shows = line.removeprefix("$ "), []
        elif line.strip():
            shows.append(line.strip())
    if typed:
        yield _line(typed, shows)


def _line(typed: str, shows: Sequence[str]) -> Line:
    code = _EXIT.search(typed)
    return Line(typed, tuple(shows), int(code.group(1)) if code else 0)


def run(page: Path, folder: Path, *, colours: bool = False) -> list[list[Shown]]:
    """As `type_page`, in an empty folder, whose stacks it stops afterwards."""
    try:
        return type_page(page, folder, colours=colours)
    finally:
        stop_stacks(folder)


def stop_stacks(folder: Path) -> None:
    """Stops the stacks that pages left running in their folder."""
    for stack in folder.glob("*/stack.json"):
        _bash(f'dcep down --stack "{stack.parent}"', folder, colours=False)


def type_page(page: Path, folder: Path, *, colours: bool = False) -> list[list[Shown]]:
    """Types a page's lines in a folder; they may use what earlier pages have left there.

    Returns:
        What each block showed.

    Raises:
        TutorialError: a line showed something else, or a table of more than 80 columns.
    """
    text = page.read_text(encoding="utf-8")
    for name, source in _FILE.findall(text):
        (folder / name).write_text(source, encoding="utf-8")
    return [[_type(line, folder, colours=colours) for line in block] for block in blocks(text)]


def _type(line: Line, folder: Path, *, colours: bool) -> Shown:
    done = _bash(line.typed, folder, colours=colours)
    output = done.stdout.decode(errors="replace")
    plain = _COLOURS.sub("", output)
    if done.returncode != line.code:
        raise TutorialError(f"$ {line.typed}\nends with {done.returncode}:\n{plain}")
    at, words = 0, " ".join(plain.split())
    for piece in line.shows:
        found = words.find(" ".join(piece.split()), at)
        if found < 0:
            raise TutorialError(f"$ {line.typed}\ndoes not show {piece!r}:\n{plain}")
        at = found + len(piece)
    # A terminal can break a sentence over two lines, but a table becomes unreadable.
    rows = [each for each in plain.splitlines() if _ROW.search(each)]
    wide = [row for row in rows if cell_len(row.rstrip()) > COLUMNS]
    if wide:
        raise TutorialError(f"$ {line.typed}\nis a table wider than {COLUMNS} columns: {wide[0]}")
    return Shown(line.typed, output)


def _bash(typed: str, folder: Path, *, colours: bool) -> subprocess.CompletedProcess[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DCEP_")}
    kept.pop("WALLET_HOME", None)
    kept.pop("NO_COLOR", None)
    kept.pop("LANGUAGE", None)
    kept.pop("LC_ALL", None)
    return subprocess.run(
        ["bash", "-c", _COMMANDS + _LINE],
        cwd=folder,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=LINE_TIMEOUT_S,
        env={
            **kept,
            "HOME": str(folder),
            "PYTHON": PYTHON,
            "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
            "VARIABLES": str(folder / ".variables"),
            "TYPED": typed,
            "COLUMNS": str(COLUMNS),
            "LANG": "C.UTF-8",
            "LC_MESSAGES": "C.UTF-8",
            "TERM": "xterm-256color",
            "TTY_INTERACTIVE": "0",  # no bars that move
            **({"FORCE_COLOR": "1"} if colours else {"NO_COLOR": "1"}),
        },
    )


def picture(shown: Sequence[Shown], title: str) -> str:
    """An SVG image of a terminal with commands and their output; always the same for the same."""
    console = Console(
        record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, legacy_windows=False
    )
    for each in shown:
        console.print(Text(f"$ {each.typed}", style="bold"))
        console.print(Text.from_ansi(each.output))
    drawn = console.export_svg(title=title, unique_id=re.sub(r"\W", "-", title))
    # Without the fonts' rules, so that nothing is fetched when somebody looks at it.
    return re.sub(r"@font-face \{.*?\}\n?", "", drawn, flags=re.DOTALL)


def main(
    pages: Annotated[list[Path], typer.Argument(help="Pages of commands.", exists=True)],
    screens: Annotated[
        Path | None, typer.Option(help="A folder for pictures of what each block shows.")
    ] = None,
) -> None:
    """Run pages of commands as they stand; with --screens, draw what they show."""
    for page in pages:
        with tempfile.TemporaryDirectory(prefix="dcep-") as folder:
            try:
                shown = run(page, Path(folder), colours=screens is not None)
            except TutorialError as error:
                typer.echo(f"{page}: {error}", err=True)
                raise typer.Exit(1) from None
        typer.echo(f"{page}: {sum(map(len, shown))} lines do what it says")
        if screens is not None:
            screens.mkdir(parents=True, exist_ok=True)
            for number, block in enumerate(shown, 1):
                name = f"{page.stem}-{number}"
                (screens / f"{name}.svg").write_text(picture(block, name), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
