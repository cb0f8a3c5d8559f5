"""Files and folders that their owner alone may read, whatever stood there before.

A mode given when a file is made says nothing of one that is there already, and the process's umask
has its say too. So modes are set, and what is made beside a file later, as a database's log is,
stands in a folder that nobody else may enter.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
_BESIDE = ("", "-wal", "-shm", "-journal")
"""What SQLite keeps beside a database."""


def make_private(folder: Path) -> None:
    """Makes a folder, with what is missing above it, for its owner alone; closes one that is there.

    One that is there for everybody, as /tmp is (its sticky bit says so), is left as it is.

    Raises:
        OSError: it cannot be made, or is somebody else's.
    """
    missing = [above for above in folder.parents if not above.exists()]
    for one in (*reversed(missing), folder):
        one.mkdir(exist_ok=True, mode=PRIVATE_FOLDER)
        if not one.stat().st_mode & stat.S_ISVTX:
            one.chmod(PRIVATE_FOLDER)


def close_to_others(*paths: Path) -> None:
    """Takes files from all but their owner, as far as there are such files."""
    for path in paths:
        with suppress(FileNotFoundError):
            path.chmod(PRIVATE_FILE)


def private_database(file: Path) -> None:
    """Closes an SQLite database and what lies beside it to others; makes its file if need be.

    What SQLite makes later beside the file gets the file's own mode.
    """
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, PRIVATE_FILE))
    close_to_others(*(file.with_name(file.name + end) for end in _BESIDE))


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that its owner alone may read, from its first byte on.

    It is written anew, so that who has the old one open sees nothing of the new.
    """
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as out:
        os.fchmod(out.fileno(), PRIVATE_FILE)
        out.write(content)
