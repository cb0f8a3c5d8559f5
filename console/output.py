"""Prints a command's results: sentences for people, or one JSON object for programs."""

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
    """Prints a result either for people (by rich) or as one JSON object."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.console = Console(stderr=as_json, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """Prints a sentence for people; to standard error when the result is JSON."""
        self.console.print(text)

    def plain(self, text: str) -> None:
        """As `say`, for a text in which nothing is markup."""
        self.console.print(text, markup=False)

    def result(self, fields: Mapping[str, Any], text: str | None = None) -> None:
        """Prints the result: the fields as one JSON object, or the text for people."""
        if self.as_json:
            text = json.dumps(fields, ensure_ascii=json_ascii())
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
        elif text is not None:
            self.console.print(text)

    def entries(
        self, entries: Sequence[dict[str, Any]], line: Callable[[dict[str, Any]], str], nothing: str
    ) -> None:
        """Prints a list: as `entries` of the JSON object, or a line for each.

        Args:
            entries: fields of each.
            line: makes the line for people.
            nothing: what people read when the list is empty.
        """
        self.result({"entries": entries})
        if not self.as_json:
            for text in map(line, entries) if entries else (nothing,):
                self.say(text)

    def fail(
        self, code: int, reason: str, text: str, following: str = "", /, **more: Any
    ) -> NoReturn:
        """Says what went wrong and what to do next, and ends the process.

        Args:
            code: the exit code.
            reason: a name in capital letters.
            text: what went wrong.
            following: what to do next; "": what `next_step` says for the reason.
            more: further fields for JSON.

        Raises:
            SystemExit: always.
        """
        following = following or next_step(reason)
        if self.as_json:
            # Fields that a peer sent with its refusal may not replace our own.
            ours = {"ok": False, "reason": reason, "message": text, "next": following}
            self.result({**more, **ours})
        else:
            console = Console(stderr=True, highlight=False, soft_wrap=True)
            console.print(f"[red]{reason}[/]: {escape(text)}")
            if following:
                console.print(escape(following))
        raise SystemExit(code)
