"""Records which write of the secure element's state is the newest: a counter that only goes up."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from language import _
from runtime.files import write_whole
from runtime.output import reason_of
from wallet.secure_element.device_errors import DeviceError

NOTHING = bytes(32)


@dataclass
class Mark:
    """Says which write is the newest.

    Attributes:
        counter: its number.
        digest: its SHA-256, hex.
    """

    counter: int = 0
    digest: str = NOTHING.hex()


class MarkFile:
    """Keeps the mark in a file of its own, which is either whole or not there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Mark | None:
        """The mark; None if there is none. Raises DeviceError if it cannot be read."""
        try:
            mark = Mark(**json.loads(self.path.read_bytes()))
            if type(mark.counter) is not int or type(mark.digest) is not str:
                raise ValueError(_("this is no mark"))
            return mark
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DeviceError(
                _("{path} cannot be read: {error}").format(path=self.path, error=reason_of(error))
            ) from error
        except (ValueError, TypeError, RecursionError) as error:
            raise DeviceError(
                _("{path} cannot be read: {error}").format(path=self.path, error=error)
            ) from error

    def write(self, mark: Mark) -> None:
        """Replaces the mark, durably."""
        write_whole(self.path, json.dumps(asdict(mark)).encode())
