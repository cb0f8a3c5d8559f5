"""A merchant at another bank is paid by a mandate, and nobody there learns whose it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.demo.environment import System, wait_until
from sandbox.stack.supervisor import Stack, init
from tests.integration.commands import dcep, wallet
from tests.integration.privacy_story import Seen, database_file
from tests.integration.systems import fund

pytestmark = [pytest.mark.xdist_group("mandates"), pytest.mark.any_database]
NAME, PHONE = "Ailsa Quendryth", "13911112222"
CENTRAL = "central-bank"


class Told:
    """What Ann, a shop at another bank, and the banks have done and seen."""

    def __init__(self, system: System, homes: Path) -> None:
        self.system, self.homes = system, homes
        self.run("ann", "open", "--bank", "alpha", "--name", NAME, "--phone", PHONE)
        self.run("ann", "topup", "500")
        self.run("shop", "open", "--bank", "beta", "--name", "Shop")
        self.shop = str(self.run("shop", "show")["number"])
        given = ("--each", "30", "--month", "50", "--purpose", "only mine")
        self.mandate = str(self.run("ann", "mandate", "give", self.shop, *given)["number"])
        self.ann = str(self.run("ann", "show")["number"])

    def run(self, who: str, *words: str) -> dict[str, Any]:
        folder = ("--stack", str(self.system.plan.folder)) if words[0] == "open" else ()
        done = wallet(*words, "--json", "--home", str(self.homes / who), *folder)
        assert done.code == 0, (words, done.err)
        return done.answer

    def ask(self, yuan: str) -> str:
        asked = self.run("shop", "request", self.mandate, yuan, "--text", "music")
        return str(asked["requests"][0]["name"])

    def state(self, who: str, name: str) -> tuple[str, str]:
        found = self.run(who, "requests", "--all")["requests"]
        return next(((o["state"], o["not_paid"]) for o in found if o["name"] == name), ("", ""))

    def becomes(self, who: str, name: str, state: str, why: str = "") -> None:
        wait_until(lambda: self.state(who, name) == (state, why), f"{name} is {state} for {who}")

    def tell(self) -> None:
        first = self.ask("30")
        self.becomes("shop", first, "PAID")
        beyond = self.ask("31")
        self.becomes("ann", beyond, "OPEN", "BEYOND_MANDATE")
        self.run("ann", "mandate", "allow", beyond)
        self.becomes("shop", beyond, "PAID")
        [line, *_] = self.run("shop", "history")["items"]
        self.run("shop", "refund", line["payment_id"], "--yes")
        wait_until(lambda: self.available() == 50_000 - 3_000, "what was given back is home")
        declined = self.ask("40")
        self.becomes("ann", declined, "OPEN", "BEYOND_MANDATE")
        self.run("ann", "requests", "decline", declined)
        self.run("ann", "mandate", "end", self.mandate)

    def available(self) -> int:
        return int(self.run("ann", "show")["available_fen"])

    def key(self) -> bytes:
        url = self.system.plan.database_url("alpha")
        with sqlite3.connect(database_file(url)) as connection:
            query = "SELECT public_key FROM wallets WHERE number = ?"
            ((key,),) = connection.execute(query, (self.ann,)).fetchall()
        return bytes(key)


@dataclass
class After:
    """The stack after the story, when all of it has stopped."""

    told: Told
    seen: dict[str, Seen]


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Iterator[After]:
    folder = tmp_path_factory.mktemp("mandates")
    system = System(Stack(init(folder / "stack", banks=["alpha", "beta"])), folder / "homes")
    try:
        system.stack.up()
        fund(system)
        told = Told(system, folder / "homes")
        told.tell()
        system.wait_quiet()
        assert dcep("audit", "--json", "--stack", str(system.plan.folder)).code == 0
    finally:
        system.close()
    seen = {name: Seen() for name in ("alpha", "beta", CENTRAL, "shop")}
    for name in ("alpha", "beta", CENTRAL):
        seen[name].read(database_file(system.plan.database_url(name)))
    for file in (system.plan.folder / "logs").glob("*.log*"):
        for name in (CENTRAL, "beta", "alpha"):
            if file.name.startswith(name):
                seen[name].add_file(file)
    for file in sorted((folder / "homes" / "shop").iterdir()):
        if file.suffix == ".db":
            seen["shop"].read(file)
        elif file.is_file():
            seen["shop"].add_file(file)
    yield After(told, seen)


@pytest.mark.parametrize("party", ["beta", "shop", CENTRAL])
def test_nobody_there_learns_whose_it_is(after: After, party: str) -> None:
    told, seen = after.told, after.seen[party]
    assert seen.knows(told.mandate), "or nothing was read"
    for what in (told.ann, NAME, PHONE, "only mine", told.key(), told.key().hex()):
        assert not seen.knows(what), what


def test_the_holders_own_bank_knows(after: After) -> None:
    told, seen = after.told, after.seen["alpha"]
    assert seen.knows(told.ann)
    assert seen.knows(told.key())
    assert seen.knows("only mine")
