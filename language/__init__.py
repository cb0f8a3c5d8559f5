"""Says messages in the reader's language; in the code they are English.

``_`` and ``ngettext`` translate where a sentence is said; ``N_`` marks a sentence that is said
elsewhere. Nothing is translated before `choose`, which only command lines call: services, their
logs and what they tell each other stay English.
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
    """The form that belongs to a number, in the reader's language; the caller fills it in by
    `format`.
    """
    return _chosen.ngettext(one, many, number)


def N_(message: str) -> str:  # noqa: N802  # as gettext has it
    """Marks a message for the catalogue; `_` says it later."""
    return message


def choose(environ: Mapping[str, str]) -> str:
    """Chooses the language for all messages, as the standard variables name it.

    Args:
        environ: LANGUAGE counts first, except in the locale C; then LC_ALL, LC_MESSAGES and LANG
            (GNU gettext, "Locale Environment Variables" and "The LANGUAGE variable").

    Returns:
        The language, such as ``zh_CN``; "" for English, which is also used for an unknown one.
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
    """The languages to look for, best first; none after English, which needs no catalogue."""
    locale = next((found for name in _VARIABLES if (found := environ.get(name, ""))), "")
    if locale in ("C", "POSIX"):
        return []
    wanted = []
    for name in (environ.get("LANGUAGE") or locale).split(":"):
        if name in ("C", "POSIX", "en") or name.startswith(("en_", "en.", "C.")):
            break
        wanted.append(name)
    return wanted
