"""How the command line speaks: tables and sentences for people, one JSON object for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from rich.console import Console
from rich.markup import escape

from console.next_steps import next_step
from runtime.output import EXIT_USAGE as EXIT_USAGE
from runtime.output import json_ascii

EXIT_DONE = 0
EXIT_REFUSED = 1
EXIT_NO_ANSWER = 3


class Output:
    """Says a result either for people (rich, on a terminal or not) or as one JSON object."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.console = Console(stderr=as_json, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """A sentence for people; on standard error when the result is JSON."""
        self.console.print(text)

    def plain(self, text: str) -> None:
        """As `say`, of text in which nothing is markup."""
        self.console.print(text, markup=False)

    def result(self, fields: Mapping[str, Any], text: str | None = None) -> None:
        """The result: the fields as one JSON object, or the text for people."""
        if self.as_json:
            text = json.dumps(fields, ensure_ascii=json_ascii())
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
        elif text is not None:
            self.console.print(text)

    def entries(
        self, entries: Sequence[dict[str, Any]], line: Callable[[dict[str, Any]], str], nothing: str
    ) -> None:
        """A list: as `entries` of the JSON object, or a line for each, or that there is none."""
        self.result({"entries": entries})
        if not self.as_json:
            for text in map(line, entries) if entries else (nothing,):
                self.say(text)

    def fail(
        self, code: int, reason: str, text: str, following: str = "", /, **more: Any
    ) -> NoReturn:
        """Say why it did not work, and what to do next, and end with ``code``.

        Args:
            following: what to do, where more is known than `next_step` says of the reason.
        """
        following = following or next_step(reason)
        if self.as_json:
            # What a peer put beside its refusal takes no place of ours.
            ours = {"ok": False, "reason": reason, "message": text, "next": following}
            self.result({**more, **ours})
        else:
            console = Console(stderr=True, highlight=False, soft_wrap=True)
            console.print(f"[red]{reason}[/]: {escape(text)}")
            if following:
                console.print(escape(following))
        raise SystemExit(code)
