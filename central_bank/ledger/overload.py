"""The refusal that says that the core takes no more for now."""

from __future__ import annotations

from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal
from settlement.errors import Overloaded


class CoreOverloaded(Refusal, Overloaded):
    """Nothing was taken; the caller may ask again later with the same id."""

    def __init__(self, message: str) -> None:
        super().__init__(errors_pb2.REASON_OVERLOADED, message)
