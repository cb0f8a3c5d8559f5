"""Each English page and its Chinese one say the same, section by section.

A failure names the Chinese section to change. Compared is what does not depend on the language:
headings' levels, code blocks but for the comments in them, rows of tables, names in `code`,
figures, and where links lead. Whether words alone were changed, `docs/zh-CN/read.txt` shows: it has
a digest of each English section as it was when somebody last put it into Chinese. Who has done that
for a page says so by

    python -m tests.test_docs_zh docs/explanation/offline.md
"""

import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from dcep_build.reference.__main__ import IN_BOTH_LANGUAGES
from dcep_build.reference.pages import FOLDERS
from tests.pages import Section, anchors, away, figures, names, sections, where

ROOT = Path(__file__).parents[1]
CHINESE = ROOT / "docs/zh-CN"
ENGLISH_ALONE = {ROOT / "docs/reference/calls.md"}
CHINESE_ALONE = {CHINESE / "glossary.md"}
READ = CHINESE / "read.txt"


def english_pages() -> list[Path]:
    pages = {page for page in (ROOT / "docs").rglob("*.md") if not page.is_relative_to(CHINESE)}
    pages -= ENGLISH_ALONE
    return [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted(pages)]


def chinese_of(page: Path) -> Path:
    if page == ROOT / "README.md":
        return ROOT / "README.zh-CN.md"
    base = ROOT / "docs" if page.is_relative_to(ROOT / "docs") else ROOT
    return CHINESE / page.relative_to(base)


def english_of(target: Path) -> Path:
    """The English page or folder of a Chinese one, and whatever else is linked as it stands."""
    if target == ROOT / "README.zh-CN.md":
        return ROOT / "README.md"
    if not target.is_relative_to(CHINESE):
        return target
    inside = target.relative_to(CHINESE)
    return ROOT / inside if ROOT / inside in PAIRS else ROOT / "docs" / inside


OF_THE_CHECKOUT = [ROOT / f"{name}.md" for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY")]
"""In English alone; their links are looked at here too."""
PAIRS = {page: chinese_of(page) for page in english_pages()}
BOTH = [(page, chinese) for page, chinese in PAIRS.items() if chinese.exists()]
ALL = [page for pair in BOTH for page in pair] + sorted(CHINESE_ALONE | ENGLISH_ALONE)
CHINESE_PAGES = {chinese for _page, chinese in BOTH} | CHINESE_ALONE
GENERATED = {FOLDERS[""] / f"{name}.md" for name in IN_BOTH_LANGUAGES}
"""Made in both languages by one command, and compared with it by tests/test_reference.py."""


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def meant(page: Path, link: str) -> str:
    """A link's target in words, the same for a page in either language."""
    if away(link):
        return link
    target, anchor = where(page, link)
    place = f", heading {anchors(target).get(anchor, anchor)}" if anchor else ""
    return named(english_of(target)) + place


def targets(page: Path, section: Section) -> Counter[str]:
    """Where a section leads, its page's other language and the list of Chinese words left out."""
    left_out = {*CHINESE_ALONE, PAIRS[page] if page in PAIRS else english_of(page)}
    links = [link for link in section.links() if away(link) or where(page, link)[0] not in left_out]
    return Counter(meant(page, link) for link in links)


def lacking(kind: str, english: Counter[str], chinese: Counter[str]) -> Iterator[str]:
    if missing := english - chinese:
        yield f"the Chinese lacks {kind} {', '.join(sorted(missing))}"
    if more := chinese - english:
        yield f"the Chinese alone has {kind} {', '.join(sorted(more))}"


def in_words(ours: str, theirs: str) -> Iterator[str]:
    yield from lacking("names:", Counter(names(ours)), Counter(names(theirs)))
    if missing := figures(ours) - figures(theirs):
        yield f"the Chinese lacks figures: {', '.join(sorted(missing))}"


def differences(page: Path, ours: Section, theirs: Section) -> Iterator[str]:
    """In words, what a section has otherwise in Chinese than in English."""
    if ours.blocks != theirs.blocks:
        yield "code blocks differ in more than their comments"
    yield from in_words(ours.text, theirs.text)
    if ours.tables() != theirs.tables():
        yield f"tables have {ours.tables()} rows in English and {theirs.tables()} in Chinese"
    else:
        rows = zip(ours.rows(), theirs.rows(), strict=True)
        for row, (english, chinese) in enumerate(rows, 1):
            yield from (f"{what} (line {row} of its tables)" for what in in_words(english, chinese))
    yield from lacking("links to", targets(page, ours), targets(PAIRS[page], theirs))


def to_change(page: Path, ours: Section, theirs: Section) -> str:
    return (
        f"{named(page)}:{ours.line} “{ours.title}” was changed: "
        f"change “{theirs.title}” at {named(PAIRS[page])}:{theirs.line} too"
    )


def test_each_page_is_there_in_both_languages() -> None:
    wrong = [
        f"{named(page)} has no Chinese page: write {named(chinese)}"
        for page, chinese in PAIRS.items()
        if not chinese.exists()
    ]
    alone = set(CHINESE.rglob("*.md")) - set(PAIRS.values()) - CHINESE_ALONE
    wrong += [f"{named(page)} has no English page any more" for page in sorted(alone)]
    assert not wrong, "\n".join(wrong)


def test_each_page_has_the_same_headings_in_both_languages() -> None:
    wrong = [
        f"{named(page)} has the headings {[(s.level, s.title) for s in sections(page)]} and "
        f"{named(chinese)} {[(s.level, s.title) for s in sections(chinese)]}"
        for page, chinese in BOTH
        if [s.level for s in sections(page)] != [s.level for s in sections(chinese)]
    ]
    assert not wrong, "\n".join(wrong)


def test_each_section_says_in_chinese_what_it_says_in_english() -> None:
    wrong = [
        f"{to_change(page, ours, theirs)}; {what}"
        for page, chinese in BOTH
        if page not in GENERATED
        for ours, theirs in zip(sections(page), sections(chinese), strict=False)
        for what in differences(page, ours, theirs)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_section_was_changed_since_it_was_put_into_chinese() -> None:
    wrong: list[str] = []
    for page, chinese in BOTH:
        if page in GENERATED:
            continue
        then = digests_when_read().get(named(page), [])
        if then == [section.digest() for section in sections(page)]:
            continue
        wrong += [
            to_change(page, ours, theirs)
            for ours, theirs in zip(sections(page), sections(chinese), strict=False)
            if ours.digest() not in then
        ]
        wrong.append(f"then say that it is done: python -m tests.test_docs_zh {named(page)}")
    assert not wrong, "\n".join(wrong)


def test_below_its_title_each_page_leads_to_its_other_language() -> None:
    for page, chinese in BOTH:
        there = os.path.relpath(chinese, page.parent)
        back = os.path.relpath(page, chinese.parent)
        ours, theirs = (p.read_text(encoding="utf-8").splitlines()[2] for p in (page, chinese))
        assert ours == f"[中文]({there})", f"line 3 of {named(page)}"
        assert theirs == f"[English]({back})", f"line 3 of {named(chinese)}"


def test_links_and_anchors_lead_somewhere_and_in_chinese_to_chinese_pages() -> None:
    wrong: list[str] = []
    for page in [*ALL, *OF_THE_CHECKOUT]:
        for link in [one for section in sections(page) for one in section.links()]:
            target, anchor = where(page, link)
            if away(link):
                continue
            if not target.exists():
                wrong.append(f"{named(page)}: nothing is at {link}")
            elif anchor and anchor not in anchors(target):
                wrong.append(f"{named(page)}: no heading for {link}")
            elif page in CHINESE_PAGES and target in PAIRS and target != english_of(page):
                wrong.append(f"{named(page)}: {link} is there in Chinese: {named(PAIRS[target])}")
    assert not wrong, "\n".join(wrong)


SAID = (
    "## Limits\n\nAt most 500 `fen`.\n\n| a | b |\n| - | - |\n| c | d |\n\n```\n$ pay  # now\n```\n"
)


@pytest.mark.parametrize(
    ("changed", "named_as"),
    [
        (("500", "600"), "the Chinese lacks figures: 500"),
        (("`fen`", "`yuan`"), "the Chinese lacks names: fen"),
        (("| c | d |\n", ""), r"tables have \[2\] rows in English and \[1\]"),
        (("$ pay", "$ topup"), "code blocks differ"),
        (
            ("At", "[At](../how-to/backup.md)"),
            "the Chinese alone has links to docs/how-to/backup.md",
        ),
    ],
)
def test_what_differs_is_named(tmp_path: Path, changed: tuple[str, str], named_as: str) -> None:
    page = ROOT / "docs/explanation/offline.md"
    ours, theirs = tmp_path / "en.md", tmp_path / "zh.md"
    ours.write_text(SAID)
    theirs.write_text(SAID.replace("At most", "至多").replace("# now", "# 现在"))
    assert not list(differences(page, *sections(ours), *sections(theirs)))
    theirs = tmp_path / "changed.md"
    theirs.write_text(SAID.replace(*changed))
    (difference, *_) = differences(page, *sections(ours), *sections(theirs))
    assert re.search(named_as, difference)


@cache
def digests_when_read() -> dict[str, list[str]]:
    lines = READ.read_text(encoding="utf-8").splitlines() if READ.exists() else []
    return {page: digests for page, *digests in map(str.split, lines)}


def note_as_read(pages: Iterable[str]) -> None:
    """Write down that the Chinese of these pages says what the English ones say now."""
    now = {page: [section.digest() for section in sections(ROOT / page)] for page in pages}
    digests = digests_when_read() | now
    there = sorted(page for page in map(named, PAIRS) if page in digests)
    lines = [" ".join([page, *digests[page]]) for page in there]
    READ.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    note_as_read(sys.argv[1:])
