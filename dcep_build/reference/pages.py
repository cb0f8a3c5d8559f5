"""What a reference page is made of: a title, sentences and tables, in English or Chinese."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHINESE = "zh_CN"
FOLDERS = {"": ROOT / "docs/reference", CHINESE: ROOT / "docs/zh-CN/reference"}
"""Where the pages are, by language; "" is English."""

_SENTENCES: dict[str, str] = tomllib.loads(
    Path(__file__).with_name("zh_CN.toml").read_text(encoding="utf-8")
)
_MADE = {"": "Made from the code by `make reference`.", CHINESE: "由 `make reference` 从代码生成。"}
_OTHER = {"": "中文", CHINESE: "English"}

Translate = Callable[[str], str]


class Untranslated(Exception):
    """A sentence of the code has no Chinese in zh_CN.toml."""


def saying(language: str) -> Translate:
    """Gives sentences in a language.

    Raises (when it is called):
        Untranslated: zh_CN.toml lacks the sentence.
    """
    if not language:
        return str
    return _in_chinese


def _in_chinese(sentence: str) -> str:
    try:
        return _SENTENCES[sentence]
    except KeyError:
        raise Untranslated(f"dcep_build/reference/zh_CN.toml lacks {sentence!r}") from None


def page(name: str, language: str, title: str, parts: Iterable[str]) -> str:
    """A whole page; each part is separated from the next by an empty line.

    Args:
        name: the file's name, the same in both languages; "" for a page in English alone.
    """
    lines = [f"# {title}"]
    if name:
        other = CHINESE if not language else ""
        there = os.path.relpath(FOLDERS[other] / name, FOLDERS[language])
        lines.append(f"[{_OTHER[language]}]({there})")
    return "\n\n".join([*lines, _MADE[language], *parts]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; each row has as many cells as the head."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")
