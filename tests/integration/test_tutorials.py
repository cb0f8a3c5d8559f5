"""The pages that newcomers follow do what they say, line by line, as they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox import tutorials
from sandbox.tutorials import Shown, TutorialError, blocks, picture, run
from tests import forked

Patch = pytest.MonkeyPatch
ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs/tutorials").glob("*.md"))]
pytestmark = pytest.mark.any_database


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_line_of_the_page_does_what_it_says(
    page: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: Patch
) -> None:
    assert all(blocks(page.read_text(encoding="utf-8")))
    if page.name != "README.md":  # whose commands start in full, as a newcomer's do
        monkeypatch.setattr(tutorials, "PYTHON", forked.python(tmp_path_factory.mktemp("python")))
    run(page, tmp_path)


def test_the_chinese_page_has_the_same_lines() -> None:
    english, chinese = (ROOT / name for name in ("README.md", "README.zh-CN.md"))
    assert blocks(chinese.read_text(encoding="utf-8")) == blocks(
        english.read_text(encoding="utf-8")
    )


def page_of(tmp_path: Path, *lines: str) -> Path:
    page = tmp_path / "page.md"
    page.write_text("\n".join(["Words.", "```console", *lines, "```", "$ no-command", ""]))
    return page


def test_variables_stay_and_a_refusal_may_be_part_of_a_page(tmp_path: Path) -> None:
    page = page_of(
        tmp_path,
        '$ number=$(printf 12); export OTHER="a b"',
        '$ echo "$number $OTHER" \\',
        "    && pwd",
        "12 a b",
        "$ false  # exit 1",
    )
    ((_, echoed, _),) = run(page, tmp_path)
    assert echoed.output == f"12 a b\n{tmp_path}\n"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["$ true  # exit 1"], "ends with 0"),
        (["$ false"], "ends with 1"),
        (["$ echo one two", "two", "one"], "does not show 'one'"),
        (["$ printf 'two  columns %070d' 1"], "a table wider than 80 columns"),
    ],
)
def test_a_line_that_does_something_else_is_an_error(
    tmp_path: Path, lines: list[str], said: str
) -> None:
    with pytest.raises(TutorialError, match=said):
        run(page_of(tmp_path, *lines), tmp_path)


def test_a_picture_is_the_same_each_time_and_fetches_nothing() -> None:
    shown = [Shown("dcep status", "\x1b[32malpha\x1b[0m serving\n")]
    drawn = picture(shown, "status-1")
    assert drawn == picture(shown, "status-1")
    assert "dcep&#160;status" in drawn
    assert "url(http" not in drawn
