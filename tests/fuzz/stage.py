"""A stack to be fuzzed, and the judge: who lives, who serves, what still works, what adds up."""

from __future__ import annotations

from pathlib import Path

import grpc
from nacl.signing import SigningKey

from console.clients import by_two
from currency import number, parties
from dcep.bank.v1 import states_pb2
from dcep.office.v1 import office_pb2
from deployment.provisioning import fingerprint
from deployment.topology import CENTRAL_BANK
from runtime.channel import served_by
from runtime.envelope import possession
from sandbox.demo.environment import System
from sandbox.demo.scenario import audited
from sandbox.stack.supervisor import Stack, init
from tests.fuzz.campaign import Campaign
from tests.fuzz.roles import HOME, Cast, Role
from tests.fuzz.values import Pools
from tests.integration.raw_wallet import BankStubs, RawWallet

_RESERVES_FEN = 1_000_000_000
_HOLDER = "holder"
CHECK_EVERY = 500
"""Calls between two looks at the services."""


class Fallen(AssertionError):
    """A service ended, does not serve, or does not do its work any more."""


class Stage:
    """Two banks that run, a wallet's service, and two banks of who fuzzes: delta is suspended."""

    def __init__(self, folder: Path) -> None:
        self.system = System(Stack(init(folder / "stack")), folder / "homes")
        self.roles: list[Role] = []
        self._gamma = SigningKey.generate()
        try:
            self._set_up(folder)
        except BaseException:
            self.close()
            raise
        numbers = [
            role.identity["wallet_number"]
            for role in self.roles
            if "wallet_number" in role.identity
        ]
        self.pools = Pools(
            wallets=[*numbers, number.make("6201", 99_999), number.make("9999", 1)],
            banks=["alpha", "beta", "gamma", "omega"],
            payment_ids=[f"{numbers[0]}-1", f"{numbers[1]}-1", "alpha-return-5"],
        )

    def _set_up(self, folder: Path) -> None:
        self.system.stack.up()
        cast = Cast(self.system.plan, folder)
        gammas = self._admit(cast, "gamma", "6203", self._gamma)
        deltas = self._admit(cast, "delta", "6204", SigningKey.generate())
        for bank in ("alpha", "beta", "gamma"):
            self._fund(bank)
        by_two(self.system.plan, CENTRAL_BANK, office_pb2.SuspendBank(name="delta"))
        self.roles += cast.all(self._gamma, gammas, deltas)
        self.roles += [self._wallets_own(), cast.central("a wallet at the central bank", None)]

    def run(self, campaign: Campaign, steps: int) -> None:
        """So many calls, and a look at the services now and then. Raises Fallen."""
        for step in range(1, steps + 1):
            campaign.step()
            if step % CHECK_EVERY == 0:
                self.check_alive()
        self.check_alive()

    def check_alive(self) -> None:
        """Every process runs and says SERVING."""
        for name, process in self.system.stack.running.items():
            if not process.alive():
                raise Fallen(f"{name} ended:\n{process.log_tail()}")
            if not self.system.stack.healthy(name):
                raise Fallen(f"{name} does not say SERVING")

    def check_honest(self) -> None:
        """Somebody who did nothing wrong opens a wallet, fills it and pays to another bank."""
        alice = RawWallet(BankStubs(self.system.plan, "alpha"), name="Alice")
        bob = RawWallet(BankStubs(self.system.plan, "beta"), name="Bob")
        alice.top_up(100)
        answer = alice.pay(bob.number, 7)
        if answer.state != states_pb2.PAYMENT_STATE_SETTLED:
            raise Fallen(f"an honest payment is {answer}")
        if bob.show().available_fen != 7:
            raise Fallen("an honest payment did not arrive")

    def check_restart(self) -> None:
        """Every service starts again from what it has written down."""
        for name in ["alpha", "beta", CENTRAL_BANK]:
            self.system.stack.stop(name)
        for name in [CENTRAL_BANK, "alpha", "beta"]:
            self.system.stack.restart(name)
        self.system.people[_HOLDER].stop()
        self.system.people[_HOLDER].start()

    def check_books(self) -> None:
        """`dcep audit` holds. Raises StoryFailed."""
        audited(self.system)

    def close(self) -> None:
        """Stops everything."""
        for role in self.roles:
            role.channel.close()
        self.system.close()

    def _admit(self, cast: Cast, name: str, prefix: str, key: SigningKey) -> tuple[Path, Path]:
        files = cast.identity(name, parties.bank(name))
        particulars = office_pb2.AdmitBank(
            name=name,
            prefix=prefix,
            certificate_fingerprint=fingerprint(files[0]),
            business_key=bytes(key.verify_key),
            inner_address="127.0.0.1:1",
            proof=possession(key, name),
        )
        by_two(self.system.plan, CENTRAL_BANK, particulars)
        return files

    def _fund(self, bank: str) -> None:
        self.system.pay_in(bank, _RESERVES_FEN)
        self.system.issue(bank, _RESERVES_FEN // 2)
        if bank != "gamma":
            self.system.wait_vault(bank, _RESERVES_FEN // 2)

    def _wallets_own(self) -> Role:
        """A program of the holder's, at the wallet's own service."""
        person = self.system.person(_HOLDER, "alpha", holder_name="Holder")
        person.top_up(5_000)
        own = (person.home / "tls.crt").read_bytes()
        credentials = grpc.ssl_channel_credentials(own, (person.home / "tls.key").read_bytes(), own)
        channel = grpc.secure_channel(person.address, credentials, served_by(parties.HOLDER))
        return Role("a holder's program", HOME, channel, weight=4)
