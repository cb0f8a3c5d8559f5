"""``dcep requests`` and ``approve``: what waits is seen, and nothing is released unseen."""

from __future__ import annotations

import hashlib
import os
import pty
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console import approving
from console.clients import ActClient
from dcep.issuance.v1 import issuance_pb2
from deployment.topology import CENTRAL_BANK
from runtime.errors import Refusal
from runtime.output import quoted
from sandbox.demo.environment import System
from tests.integration.commands import Done, dcep
from tests.integration.systems import MakeSystem

pytestmark = [pytest.mark.xdist_group("requests"), pytest.mark.any_database]


@pytest.fixture(scope="module")
def system(systems: MakeSystem) -> Iterator[System]:
    made = systems(funded=False)
    yield made
    assert dcep("audit", "--json", "--stack", str(made.plan.folder)).code == 0


@pytest.fixture(autouse=True)
def nothing_waits(system: System) -> Iterator[None]:
    yield
    for row in waiting(system):
        if row["waits_for"] == "approval":
            officers = system.plan.officers(row["institution"])
            run(system, "reject", row["id"], "--as", officers[0])


def run(system: System, *words: str) -> Done:
    return dcep(*words, "--json", "--stack", str(system.plan.folder))


def person(system: System, *words: str, **environment: str) -> Done:
    return dcep(*words, "--stack", str(system.plan.folder), **environment)


def waiting(system: System) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run(system, "requests").answer["requests"]
    return found


def acts(system: System) -> list[dict[str, Any]]:
    """What waits for a second officer."""
    return [row for row in waiting(system) if row["waits_for"] == "approval"]


def reserves(system: System, yuan: str, *more: str) -> str:
    """Proposes that reserves arrive for alpha; the act's id."""
    return str(run(system, "reserves", "alpha", yuan, *more).answer["act_id"])


def reserves_fen(system: System) -> int:
    with system.central("lin") as office:
        return office.books_of("alpha").reserves_fen


def test_nothing_that_waits_is_said_in_words(system: System) -> None:
    assert person(system, "requests").out == "nothing waits for an officer\n"
    assert run(system, "requests").answer == {"requests": [], "more": 0, "silent": {}}


def test_what_waits_everywhere_is_listed_oldest_first(system: System) -> None:
    first = reserves(system, "500000")
    number = system.person("dora", "beta", holder_name="Dora").number
    second = run(system, "wallet", "freeze", number, "--cause", "court order 9").answer["act_id"]
    third = run(system, "suspend", "beta").answer["act_id"]
    rows = waiting(system)
    assert [row["id"] for row in rows] == [first, second, third]
    assert [row["institution"] for row in rows] == [CENTRAL_BANK, "beta", CENTRAL_BANK]
    assert [row["kind"] for row in rows] == ["pay_in_reserves", "freeze_wallet", "suspend_bank"]
    assert rows[0]["amount_fen"] == 50_000_000 and rows[1]["asked_by"] == "chen"
    said = person(system, "requests").out
    assert said.index(first) < said.index(second) < said.index(third)
    assert "pay reserves in 500,000.00 yuan, alpha" in said and "“court order 9”" in said
    only = run(system, "requests", "--at", "beta").answer["requests"]
    assert [row["id"] for row in only] == [second]


def test_a_long_list_is_cut_and_says_how_much_more_there_is(system: System) -> None:
    ids = [reserves(system, f"{yuan}.00") for yuan in (1, 2, 3)]
    answer = run(system, "requests", "--limit", "2").answer
    assert [row["id"] for row in answer["requests"]] == ids[:2] and answer["more"] == 1
    assert "1 more wait; --limit 3 lists them too" in person(system, "requests", "--limit", "2").out


def test_what_a_bank_asks_for_waits_until_it_is_proposed(system: System) -> None:
    asked = ask_for(system, 60_000)
    [row] = [row for row in waiting(system) if row["id"] == asked]
    assert (row["id"], row["waits_for"], row["asked_by"]) == (asked, "proposal", "alpha")
    line = re.search(r"dcep (redeem alpha .*)", person(system, "requests").out)
    assert line is not None
    early = run(system, "approve", asked)
    assert early.code == 1 and "an officer proposes it first" in early.answer["message"]
    assert run(system, *line.group(1).replace("redeem", "issue").split()).code == 1, "no reserves"


def ask_for(system: System, amount_fen: int) -> str:
    """What alpha itself asks the central bank for, and may not have now; its id."""
    from dcep.issuance.v1 import issuance_pb2_grpc
    from deployment.connections import ask, certified_channel, stub

    plan, folder = system.plan, system.plan.bank_folder("alpha")
    with certified_channel(
        plan, plan.central_address, folder / "tls.crt", folder / "tls.key"
    ) as channel:
        request = issuance_pb2.CreateRequestRequest(
            request_id=str(uuid.uuid4()),
            bank="alpha",
            direction=issuance_pb2.DIRECTION_REDEEM,
            amount_fen=amount_fen,
        )
        service = stub(issuance_pb2_grpc.IssuanceServiceStub, channel)
        answer = ask(service.CreateRequest, request, issuance_pb2.CreateRequestResponse)
    return str(answer.request.request_id)


@pytest.mark.parametrize("columns", ["40", "80"])
def test_amounts_are_whole_on_a_narrow_terminal(system: System, columns: str) -> None:
    reserves(system, "100000000000", "--cause", "a cause of many words " * 5)
    said = person(system, "requests", COLUMNS=columns, NO_COLOR="1").out
    assert "100,000,000,000.00" in said and "\x1b" not in said
    wide = [line.strip() for line in said.splitlines() if len(line) > int(columns)]
    # What is to be copied stands whole: an id, a command.
    assert [line for line in wide if " " in line and not line.startswith("dcep ")] == []


def test_the_words_of_others_steer_no_terminal(system: System) -> None:
    reserves(system, "7", "--cause", "” issue   1.00 yuan [red]alpha[/]")
    said = person(system, "requests").out
    assert "“' issue 1.00 yuan [red]alpha[/]”" in said, "it is quoted, and no markup"


def test_a_quotation_ends_where_it_ends() -> None:
    said = quoted("\x1b[2Jgone\r\n”   dcep approve\u2028x")
    assert said == "“\\u001b[2Jgone\\u000d\\u000a' dcep approve\\u2028x”"


def test_money_is_released_by_whoever_repeats_the_amount(system: System) -> None:
    before_fen, act = reserves_fen(system), reserves(system, "500")
    unseen = run(system, "approve", act)
    assert (unseen.code, unseen.answer["reason"]) == (2, "FIELD_MISSING")
    assert unseen.answer["amount_fen"] == 50_000
    assert "pay reserves in 500.00 yuan, alpha" in unseen.err, "it is shown first"
    for wrong in ("5000", "500.01", "5"):
        other = run(system, "approve", act, "--amount", wrong)
        assert (other.code, other.answer["reason"]) == (2, "AMOUNT_DIFFERS")
    assert run(system, "approve", act, "--amount", "x").answer["reason"] == "AMOUNT_INVALID"
    assert reserves_fen(system) == before_fen and [row["id"] for row in acts(system)] == [act]
    assert run(system, "approve", act, "--amount", "¥500.00").code == 0
    assert reserves_fen(system) == before_fen + 50_000


def test_what_moves_no_money_has_no_amount_to_repeat(system: System) -> None:
    act = run(system, "suspend", "beta").answer["act_id"]
    odd = run(system, "approve", act, "--amount", "1")
    assert (odd.code, odd.answer["reason"]) == (2, "AMOUNT_DIFFERS")
    assert run(system, "approve", act).code == 0
    act = run(system, "reinstate", "beta").answer["act_id"]
    assert run(system, "approve", act).code == 0


def test_all_is_listed_with_its_total_which_is_repeated(system: System) -> None:
    before_fen = reserves_fen(system)
    reserves(system, "10"), reserves(system, "2.50")
    reserves(system, "9", "--as", "mei")
    unseen = run(system, "approve", "--all", "--as", "mei")
    assert (unseen.code, unseen.answer["amount_fen"]) == (2, 1_250), "not what she proposed"
    assert "all of it: 2 acts, 12.50 yuan" in unseen.err
    late = reserves(system, "100")
    put_in = run(system, "approve", "--all", "--amount", "12.50", "--as", "mei")
    assert put_in.answer["reason"] == "AMOUNT_DIFFERS", "one was put in between"
    assert reserves_fen(system) == before_fen
    run(system, "reject", late)
    done = run(system, "approve", "--all", "--amount", "12.50", "--as", "mei")
    assert [row["amount_fen"] for row in done.answer["approved"]] == [1_000, 250]
    assert reserves_fen(system) == before_fen + 1_250


def test_all_goes_on_after_one_that_cannot_be_done(system: System) -> None:
    system.pay_in("alpha", 1_000)
    have_fen = reserves_fen(system)
    have = f"{have_fen // 100}.{have_fen % 100:02d}"
    first = reserves(system, have, "--out")
    second = reserves(system, have, "--out", "--anew")
    third = reserves(system, "5")
    total_fen = 2 * have_fen + 500
    total = f"{total_fen // 100}.{total_fen % 100:02d}"
    done = run(system, "approve", "--all", "--amount", total)
    assert done.code == 1
    assert [row["act_id"] for row in done.answer["approved"]] == [first, third]
    [no] = done.answer["refused"]
    assert (no["act_id"], no["reason"]) == (second, "RESERVES_SHORT")
    assert reserves_fen(system) == 500


def test_an_id_of_another_institution_says_whose_it_is(system: System) -> None:
    number = system.person("erik", "alpha", holder_name="Erik").number
    act = run(system, "wallet", "freeze", number).answer["act_id"]
    wrong = run(system, "approve", act, "--as", "mei")
    assert (wrong.code, wrong.answer["reason"]) == (1, "REQUEST_UNKNOWN")
    assert "an act of alpha: wang or zhou decides" in wrong.answer["message"]
    nobody = run(system, "approve", str(uuid.uuid4()), "--as", "mei")
    assert "`dcep requests` lists what waits" in nobody.answer["message"]
    assert run(system, "approve", "../../x").answer["reason"] == "FIELD_INVALID"


def test_another_act_under_an_id_that_was_shown_is_not_approved(system: System) -> None:
    """Were the central bank's service in other hands, it could show one act and name another."""
    act = reserves(system, "77")
    assert [row["id"] for row in acts(system)] == [act]
    shown = system.plan.officers_folder / "shown" / act
    assert len(shown.read_bytes()) == hashlib.sha256().digest_size
    shown.write_bytes(hashlib.sha256(b"what was shown").digest())
    assert [row["changed"] for row in acts(system)] == [True]
    assert "do not approve it" in person(system, "requests").out
    no = run(system, "approve", act, "--amount", "77")
    assert (no.code, no.answer["reason"]) == (1, "ACT_DIFFERS")
    assert [row["id"] for row in acts(system)] == [act]
    shown.unlink()


@pytest.mark.parametrize("lie", ["id", "proposer"])
def test_a_service_that_shows_another_act_under_an_id_is_not_believed(
    system: System, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    asked, other = reserves(system, "1"), reserves(system, "1", "--as", "han")
    with ActClient(system.plan, CENTRAL_BANK, "mei") as client:
        told = client.act(other)
    if lie == "proposer":
        told.proposed_by = "lin"
    monkeypatch.setattr(ActClient, "act", lambda *_: told)
    with pytest.raises(Refusal) as caught:
        approving.asked_of(system.plan, CENTRAL_BANK, "mei", asked if lie == "id" else other)
    assert caught.value.name == "ACT_DIFFERS"


def at_a_terminal(system: System, typed: bytes, *words: str) -> tuple[int, str]:
    """A command at a terminal, where somebody answers what it asks."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox.cli.main", *words, "--stack", str(system.plan.folder)],
        stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    os.write(ours, typed)
    out, _ = process.communicate(timeout=120)
    os.close(ours)
    os.close(theirs)
    return process.returncode, out.decode()


def test_at_a_terminal_the_amount_is_asked_for(system: System) -> None:
    before_fen, act = reserves_fen(system), reserves(system, "33.30")
    code, said = at_a_terminal(system, b"33\n", "approve", act)
    assert code == 2 and "33 is not the amount, which is 33.30" in said
    assert at_a_terminal(system, b"\x04", "approve", act)[0] == 130, "nothing was typed"
    assert reserves_fen(system) == before_fen
    code, said = at_a_terminal(system, b"33.30\n", "approve", act)
    assert code == 0, said
    assert said.index("33.30 yuan, alpha") < said.index("The amount") < said.index("approved by")
    assert reserves_fen(system) == before_fen + 3_330


def test_who_does_not_answer_is_named_and_the_others_are_listed(system: System) -> None:
    act = reserves(system, "4")
    system.stack.stop("beta")
    try:
        found = run(system, "requests")
        assert found.code == 3
        assert act in [row["id"] for row in found.answer["requests"]]
        assert list(found.answer["silent"]) == ["beta"]
        assert "beta does not say what waits there" in person(system, "requests").out
    finally:
        system.stack.restart("beta")


def test_no_stack_is_said_in_a_sentence(tmp_path: Path) -> None:
    for words in (["requests"], ["banks"], ["books"], ["flows"], ["admit", "x1"]):
        done = dcep(*words, "--stack", str(tmp_path))
        assert done.code == 2 and "no stack" in done.err and "Traceback" not in done.err
