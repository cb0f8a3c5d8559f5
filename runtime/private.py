"""Makes files and folders that only their owner may read, whatever was there before.

The mode given when a file is made does not change a file that exists, and the process's umask
changes it too. So modes are set afterwards. What is made beside a file later, such as a database's
log, lies in a folder that nobody else may enter.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
_BESIDE = ("", "-wal", "-shm", "-journal")
"""The ends of the names of an SQLite database's files."""


def make_private(folder: Path) -> None:
    """Makes a folder, and the missing ones above it, for its owner only.

    A folder that exists is closed to others, unless it has the sticky bit: then it is meant for
    everybody, like /tmp, and is left as it is.

    Raises:
        OSError: it cannot be made, or belongs to somebody else.
    """
    missing = [above for above in folder.parents if not above.exists()]
    for one in (*reversed(missing), folder):
        one.mkdir(exist_ok=True, mode=PRIVATE_FOLDER)
        if not one.stat().st_mode & stat.S_ISVTX:
            one.chmod(PRIVATE_FOLDER)


def close_to_others(*paths: Path) -> None:
    """Closes files to everybody but their owner; files that do not exist are skipped."""
    for path in paths:
        with suppress(FileNotFoundError):
            path.chmod(PRIVATE_FILE)


def private_database(file: Path) -> None:
    """Closes an SQLite database and its other files to others; makes the database's file if needed.

    SQLite gives the files that it makes later the mode of the database's.
    """
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, PRIVATE_FILE))
    close_to_others(*(file.with_name(file.name + end) for end in _BESIDE))


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that only its owner may read, from its first byte on.

    It is a new file: a process that has the old one open sees nothing of the new content.
    """
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as out:
        os.fchmod(out.fileno(), PRIVATE_FILE)
        out.write(content)
