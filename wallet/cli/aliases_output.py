"""Results of the commands about aliases."""

from __future__ import annotations

from dataclasses import asdict

from language import N_, _
from wallet.cli.console import CommandResult
from wallet.cli.times import clock, zone
from wallet.online.aliases import AliasLine

_STATES = {
    "REGISTERING": N_("not known to the other banks yet"),
    "ACTIVE": N_("this wallet is found by it"),
    "WAITING": N_("another bank has it; it comes here at {time} unless it is shown anew there"),
    "CONTESTED": N_(
        "another bank claims it, and gets it at {time}; to keep it, take it again with its code"
    ),
    "REMOVING": N_("given up; the other banks have not heard of it yet"),
    "REMOVED": N_("given up"),
    "TAKEN": N_("somebody else has it"),
    "MOVED": N_("somebody else has shown this phone since, and has it now"),
}


def changed(line: AliasLine) -> CommandResult:
    """After ``alias add`` and ``alias remove``."""
    return asdict(line), _told(line)


def lines(found: list[AliasLine], lookups_left: int) -> CommandResult:
    """After ``alias list``."""
    fields = {"aliases": [asdict(line) for line in found], "lookups_left": lookups_left}
    said = [_told(line) for line in found] or [_("This wallet has no alias.")]
    said.append(_("You may look for {count} aliases of others today.").format(count=lookups_left))
    return fields, "\n".join(said)


def _told(line: AliasLine) -> str:
    state = _(_STATES.get(line.state, line.state))
    if line.state == "ACTIVE" and line.private:
        state = _("kept, and nobody is found by it")
    until = line.until_time_ms
    time = f"{clock(until)} {zone(until)}" if until else ""
    return _("{alias}: {state}.").format(alias=line.alias, state=state.format(time=time))
