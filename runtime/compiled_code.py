"""Where Numba caches compiled code, and what happens where it cannot.

Numba tries the folder named by ``NUMBA_CACHE_DIR``, the ``__pycache__`` beside the source, and a
folder of the user. If it can write to none of them, importing code that is to be cached fails.
Nothing here imports Numba, which would take longer than all of this.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

SETTING = "NUMBA_CACHE_DIR"
_NOWHERE = """\
compiled code can be kept in none of {places}: this process compiles for itself, which takes a \
minute or more, and the next one does again; {setting} names a folder to keep it in
"""
_temporary: list[Path] = []


def places(source: Path) -> list[Path]:
    """The folders that Numba tries, in its order.

    Args:
        source: the file whose functions are compiled.
    """
    named = os.environ.get(SETTING)
    return [*([Path(named)] if named else []), source.parent / "__pycache__", _of_the_user()]


def kept_in(source: Path) -> Path | None:
    """The folder of the cache; None if none can be written."""
    return next((place for place in places(source) if _can_be_written(place)), None)


def keep_somewhere() -> None:
    """Gives Numba a private temporary folder if it can cache nowhere; call before importing it.

    Cached code is executed by whoever loads it, so nobody else may be able to write it. A temporary
    folder that is shared with others will not do.
    """
    source = Path(__file__)
    if kept_in(source) is not None:
        return
    tried = ", ".join(map(str, places(source)))
    folder = Path(tempfile.mkdtemp(prefix="dcep-compiled-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _temporary.append(folder)
    os.environ[SETTING] = str(folder)
    sys.stderr.write(_NOWHERE.format(places=tried, setting=SETTING))


def environment(folder: Path) -> dict[str, str]:
    """What a process is told that is started from here: a place that outlives this process.

    Args:
        folder: where it may be, closed to others; it is made when it is used.
    """
    if os.environ.get(SETTING, "") in [str(made) for made in _temporary]:
        return {SETTING: str(folder)}
    return {}


def _of_the_user() -> Path:
    if sys.platform == "darwin":
        return Path(os.path.expanduser("~/Library/Caches")) / "numba"
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "numba"


def _can_be_written(folder: Path) -> bool:
    """Whether a file can be written, by trying, as Numba does; permissions alone say too little."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True
