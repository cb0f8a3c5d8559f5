"""Roles, ``dcep://ROLE/NAME``, and the host names by which their servers are verified."""

from __future__ import annotations

import re

SCHEME = "dcep://"
_DOMAIN = "dcep.internal"
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def server_name(role: str) -> str:
    """The name of a role's server in its certificate, such as ``alpha.bank.dcep.internal``.

    No two roles share a name, and none is the name of a real host.

    Raises:
        ValueError: not ``dcep://ROLE/NAME`` with both of lower-case letters, digits and hyphens.
    """
    parts = role.removeprefix(SCHEME).split("/")
    if not role.startswith(SCHEME) or len(parts) != 2 or not all(map(_LABEL.fullmatch, parts)):
        raise ValueError(f"{role!r} is no role that could serve")
    kind, name = parts
    return f"{name}.{kind}.{_DOMAIN}"


def is_persons(role: str) -> bool:
    """Whether a role is a person's, such as ``dcep://officer/alpha/wang``; it has no server."""
    return role.removeprefix(SCHEME).count("/") > 1
