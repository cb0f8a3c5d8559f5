"""Every state of what holds offline money has a way out: the page and the code agree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from central_bank.limits import (
    PRUNE_AFTER_MS,
    TOKEN_LIFETIME_MS,
)
from central_bank.registration.offline.tables import tokens
from tests.offline.centre import Centre
from wallet.orders.order_book import OrderState
from wallet.secure_element.interface import PieceState

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "offline-states.md"
END = "end: "


@dataclass(frozen=True)
class Exit:
    state: str
    to: str
    when: str

    @property
    def sure(self) -> bool:
        """Whether nobody can keep it shut."""
        return "may fail" not in self.when and self.to != self.state


def sections() -> dict[str, list[Exit]]:
    found: dict[str, list[Exit]] = {}
    for part in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        title, _, body = part.partition("\n")
        rows = re.findall(r"^\| (.+?) \| (.+?) \| .+? \| (.+?) \|$", body, re.MULTILINE)
        found[title] = [Exit(*row) for row in rows if row[0] not in ("state", "---")]
    return found


@pytest.mark.parametrize("title", sections())
def test_from_each_state_an_end_is_reached_whoever_stands_in_the_way(title: str) -> None:
    exits = sections()[title]
    states = {each.state for each in exits}
    assert {each.to for each in exits if not each.to.startswith(END)} <= states
    ending: set[str] = set()
    while True:
        more = {
            each.state
            for each in exits
            if each.sure and (each.to.startswith(END) or each.to in ending)
        }
        if more <= ending:
            break
        ending |= more
    assert ending == states, f"no end for {states - ending}"


def test_the_page_has_every_state_of_the_code() -> None:
    titles = sections()
    in_device = {each.state for each in titles["A piece, in a device"]}
    assert {state.value for state in PieceState} <= in_device
    orders = titles["An order, in a wallet's book"]
    named = {each.state for each in orders} | {each.to.removeprefix(END) for each in orders}
    assert {state.value for state in OrderState} <= named


def test_the_page_has_every_state_of_a_token_and_its_way_through_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    centre, seen = Centre(tmp_path), []
    assert centre.deposit(centre.token(centre.alice, 100)) == (100, "")

    def look() -> None:
        query = select(tokens.c.restored_fen, tokens.c.pruned)
        with centre.engine.connect() as connection:
            row = connection.execute(query).first()
        if row is None:
            seen.append(END + "forgotten")
        elif row.restored_fen is None:
            seen.append("REGISTERED")
        else:
            seen.append("WITHOUT PIECES" if row.pruned else "REFUNDED")

    look()
    centre.clock.advance(TOKEN_LIFETIME_MS + PRUNE_AFTER_MS + 1)
    centre.central.refunds.step()
    look()
    with monkeypatch.context() as patch:
        patch.setattr(centre.central.pruning, "_tokens", lambda *_: 0)
        centre.central.pruning.prune()
    look()
    centre.central.pruning.prune()
    look()
    exits = [e for e in sections()["A token, at the centre"] if e.to != e.state]
    assert seen == [exits[0].state, *(each.to for each in exits)]
