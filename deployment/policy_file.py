"""Reads a file with limits of wallets, which two officers of the central bank publish."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from currency.days import day_of_date
from dcep.bounds.v1.bounds_pb2 import KIND_LIMIT
from dcep.office.v1 import office_pb2
from language import _
from runtime.bounds import greatest

SHIPPED = Path(__file__).parent / "policies"
"""The files that come with this."""

FEN_PER_YUAN = 100
_MOST_YUAN = greatest(KIND_LIMIT) // FEN_PER_YUAN
_MOST_WALLETS = 1_000
_NONE, _FROM = "none", "from"
_CLASSES = {"class_I": 1, "class_II": 2, "class_III": 3, "class_IV": 4}
_LIMITS = ("balance_cap", "single", "day", "year")
_COUNTS = ("wallets_per_phone", "wallets_per_document")


def read_policy(file: Path, begins: dt.date | None = None) -> office_pb2.PublishPolicy:
    """Reads a policy; everything has to be said in it, and nothing else may be.

    Args:
        file: in TOML: `wallets_per_phone` and `wallets_per_document`, and for each class,
            `[class_I]` to `[class_IV]`, whole yuan as `balance_cap_yuan`, `single_yuan`, `day_yuan`
            and `year_yuan`; each a number or "none"; and perhaps `from`, its first day.
        begins: its first day, where the file does not say it.

    Raises:
        OSError: it cannot be read.
        ValueError: saying what is wrong with it.
    """
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    said = content.pop(_FROM, None)
    if said is not None and type(said) is not dt.date:
        raise ValueError(_("{name!r} is a date, like 2027-01-01").format(name=_FROM))
    if said is not None and begins is not None:
        raise ValueError(
            _("its first day is said twice: by {name!r} in the file, and by --from").format(
                name=_FROM
            )
        )
    first = said or begins
    if first is None:
        raise ValueError(
            _("its first day is missing: say {name!r} in the file, or --from").format(name=_FROM)
        )
    _exactly(content, (*_COUNTS, *_CLASSES), _("the file"))
    return office_pb2.PublishPolicy(
        from_day=day_of_date(first),
        classes=[_class(name, content[name]) for name in _CLASSES],
        **{name: _number(content[name], name, _MOST_WALLETS) for name in _COUNTS},
    )


def _class(name: str, limits: Any) -> office_pb2.ClassLimits:
    if not isinstance(limits, dict):
        raise ValueError(_("{name} is a table, [{name}]").format(name=name))
    _exactly(limits, [f"{limit}_yuan" for limit in _LIMITS], name)
    fen = {
        f"{limit}_fen": FEN_PER_YUAN
        * _number(limits[f"{limit}_yuan"], f"{name}.{limit}_yuan", _MOST_YUAN)
        for limit in _LIMITS
    }
    return office_pb2.ClassLimits(wallet_class=_CLASSES[name], **fen)


def _exactly(content: Mapping[str, Any], names: Any, where: str) -> None:
    for name in content:
        if name not in names:
            raise ValueError(
                _("{name!r} in {where} is not known; known: {names}").format(
                    name=name, where=where, names=", ".join(names)
                )
            )
    for name in names:
        if name not in content:
            raise ValueError(
                _("{name!r} is missing in {where}; no limit is {none!r}").format(
                    name=name, where=where, none=_NONE
                )
            )


def _number(value: Any, what: str, most: int) -> int:
    """The number that a file says; 0 for "none"."""
    if value == _NONE:
        return 0
    if type(value) is not int or not 0 < value <= most:
        raise ValueError(
            _("{what} is a whole number from 1 to {most}, or {none!r}").format(
                what=what, most=most, none=_NONE
            )
        )
    return value
