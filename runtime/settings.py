"""Settings: a TOML file, then the environment over it; an unknown name is an error."""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

T = TypeVar("T")


class SettingsError(Exception):
    """A setting is missing, unknown or of the wrong type; the message names it."""


def load_settings(
    kind: type[T], file: Path | None, environment: Mapping[str, str] | None = None
) -> T:
    """A frozen dataclass of settings.

    Args:
        kind: the dataclass; fields are ``str``, ``int``, ``bool`` or ``Path``.
        file: a TOML file with the fields' names, or None.
        environment: instead of the process's own; ``DCEP_<FIELD>`` overrides the file.

    Raises:
        SettingsError: the message names the setting and what is wrong.
    """
    values = _from_file(file) if file is not None else {}
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
