"""How a call is refused. For tests of any folder."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runtime.errors import Refusal


def refusal(call: Callable[[], object]) -> Refusal:
    """The refusal that a call ends in."""
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value


def refused(call: Callable[[], object]) -> tuple[str, str]:
    """Its reason, and the field that it names."""
    found = refusal(call)
    return found.name, found.field


def refused_for(call: Callable[[], object]) -> str:
    """Its reason alone."""
    return refusal(call).name
