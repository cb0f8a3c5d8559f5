"""What stands on a page of the documents, section by section."""

import hashlib
import os
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

FENCE = re.compile(r"^\s*```")
HEADING = re.compile(r"^(#+) (.+)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)", re.DOTALL)
FIGURE = re.compile(r"(?<![A-Za-z\d_.,])\d+(?:,\d{3})*(?:\.\d+)?")
COMMENT = re.compile(r"(^|\s+)#(?! exit).*$")


@dataclass
class Section:
    """What stands under one heading, and where it begins."""

    level: int
    title: str
    line: int
    prose: list[str] = field(default_factory=list)
    blocks: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join([self.title, *self.prose])

    def digest(self) -> str:
        """Of all that it says, however its lines are broken."""
        words = " ".join("\n".join([self.text, *self.blocks]).split())
        return hashlib.sha256(words.encode()).hexdigest()[:8]

    def tables(self) -> list[int]:
        """The number of rows of each table, the line of dashes not counted."""
        rows: list[int] = []
        before = False
        for line in self.prose:
            inside = line.lstrip().startswith("|")
            if inside and not before:
                rows.append(0)
            if inside and not re.fullmatch(r"[\s|:-]+", line):
                rows[-1] += 1
            before = inside
        return rows

    def rows(self) -> list[str]:
        return [line for line in self.prose if line.lstrip().startswith("|")]

    def links(self) -> list[str]:
        return LINK.findall(CODE.sub(" ", self.text))


@cache
def sections(page: Path) -> tuple[Section, ...]:
    found: list[Section] = []
    block: list[str] | None = None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if FENCE.match(line):
            if block is not None:
                found[-1].blocks.append("\n".join(block))
            block = [line.strip()] if block is None else None
        elif block is not None:
            block.append(COMMENT.sub("", line).rstrip())
        elif heading := HEADING.match(line):
            found.append(Section(len(heading[1]), heading[2], number))
        else:
            found[-1].prose.append(line)
    return tuple(found)


@cache
def anchors(page: Path) -> dict[str, int]:
    """The anchors of a page's headings as GitHub makes them, each with its heading's place."""
    places: dict[str, int] = {}
    for place, section in enumerate(sections(page)):
        kept = re.sub(r"[^\w\- ]", "", section.title.strip().lower()).replace(" ", "-")
        anchor, again = kept, 0
        while anchor in places:
            again += 1
            anchor = f"{kept}-{again}"
        places[anchor] = place
    return places


def names(text: str) -> set[str]:
    """What stands in `code`."""
    return {" ".join(code.split()) for code in CODE.findall(text)}


def figures(text: str) -> set[str]:
    """Numbers of two figures and more, outside of code and of links' addresses."""
    found = FIGURE.findall(CODE.sub(" ", LINK.sub("] ", text)))
    return {figure for figure in (one.replace(",", "") for one in found) if len(figure) > 1}


def away(link: str) -> bool:
    return "://" in link


def where(page: Path, link: str) -> tuple[Path, str]:
    """The file that a relative link leads to, and the anchor in it."""
    path, _, anchor = link.partition("#")
    return (Path(os.path.normpath(page.parent / path)) if path else page), anchor
