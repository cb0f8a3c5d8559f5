"""What officers of a bank do: each act takes two of its own, registered ones."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from dcep.bank.v1 import wallets_pb2
from dcep.office.v1 import office_pb2
from dcep.office.v1.office_pb2 import FreezeWallet, UnfreezeWallet
from operator_bank.api.inner import inner_authorizer
from runtime.errors import Refusal
from runtime.tls import Identity
from settlement.records import Kind
from tests.officers.people import Person
from tests.operator_bank.system import CHEN, WANG, ZHOU, Holder, System
from tests.refusals import refused_for

ACT = "/dcep.office.v1.ActService/ProposeAct"
BOOKS = "/dcep.bank.v1.OfficeService/GetBooks"
CHECK = "/dcep.bank.v1.InboundService/CheckPayees"
FROZEN, OPEN = wallets_pb2.WALLET_STATUS_FROZEN, wallets_pb2.WALLET_STATUS_OPEN


def test_a_wallet_is_frozen_and_freed_by_two(system: System, bob: Holder) -> None:
    for kind, before, after in ((FreezeWallet, OPEN, FROZEN), (UnfreezeWallet, FROZEN, OPEN)):
        act = system.propose(kind(wallet_number=bob.number))
        assert refused_for(system.approve, act, WANG) == "SAME_OFFICER"
        assert system.bank.wallets.state(bob.wallet).status == before
        system.approve(act)
        system.restart()
        assert system.bank.wallets.state(bob.wallet).status == after


def test_an_old_act_that_comes_again_freezes_nothing(system: System, bob: Holder) -> None:
    old = system.both(FreezeWallet(wallet_number=bob.number))
    system.both(UnfreezeWallet(wallet_number=bob.number))
    assert system.approve(old) == old
    assert system.bank.wallets.state(bob.wallet).status == OPEN


def test_the_journal_has_the_digest_of_the_act(system: System, bob: Holder) -> None:
    act = system.both(FreezeWallet(wallet_number=bob.number))
    [row] = system.bank.books.journal.read(act.position - 1, limit_rows=1)
    record = row.records[act.position - row.first_position]
    assert (int(record["kind"]), int(record["digest"])) == (Kind.SET_FLAGS, act.record_digest)


def test_two_desks_with_one_act_id_at_once_are_answered(system: System, bob: Holder) -> None:
    bank = system.restart(threaded=True)
    one = WANG.propose(FreezeWallet(wallet_number=bob.number), system.clock.now_ms())
    act_id = office_pb2.OfficerAct.FromString(one.payload).act_id
    other = ZHOU.propose(UnfreezeWallet(wallet_number=bob.number), system.clock.now_ms(), act_id)

    def propose(pair: tuple[Person, object]) -> str:
        who, proposal = pair
        try:
            bank.acts.propose(who.identity, proposal)  # type: ignore[arg-type]
        except Refusal as refusal:
            return refusal.name
        return "OK"

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(propose, [(WANG, one), (ZHOU, other)] * 4))
    assert sorted(set(said)) == ["ID_REUSED", "OK"]
    bank.books.stop()
    assert system.restart().acts.get(act_id).state == office_pb2.ACT_STATE_OPEN


def test_who_may_come_to_the_inner_port(system: System) -> None:
    authorize = inner_authorizer(system.bank.officers, set)

    def verdict(who: Identity | None, method: str) -> str:
        try:
            authorize(who, method)
        except Refusal as refusal:
            return refusal.name
        return "OK"

    no, nobody = "ROLE_NOT_ALLOWED", "OFFICER_UNKNOWN"
    centre = Identity("central-bank", "", "1" * 64)
    for who, answers in (
        (CHEN.identity, {ACT: "OK", BOOKS: "OK", CHECK: no}),
        (centre, {ACT: no, BOOKS: no, CHECK: "OK"}),
        (Person("beta", "wang").identity, {ACT: no, BOOKS: no, CHECK: no}),
        (Person("central-bank", "lin").identity, {ACT: no, BOOKS: no, CHECK: no}),
        (Person("alpha", "ghost").identity, {ACT: nobody, BOOKS: nobody, CHECK: no}),
        (replace(WANG, seed="forged").identity, {ACT: nobody, BOOKS: nobody}),
        (replace(WANG.identity, name="alpha/Wang"), {ACT: nobody, BOOKS: nobody}),
        (Identity("bank", "alpha", "2" * 64), {ACT: no, BOOKS: no, CHECK: no}),
        (None, dict.fromkeys([ACT, BOOKS, CHECK], "CERTIFICATE_REQUIRED")),
    ):
        assert {method: verdict(who, method) for method in answers} == answers
