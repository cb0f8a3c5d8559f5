"""What somebody can do about a feed that has stopped, as far as its cause says."""

from __future__ import annotations

_PAGE = "docs/how-to/feed-stopped.md"
_BEHIND = ("has acknowledged entry", "has told of position", "speaks of")


def advice(bank: str, cause: str) -> str:
    """One sentence for an operator of a bank, or of the central bank."""
    if "does not lead to entry" in cause:
        return (
            "if other banks say the same, the central bank's database is an older copy: stop it and"
            f" put the newest copy back, dcep restore FROM central-bank --give-up; see {_PAGE}"
        )
    if any(sign in cause for sign in _BEHIND):
        return (
            f"{bank}'s database is an older copy: stop {bank} and put the newest copy back, dcep"
            f" restore FROM {bank} --give-up; only where there is no newer one, dcep come-back"
            f" {bank} ({_PAGE})"
        )
    return f"see {_PAGE}"
