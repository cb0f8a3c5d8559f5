"""The reader's language. Messages are English in the code, and said as the reader reads.

``_`` and ``ngettext`` translate where a sentence is said; ``N_`` marks one that is said elsewhere.
Nothing is translated before `choose`, which only the command lines call: services, their logs and
what they tell each other stay English.
"""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from pathlib import Path

DOMAIN = "dcep"
LOCALES = Path(__file__).parent / "locale"

_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")

_chosen = gettext.NullTranslations()


def _(message: str) -> str:
    """A message in the reader's language."""
    return _chosen.gettext(message) if message else ""


def ngettext(one: str, many: str, number: int) -> str:
    """The form that belongs to a number, in the reader's language; it is filled in by `format`."""
    return _chosen.ngettext(one, many, number)


def N_(message: str) -> str:  # noqa: N802  # as gettext has it
    """Marks a message for the catalogue; `_` says it later."""
    return message


def choose(environ: Mapping[str, str]) -> str:
    """Has everything be said in the language that the standard variables name.

    Args:
        environ: LANGUAGE counts first, and not in the locale C; then LC_ALL, LC_MESSAGES and LANG
            (GNU gettext, "Locale Environment Variables" and "The LANGUAGE variable").

    Returns:
        The language, such as ``zh_CN``; "" for English, which is also what an unknown one gets.
    """
    global _chosen
    _chosen = gettext.NullTranslations()
    gettext.textdomain("messages")
    file = gettext.find(DOMAIN, LOCALES, _wanted(environ))
    if file is None:
        return ""
    with open(file, "rb") as catalogue:
        _chosen = gettext.GNUTranslations(catalogue)
    # Typer asks the same catalogue for its own words.
    gettext.bindtextdomain(DOMAIN, LOCALES)
    gettext.textdomain(DOMAIN)
    return chosen()


def chosen() -> str:
    """The language that messages are said in; "" for English."""
    return _chosen.info().get("language", "")


def _wanted(environ: Mapping[str, str]) -> list[str]:
    """Languages that are worth a look, the best first; none behind English, which needs none."""
    locale = next((found for name in _VARIABLES if (found := environ.get(name, ""))), "")
    if locale in ("C", "POSIX"):
        return []
    wanted = []
    for name in (environ.get("LANGUAGE") or locale).split(":"):
        if name in ("C", "POSIX", "en") or name.startswith(("en_", "en.", "C.")):
            break
        wanted.append(name)
    return wanted
