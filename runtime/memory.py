"""Tunes the cyclic garbage collector for a service that makes thousands of objects a call."""

from __future__ import annotations

import gc

_YOUNG = 100_000
_MIDDLE, _OLD = 20, 100


def collect_rarely(young: int = _YOUNG) -> None:
    """Leaves all objects of now out of collections, and makes collections rare.

    Call it once, when a service has been built. With Python's own thresholds a call with thousands
    of orders sets off dozens of collections, some of them through every object of the process:
    that doubled the cost of such a call. Reference counts free nearly all objects anyway; cycles
    are still collected, a little later.

    Args:
        young: after so many new objects the youngest generation is collected.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(young, _MIDDLE, _OLD)
