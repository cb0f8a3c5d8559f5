"""How well payers were served while something was done to services or databases.

`make service-report` runs the tests that do it, each of which leaves a line, and then this module,
which makes `docs/reference/service-report.md` and its Chinese twin of them:

    python -m tests.integration.service_report FILE
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from tests.integration.histories import SILENT_S, Service
from tests.test_docs_zh import CHINESE, ROOT, note_as_read

PAGE = "reference/service-report.md"
WORDS = Path(__file__).with_suffix(".toml")
PAGES = {"en": ROOT / "docs" / PAGE, "zh": CHINESE / PAGE}


class Row(NamedTuple):
    """What was done, on which kind of database, and how payers were served meanwhile."""

    done: str
    database: str
    kills: int
    service: Service


class Report:
    """Where tests say what they have found. Without a file it goes nowhere."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def add(self, done: str, database: str, service: Service, kills: int = 0) -> None:
        """Adds a row.

        Args:
            done: what was done, by its name in `service_report.toml`.
            database: on what, by its name there.
            service: what payers saw.
            kills: how many times it was done.
        """
        if self._file is None:
            return
        found = dict(done=done, database=database, kills=kills, **dataclasses.asdict(service))
        with self._file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(found) + "\n")


def rows_of(file: Path) -> list[Row]:
    """The rows that tests have added."""
    found = []
    for line in file.read_text(encoding="utf-8").splitlines():
        value = json.loads(line)
        done, database, kills = (value.pop(name) for name in ("done", "database", "kills"))
        value["interruptions_s"] = tuple(value["interruptions_s"])
        found.append(Row(done, database, kills, Service(**value)))
    return found


def page_of(rows: list[Row], words: dict[str, Any]) -> str:
    """A page in one language.

    Args:
        rows: from `rows_of`.
        words: the part of `service_report.toml` for the language.
    """

    def line(row: Row) -> str:
        seen = row.service
        cells = (
            words["done"][row.done].format(kills=row.kills),
            words["on"][row.database],
            f"{seen.settled:,}",
            f"{seen.unknown_calls:,}",
            f"{seen.seconds:.1f}",
            f"{sum(seen.interruptions_s):.1f}",
            f"{max(seen.interruptions_s, default=0.0):.1f}",
            f"{seen.availability:.1%}",
        )
        return f"| {' | '.join(cells)} |"

    text = words["page"].format(
        date=datetime.date.today().isoformat(),
        cores=os.cpu_count(),
        load=f"{os.getloadavg()[0]:.1f}",
        settled=f"{sum(row.service.settled for row in rows):,}",
        rows="\n".join(map(line, rows)),
        silent_s=SILENT_S,
    )
    return str(text).lstrip("\n")


def write(file: Path) -> None:
    """Write the page in both languages."""
    words = tomllib.loads(WORDS.read_text(encoding="utf-8"))
    rows = rows_of(file)
    for language, page in PAGES.items():
        page.write_text(page_of(rows, words[language]), encoding="utf-8")
    note_as_read([PAGES["en"].relative_to(ROOT).as_posix()])


if __name__ == "__main__":
    write(Path(sys.argv[1]))
