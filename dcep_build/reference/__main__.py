"""``python -m dcep_build.reference`` writes the pages of docs/reference that are made from code."""

from __future__ import annotations

from pathlib import Path

import language
from dcep_build.reference.calls import calls_page
from dcep_build.reference.commands import commands_page
from dcep_build.reference.metrics import metrics_page
from dcep_build.reference.pages import FOLDERS
from dcep_build.reference.reasons import reasons_page
from dcep_build.reference.settings import settings_page

COMMAND_LINES = {"dcep": "sandbox.cli.main", "wallet": "wallet.cli.main"}
IN_BOTH_LANGUAGES = ("settings", "reasons", "metrics", *COMMAND_LINES)
"""The pages that are made in English and in Chinese; the page of calls is in English alone."""


def made() -> dict[Path, str]:
    """Every generated page with its text."""
    pages = {FOLDERS[""] / "calls.md": calls_page()}
    for reader, folder in FOLDERS.items():
        language.choose({"LANG": f"{reader or 'C'}.UTF-8"})
        pages[folder / "settings.md"] = settings_page(reader)
        pages[folder / "reasons.md"] = reasons_page(reader)
        pages[folder / "metrics.md"] = metrics_page(reader)
        for name, module in COMMAND_LINES.items():
            pages[folder / f"{name}.md"] = commands_page(reader, name, module)
    language.choose({})
    return pages


def main() -> None:
    """Writes the pages."""
    for page, text in made().items():
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
