"""Says what to do about a feed that has stopped, as far as that can be told from the cause."""

from __future__ import annotations

from language import _

_PAGE = "docs/how-to/feed-stopped.md"
_BEHIND = ("has acknowledged entry", "has told of position", "speaks of")


def advice(bank: str, cause: str) -> str:
    """One sentence for the operator of a bank or of the central bank.

    Args:
        bank: whose feed it is.
        cause: why it has stopped, in the bank's own (English) words.
    """
    if "does not lead to entry" in cause:
        return _(
            "if other banks say the same, the central bank's database is an older copy: stop it "
            "and put the newest copy back, dcep restore FROM central-bank --give-up; see {page}"
        ).format(page=_PAGE)
    if any(sign in cause for sign in _BEHIND):
        return _(
            "{bank}'s database is an older copy: stop {bank} and put the newest copy back, dcep "
            "restore FROM {bank} --give-up; only where there is no newer one, dcep come-back "
            "{bank} ({page})"
        ).format(bank=bank, page=_PAGE)
    return _("see {page}").format(page=_PAGE)
