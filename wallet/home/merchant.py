"""How a merchant is called in its codes: kept in the home, so that it is said once."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from language import _
from runtime.files import write_whole
from runtime.output import reason_of
from wallet.home.home import Home, HomeError

_FILE = "merchant.json"


@dataclass(frozen=True)
class Merchant:
    """The merchant's name and city.

    Attributes:
        name: in ASCII.
        city: in ASCII.
        local_name: in Chinese; "" if there is none.
        local_city: in Chinese; "" if there is none.
    """

    name: str = ""
    city: str = ""
    local_name: str = ""
    local_city: str = ""


def merchant_of(home: Home) -> Merchant:
    """What was kept; all of it "" if nothing was. Raises HomeError."""
    file = home.folder / _FILE
    try:
        return Merchant(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Merchant()
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise HomeError(
            _("{profile} cannot be read: {error}").format(profile=file, error=reason_of(error))
        ) from error


def keep_merchant(home: Home, merchant: Merchant) -> None:
    """Writes it down, whole."""
    home.make()
    text = json.dumps(asdict(merchant), ensure_ascii=False, indent=2) + "\n"
    write_whole(home.folder / _FILE, text.encode())
