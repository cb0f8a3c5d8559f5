"""How a call is refused. For tests of any folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec

import pytest

from dcep.registration.v1.registration_pb2 import TokenVerdict
from offline_token.verify import Reason
from runtime.errors import Refusal

P = ParamSpec("P")


def refusal(call: Callable[P, object], *arguments: P.args, **named: P.kwargs) -> Refusal:
    """The refusal that a call with these arguments ends in."""
    with pytest.raises(Refusal) as caught:
        call(*arguments, **named)
    return caught.value


def refused(call: Callable[P, object], *arguments: P.args, **named: P.kwargs) -> tuple[str, str]:
    """Its reason, and the field that it names."""
    found = refusal(call, *arguments, **named)
    return found.name, found.field


def refused_for(call: Callable[P, object], *arguments: P.args, **named: P.kwargs) -> str:
    """Its reason alone."""
    return refusal(call, *arguments, **named).name


def refused_because(
    reason: int, call: Callable[P, object], *arguments: P.args, **named: P.kwargs
) -> Refusal:
    """The refusal of a call with these arguments, which is for that reason."""
    found = refusal(call, *arguments, **named)
    assert found.reason == reason, found
    return found


def verdict_name(number: int) -> str:
    """The name of what is wrong with a payment that was deposited; "" for nothing."""
    return TokenVerdict.Name(number).removeprefix("TOKEN_VERDICT_") if number else ""


@contextmanager
def refused_as(verdict: Reason) -> Iterator[None]:
    """A secure element refuses what is done here, with this verdict on the payment."""
    with pytest.raises(Refusal) as caught:
        yield
    assert caught.value.metadata["verdict"] == verdict.name
