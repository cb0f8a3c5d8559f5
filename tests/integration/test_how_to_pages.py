"""The pages that say how to do something do it, one after the other, at one stack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import tutorials
from sandbox.tutorials import blocks, run, stop_stacks, type_page
from tests import forked

ROOT = Path(__file__).parents[2]
ALONE = {ROOT / "README.md", *(ROOT / "docs/tutorials").glob("*.md")}
"""Each has a stack of its own: tests/integration/test_tutorials.py."""
PAGES = [
    page
    for page in sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")} - ALONE)
    if "zh-CN" not in page.name and not page.is_relative_to(ROOT / "docs/zh-CN")
    if blocks(page.read_text(encoding="utf-8"))
]
BEFORE = """
```console
$ dcep up --stack stack --detach
$ export DCEP_STACK=stack
```
"""
pytestmark = [
    pytest.mark.any_database,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("pages"),  # which share a stack
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tutorials, "PYTHON", forked.python(tmp_path_factory.mktemp("python")))
        yield from _with_a_stack(place, tmp_path_factory)


def _with_a_stack(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    before = tmp_path_factory.mktemp("before") / "before.md"
    before.write_text(BEFORE)
    try:
        type_page(before, place)
        yield place
    finally:
        stop_stacks(place)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_line_of_the_page_does_what_it_says(page: Path, folder: Path) -> None:
    type_page(page, folder)


def test_a_block_that_is_not_run_is_left_out(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "1. Do\n\n   ```console\n   $ true\n   ```\n\n```console not run: it fails\n$ false\n```\n"
    )
    assert [[shown.typed for shown in block] for block in run(page, tmp_path)] == [["true"]]
