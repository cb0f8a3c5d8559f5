"""A central bank of which every table has rows: what the audit of it is tried on, cell by cell."""

from __future__ import annotations

from pathlib import Path

from central_bank import limits
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from tests.central_bank.admitting import new_id
from tests.central_bank.aliases import CLAIM, OTHER, REGISTER, change
from tests.central_bank.key_renewals import renewal as renewal_of_the_key
from tests.central_bank.patient import PatientCentre
from tests.central_bank.put_back_bank import Alpha
from tests.central_bank.returning import returned
from tests.central_bank.root_renewals import renewal as renewal_of_the_root
from tests.officers.people import Person

SETTLED = registration_pb2.OUTCOME_STATE_SETTLED
LONG_AFTER = limits.TOKEN_LIFETIME_MS + limits.PRUNE_AFTER_MS + 1
OVER = limits.TOKEN_LIFETIME_MS + limits.RESTORE_GRACE_MS + 1
PAT = Person("central-bank", "pat")


class WholeCentre(PatientCentre):
    """Everything that a central bank does has happened here, and some of it is pruned."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.pay_in("alpha", 1_000)
        self._what_is_pruned()
        self.alice, self.bob, self.carol = (self.device(n) for n in ("alice", "bob", "carol"))
        self.dan, self.erin = (self.device(n, "beta") for n in ("dan", "erin"))
        self._what_went_back()
        self._offline_money()
        self._payments()
        self._officers()
        self._aliases()
        self._keys()
        self._put_back()
        self.both(office_pb2.SuspendBank(name="beta"))
        self.central.books.projection.rebuild()
        self.central.books.core.snapshot()

    def _spent_twice(self, name: str) -> None:
        cheat = self.device(name)
        token = self.token(cheat, 100)
        for payee in (self.bob, self.carol):
            assert self.deposit(self.pay(token, cheat, payee, 90)) == (90, "")

    def _what_is_pruned(self) -> None:
        """Tokens with pieces, and a loss, long ago."""
        self._spent_twice("mallory")
        token = self.token(self.alice, 100)
        assert self.deposit(self.pay(token, self.alice, self.bob, 30)) == (30, "")
        self.clock.advance(LONG_AFTER)
        while self.central.refunds.step():
            pass
        assert self.central.pruning.prune()

    def _what_went_back(self) -> None:
        token = self.token(self.alice, 100)
        assert self.deposit(self.pay(token, self.alice, self.bob, 30)) == (30, "")
        self.clock.advance(OVER)
        while self.central.refunds.step():
            pass
        assert self.deposit(self.pay(token, self.alice, self.carol, 70)) == (0, "TOKEN_EXPIRED")
        self.alice, self.bob, self.carol = (self.device(n) for n in ("alice", "bob", "carol"))
        self.dan, self.erin = (self.device(n, "beta") for n in ("dan", "erin"))

    def _offline_money(self) -> None:
        """Two tokens in one deposit, over three hops; double spends; what is refused and waits."""
        mine, hers = self.token(self.alice, 100), self.token(self.bob, 100)
        far = self.pay(mine, self.alice, self.bob, 60)
        far = self.pay(far, self.bob, self.carol, 50)
        far = self.pay(far, self.carol, self.dan, 40)
        assert self.deposit(far, self.pay(hers, self.bob, self.dan, 20), bank="beta")[0] == 60
        assert self.deposit(far, bank="beta")[1] == "ALREADY_DEPOSITED"
        self._spent_twice("frank")
        self.pay_out("alpha", self.books()["alpha"][0])
        token = self.token(self.carol, 100)
        assert self.deposit(self.pay(token, self.carol, self.bob, 60)) == (60, "")
        late = self.item(self.pay(token, self.carol, self.dan, 100), bank="beta")
        (waits,) = self.send(late, bank="beta")
        assert waits.state == registration_pb2.OUTCOME_STATE_PENDING

    def _payments(self) -> None:
        self.last_number = 10_000  # tokens have the lower ones
        self.pay_in("alpha", 500)
        paid = [self.payment(self.alpha, self.beta, 100 + i) for i in range(3)]
        assert [o.state for o in self.submit(self.alpha, *paid)] == [SETTLED] * 3
        back = returned(self, paid[0], 1_001)
        assert [o.state for o in self.submit(self.beta, back)] == [SETTLED]
        self.both(office_pb2.Redeem(bank="alpha", amount_fen=200))
        self.central.requests.create(self.alpha, new_id(), "issue", 50)
        wanted = new_id()
        self.central.requests.create(self.beta, wanted, "issue", 50)
        self.pay_in("beta", 500)
        self.both(office_pb2.Issue(bank="beta", amount_fen=50, request_id=wanted))

    def _officers(self) -> None:
        self.both(PAT.registration())
        self.both(office_pb2.RemoveOfficer(name="pat"))
        self.reject(self.propose(office_pb2.PayInReserves(bank="beta", amount_fen=5)))
        self.propose(office_pb2.PayInReserves(bank="beta", amount_fen=6))
        self.both(office_pb2.RevokeDevice(bank="beta", device_key=bytes([5]) * 32))
        self.both(office_pb2.SuspendBank(name="beta"))
        self.both(office_pb2.ReinstateBank(name="beta"))

    def _aliases(self) -> None:
        """One of alpha that beta claims, and another one of alpha."""
        assert change(self, self.alpha, REGISTER) == "HELD"
        assert change(self, self.beta, CLAIM) == "CLAIMED"
        assert change(self, self.alpha, REGISTER, label=OTHER) == "HELD"

    def _keys(self) -> None:
        now_ms = self.clock.now_ms()
        self.both(renewal_of_the_root(until_ms=now_ms + limits.MIN_ROOT_OVERLAP_MS + 1_000))
        self.both(renewal_of_the_key())

    def _put_back(self) -> None:
        alpha = Alpha(self)
        self.both(alpha.act(2))
        incarnation = alpha.bank.incarnation
        self.central.feed.acknowledge(
            alpha.bank, alpha.receipt(4, incarnation=incarnation, journal_position=950)
        )
