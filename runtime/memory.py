"""The cyclic garbage collector of a service that makes thousands of small objects a call."""

from __future__ import annotations

import gc

_YOUNG = 100_000
_MIDDLE, _OLD = 20, 100


def collect_rarely(young: int = _YOUNG) -> None:
    """Leaves what there is now out of collections, and begins one after so many new objects.

    Called once, when a service has been built. By Python's own numbers a call with
    thousands of orders sets off dozens of collections, and some of them walk through
    every object of the process: they doubled what such a call costs. Nearly all objects
    go by their reference counts; cycles still end, a little later.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(young, _MIDDLE, _OLD)
