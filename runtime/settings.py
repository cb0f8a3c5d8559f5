"""Settings: a TOML file, then the environment over it; an unknown name is an error.

A relative path in a file is relative to the folder of that file, so that a folder of settings,
keys and databases may be moved and copied. In the environment it is relative to where the process
was started, as paths are in a shell.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

from language import N_, _

T = TypeVar("T")


_IN_FOLDER = "a path, or what has a scheme in front of it"
_SQLITE = "sqlite:///"
_NO_FILE = ("", ":memory:")
_DATABASES = ("postgresql", "postgresql+psycopg", "sqlite")
_KNOWN = N_("write postgresql://USER@HOST/NAME, or sqlite:///FILE for trying out")

PathOrUri = Annotated[str, _IN_FOLDER]
"""A path, "", or what has a scheme: a database's URL, a key in a PKCS#11 token."""


class SettingsError(Exception):
    """A setting is missing, unknown or of the wrong type; the message names it."""


def load_settings(
    kind: type[T], file: Path | None, environment: Mapping[str, str] | None = None
) -> T:
    """A frozen dataclass of settings.

    Args:
        kind: the dataclass; fields are ``str``, ``int``, ``bool``, ``Path`` or ``PathOrUri``.
        file: a TOML file with the fields' names, or None.
        environment: instead of the process's own; ``DCEP_<FIELD>`` overrides the file.

    Raises:
        SettingsError: the message names the setting and what is wrong.
    """
    values = _from_file(file) if file is not None else {}
    if file is not None:
        _locate(values, kind, file.absolute().parent)
    hints = get_type_hints(kind)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise SettingsError(f"{file}: unknown setting {unknown[0]!r}; known: {', '.join(hints)}")
    source = os.environ if environment is None else environment
    for name in hints:
        text = source.get(f"DCEP_{name.upper()}")
        if text is not None:
            values[name] = _from_text(name, text, hints[name])
    made = {name: _checked(name, value, hints[name]) for name, value in values.items()}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        has_default = (
            field.default is not dataclasses.MISSING
            or field.default_factory is not dataclasses.MISSING
        )
        if field.name not in made and not has_default:
            raise SettingsError(f"setting {field.name!r} is missing")
    return kind(**made)


def _from_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: {error}") from error


def _locate(values: dict[str, Any], kind: type[Any], folder: Path) -> None:
    """Has the relative paths among the values begin with the folder."""
    for name, hint in get_type_hints(kind, include_extras=True).items():
        value = values.get(name)
        if isinstance(value, str) and value and (hint is Path or _IN_FOLDER in get_args(hint)):
            values[name] = located(value, folder)


def located(text: str, folder: Path) -> str:
    """A path, or an SQLite database's URL, that begins with a folder if it was relative."""
    file = text.removeprefix(_SQLITE)
    if file != text and file not in _NO_FILE:
        return _SQLITE + str(folder / file)
    return text if ":" in text.partition("/")[0] else str(folder / text)


def folder_named(text: str | Path) -> Path:
    """The folder that a path names, which somebody typed or set.

    Raises:
        SettingsError: nothing stands there. Taken for a path, that is the folder one is in, whose
            files would be mixed with what is made there, and which would be closed to others.
    """
    if not str(text).strip():
        raise SettingsError(
            _("a folder is named by nothing here; write its path, and `.` for the one you are in")
        )
    return Path(text)


def check_database(url: str) -> None:
    """Looks at a database's URL without loading what opens it.

    Raises:
        SettingsError: it names no kind of database that is known, or no file for SQLite's. The URL
            is not repeated, as it may have a password in it.
    """
    kind, found, rest = url.partition("://")
    if not found:
        raise SettingsError(_("this is no database's URL; {known}").format(known=_(_KNOWN)))
    if kind not in _DATABASES:
        raise SettingsError(
            _("databases of the kind {kind!r} are not known; {known}").format(
                kind=kind, known=_(_KNOWN)
            )
        )
    path = rest.partition("?")[0]
    if kind == "sqlite" and (not path.startswith("/") or path.removeprefix("/") in _NO_FILE):
        raise SettingsError(_("the database's URL names no file; {known}").format(known=_(_KNOWN)))


def _from_text(name: str, text: str, hint: Any) -> Any:
    if hint is bool:
        if text not in ("true", "false"):
            raise SettingsError(f"DCEP_{name.upper()} must be true or false, not {text!r}")
        return text == "true"
    if hint is int:
        try:
            return int(text)
        except ValueError:
            raise SettingsError(f"DCEP_{name.upper()} must be a number, not {text!r}") from None
    return text


def _checked(name: str, value: Any, hint: Any) -> Any:
    if hint is Path:
        hint, value = Path, Path(value) if isinstance(value, str) else value
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise SettingsError(f"setting {name!r} must be of type {hint.__name__}, not {value!r}")
    return value
