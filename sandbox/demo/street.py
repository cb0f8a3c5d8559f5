"""The commands that people and officers type in a story, and the answers that programs get."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from language import _
from runtime.own_modules import own
from sandbox.demo.environment import SETTLE_TIMEOUT_S, StoryFailed, System, wait_until

_COMMAND_S = 120.0


@dataclass(frozen=True)
class Street:
    """People of a running stack, each with a home of their own."""

    system: System
    numbers: dict[str, str] = field(default_factory=dict)

    def wallet(
        self, who: str, *words: str, no: str = "", code: int | None = 0, typed: str = ""
    ) -> dict[str, Any]:
        """What a command of somebody's wallet answers.

        Args:
            who: whose wallet.
            words: the command.
            no: the reason for which it must be refused.
            code: with which it must end, if it is not refused; None for any.
            typed: what is typed into it.

        Raises:
            StoryFailed: it does something else.
        """
        told = (*words, "--home", str(self.system.homes / who))
        return self._run(own("wallet.cli.main"), told, no, code, typed)

    def dcep(self, *words: str, no: str = "", pin: str = "") -> dict[str, Any]:
        """What an officer's or a clerk's command answers; as `wallet`. `pin`: of a card."""
        return self._run(own("sandbox.cli.main"), words, no, 0, "", pin)

    def open(self, who: str, bank: str, *shown: str) -> dict[str, Any]:
        """Opens a wallet; the recovery phrase is written down beside its home."""
        opened = self.wallet(who, "open", "--bank", bank, *shown)
        if "phrase" in opened:
            self.paper(who).write_text(str(opened["phrase"]), encoding="utf-8")
        return opened

    def paper(self, who: str) -> Path:
        """Where somebody's recovery phrase is written down."""
        return self.system.homes / f"{who}.paper"

    def number(self, who: str) -> str:
        """The number of somebody's wallet."""
        if who not in self.numbers:
            self.numbers[who] = str(self.wallet(who, "show")["number"])
        return self.numbers[who]

    def fen(self, who: str) -> int:
        """What somebody can spend."""
        return int(self.wallet(who, "show")["available_fen"])

    def join(self, who: str, wallet: str, bank: str, label: str, role: str = "release") -> None:
        """Has somebody sign for another one's wallet too, who lets them in."""
        asking = ("signers", "join", self.number(wallet), "--bank", bank)
        code = str(self.wallet(who, *asking, code=None)["code"])
        self.wallet(wallet, "signers", "add", code, "--label", label, "--role", role, "--yes")
        self.wallet(who, *asking)

    def recovered(self, who: str) -> bool:
        """Whether somebody who asked for their wallet by the phrase has it again."""
        told = ("recover", "--phrase", "--home", str(self.system.homes / who))
        return self._run(own("wallet.cli.main"), told, "", None, "\n").get("state") == "IN_FORCE"

    def request(self, who: str, state: str = "OPEN") -> dict[str, Any]:
        """The newest request that somebody has made or sees, once it is in a state."""
        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = self.wallet(who, "requests", "--all")["requests"]
            return bool(found) and found[0]["state"] == state

        wait_until(there, _("{who} sees a request").format(who=who))
        return found[0]

    def wait(self, true: Callable[[], bool], what: str) -> None:
        """Waits until something is so. Raises StoryFailed."""
        wait_until(true, what)

    def by_two(self, act: dict[str, Any]) -> None:
        """Has the second officer of the bank approve an act."""
        self.dcep("approve", str(act["act_id"]), "--as", "zhou")

    @contextmanager
    def card(self, name: str, pin: str) -> Iterator[str]:
        """A hard wallet as a process; where it is touched. Raises StoryFailed."""
        at = self.system.homes / f"{name}.sock"
        command = [sys.executable, "-m", own("wallet.hard_wallet"), "--socket", str(at)]
        process = subprocess.Popen(
            [*command, "--stack", str(self.system.plan.folder), "--limit", "200"],
            env={**os.environ, "DCEP_CARD_PIN": pin},
        )
        try:
            ends_at = time.monotonic() + SETTLE_TIMEOUT_S
            while not at.exists():
                if process.poll() is not None or time.monotonic() > ends_at:
                    raise StoryFailed(_("the card does not start"))
                time.sleep(0.05)
            yield str(at)
        finally:
            process.terminate()
            process.wait(SETTLE_TIMEOUT_S)

    def _run(
        self,
        module: str,
        words: tuple[str, ...],
        no: str,
        code: int | None,
        typed: str,
        pin: str = "",
    ) -> dict[str, Any]:
        more = {"DCEP_STACK": str(self.system.plan.folder)}
        if pin:
            more["DCEP_CARD_PIN"] = pin
        done = subprocess.run(
            [sys.executable, "-m", module, *words, "--json"],
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_S,
            env={**os.environ, **more},
        )
        answer: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
        refused = str(answer.get("reason", "")) if done.returncode else ""
        if refused != no if no else code not in (None, done.returncode):
            said = " ".join((done.stderr or done.stdout).split())
            raise StoryFailed(f"{module} {' '.join(words)}: {done.returncode}: {said}")
        return answer
