"""What is read in Chinese holds no English sentence, and fits its terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from rich.cells import cell_len

import language

_TYPED = re.compile(r"`[^`]*`|\b(?:wallet|dcep) [a-z]+[^\u4e00-\u9fff\n]*")
_ENGLISH = re.compile(r"(?<![\w/.=-])[a-z]{2,} [a-z]{2,}(?![\w/=-])")
_CUT = re.compile(r"(?:\d,|[\d,]\.|\d\.\d)$")


@contextmanager
def reading() -> Iterator[None]:
    """What is said meanwhile is said in Chinese."""
    assert language.choose({"LANG": "zh_CN.UTF-8"}) == "zh_CN"
    try:
        yield
    finally:
        language.choose({})


def english_in(text: str) -> list[str]:
    """What is left of English in a text; commands that are to be typed are none."""
    return _ENGLISH.findall(_TYPED.sub("", text))


def check_fits(text: str, width: int) -> None:
    """Every line is narrow enough, and no amount ends with a line."""
    for line in text.splitlines():
        assert cell_len(line.rstrip()) <= width, line
        assert not _CUT.search(line.rstrip()), line
