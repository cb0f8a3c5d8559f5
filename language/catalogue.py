"""Brings the catalogues up to date with the code: ``python -m language.catalogue``.

Its arguments name the command lines, because this module imports no other package of ours.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from language import DOMAIN, LOCALES
from language.commands import helps

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    "auditor",
    "console",
    "currency",
    "deployment",
    "language",
    "runtime",
    "sandbox",
    "simulation",
    "wallet",
)
FORMS = {"_": 1, "N_": 1, "ngettext": 2}
"""The functions that mark messages, and how many forms each takes."""

WIDTH = 100


def extracted(apps: Iterable[str]) -> Catalog:
    """All messages: what the code marks, and the help of every command and option.

    Args:
        apps: Typer apps, such as ``wallet.cli.main:app``.
    """
    catalogue = Catalog(project=DOMAIN, charset="utf-8")
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            for message in marked(file.read_text()):
                catalogue.add(message, locations=[(str(file.relative_to(ROOT)), 0)])
    for app in apps:
        module = app.partition(":")[0]
        for text in sorted(set(_helps(app))):
            catalogue.add(text, locations=[(f"{module.replace('.', '/')}.py", 0)])
    return catalogue


def marked(source: str) -> list[str | tuple[str, ...]]:
    """The messages that code marks, in its order; within the gaps of f-strings too."""
    found: list[tuple[int, int, str | tuple[str, ...]]] = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        forms = node.args[: FORMS.get(node.func.id, 0)]
        texts = tuple(str(form.value) for form in forms if isinstance(form, ast.Constant))
        if texts and len(texts) == len(forms):
            message = texts if len(texts) > 1 else texts[0]
            found.append((node.lineno, node.col_offset, message))
    return [message for _line, _column, message in sorted(found, key=lambda one: one[:2])]


def read(language: str) -> Catalog:
    """Reads a catalogue."""
    with _file(language, "po").open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN)


def update(language: str, template: Catalog) -> list[str]:
    """Brings a catalogue up to date and compiles it; returns what is not translated yet."""
    catalogue = read(language)
    catalogue.update(template, no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    with _file(language, "po").open("wb") as file:
        write_po(file, catalogue, width=WIDTH, include_lineno=False, sort_by_file=True)
    with _file(language, "mo").open("wb") as file:
        write_mo(file, catalogue)
    return [str(message.id) for message in catalogue if message.id and not message.string]


def _helps(app: str) -> Iterator[str]:
    """The help of a command, its options and its subcommands, as it is looked up before it is
    shown.
    """
    import typer

    module, _colon, name = app.partition(":")
    yield from helps(typer.main.get_command(getattr(import_module(module), name)))


def _file(language: str, ending: str) -> Path:
    return LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.{ending}"


def _main(apps: list[str]) -> int:
    template = extracted(apps)
    missing: list[Any] = []
    for folder in sorted(LOCALES.iterdir()):
        missing += (f"{folder.name}: {text}" for text in update(folder.name, template))
    sys.stdout.writelines(f"{text}\n" for text in missing)
    return 1 if missing else 0


if __name__ == "__main__":
    raise SystemExit(_main(sys.argv[1:]))
