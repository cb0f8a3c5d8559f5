"""Several callers who call at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread

from runtime.errors import Refusal


def at_once(*acts: Callable[[], object]) -> list[str]:
    """What each of several callers is told, who all call at the same moment."""
    met, told = Barrier(len(acts)), [""] * len(acts)

    def run(place: int) -> None:
        met.wait()
        try:
            told[place] = str(acts[place]())
        except Refusal as refusal:
            told[place] = refusal.name

    threads = [Thread(target=run, args=[place]) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told
