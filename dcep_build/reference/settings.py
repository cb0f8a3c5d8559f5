"""The settings of each service, from the dataclasses that it reads them into."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from typing import Any

import central_bank.settings
import operator_bank.settings
import wallet.settings
from dcep_build.reference.pages import Translate, code, page, saying, table

_SERVICES = {
    "Central bank": (central_bank.settings.Settings, "python -m central_bank --settings FILE"),
    "Operating bank": (
        operator_bank.settings.Settings,
        "python -m operator_bank --bank NAME --settings FILE",
    ),
    "Wallet": (wallet.settings.Settings, "python -m wallet --settings FILE"),
}
_TYPES = {
    "Path": "path",
    "PathOrUri": "path or URI",
    "bool": "true or false",
    "int": "number",
    "str": "text",
}
_RULES = (
    "Settings stand in one TOML file. The variable `DCEP_NAME` in the environment overrides the "
    "setting `name`. A relative path in the file begins at the file's folder. An unknown name is "
    "an error, and so is a missing setting without a default."
)


def settings_page(language: str) -> str:
    """Every setting with its type, its default and what it is for."""
    say = saying(language)
    parts = [say(_RULES)]
    for service, (kind, started) in _SERVICES.items():
        parts += [f"## {say(service)}", say("Started by {command}.").format(command=code(started))]
        parts.append(_table(kind, say))
    return page("settings.md", language, say("Settings"), parts)


def _table(kind: type[Any], say: Translate) -> str:
    about = documented(kind)
    rows = []
    for field in dataclasses.fields(kind):
        required = field.default is dataclasses.MISSING
        default = say("required") if required else code(_toml(field.default))
        rows.append([code(field.name), say(_type(field.type)), default, say(about[field.name])])
    return table([say("Setting"), say("Type"), say("Default"), ""], rows)


def documented(kind: type[Any]) -> dict[str, str]:
    """What the string below each field says."""
    body = ast.parse(inspect.getsource(kind)).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            assert isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant), field
            found[field.target.id] = " ".join(str(below.value.value).split())
    return found


def _toml(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return f'"{default}"' if isinstance(default, str) else str(default)


def _type(annotation: object) -> str:
    return _TYPES[str(annotation)]
