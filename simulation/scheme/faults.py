"""What fails, who cheats, and which older copies come back: one step after another."""

from __future__ import annotations

from simulation.scheme.clocks import JUMP_MS
from simulation.scheme.life import Living
from simulation.scheme.ports import CENTRAL
from simulation.scheme.system import (
    PREFIXES,
)

_MOST_COPIES = 3


class Faults(Living):
    """Steps that nobody wants."""

    def _deliver(self) -> None:
        """A message arrives late."""
        self.system.network.deliver_late()

    def _wait(self) -> None:
        """Time passes."""
        self.system.clocks.advance(self._chance.randrange(3_000))

    def _jump(self) -> None:
        """Somebody sets a party's clock, forward or back."""
        name = self._chance.choice(list(self.system.disks))
        self.system.clocks.jump(name, self._chance.randrange(-JUMP_MS, JUMP_MS))

    def _fill(self) -> None:
        """A party's disk is full, or has room again."""
        disk = self.system.disks[self._chance.choice(list(self.system.disks))]
        disk.full = not disk.full

    def _restart(self) -> None:
        """A party is started anew."""
        self.system.restart(self._chance.choice(list(self.system.disks)))

    def _cut(self) -> None:
        """Nobody reaches one of the institutions for a while, or all reach each other again."""
        if self._chance.random() < 0.3:
            self.system.network.cut(self._chance.choice([CENTRAL, *PREFIXES]))
        else:
            self.system.network.mend()

    def _thief(self) -> None:
        """Somebody alters other people's orders."""
        self._cheats.thief(self._chance)

    def _lone_officer(self) -> None:
        """An officer acts alone."""
        self._cheats.officer(self._chance)

    def _cheating_bank(self) -> None:
        """A bank sends anything."""
        self._cheats.bank(self._chance)

    def _copy(self) -> None:
        """An operator makes a copy of a bank's disk."""
        name = self._a_bank()
        self._copies = [*self._copies, (name, self.system.copy(name))][-_MOST_COPIES:]

    def _put_back(self) -> None:
        """A bank's disk is lost, and an operator puts an older copy in its place."""
        if not self._copies:
            return
        bank, copy = self._chance.choice(self._copies)
        # Of what was decided within the bank since the copy only its holders know any more.
        self.gone |= self.system.put_back(bank, copy)
        # Nor does it know any more what it refused, so an order that comes once more is done.
        self.forgotten |= {done for done in self.refused if self._bank_of(done.wallet) == bank}

    def _copy_home(self) -> None:
        """A holder makes a copy of a wallet's home."""
        self._homes = [*self._homes, self.system.copy_home(self._a_wallet())][-_MOST_COPIES:]

    def _put_home_back(self) -> None:
        """A holder puts the copy back; what is not in its book and has no answer is forgotten."""
        if not self._homes:
            return
        copy = self._chance.choice(self._homes)
        assert self.system.notices_older_files(copy), f"a device of {copy.wallet} goes on from then"
        self.system.put_home_back(copy)
        book, number = self.system.wallet(copy.wallet).book, self.system.numbers[copy.wallet]
        for key in [key for key, wish in self.wishes.items() if wish.wallet == copy.wallet]:
            if book.find(number, key) is not None:
                continue
            if (done := self.wishes.pop(key).done) is not None:
                self.forgotten.add(done)
            else:
                self.some_load_is_forgotten = True

    def _resume(self) -> None:
        """A holder looks at what was ordered elsewhere with the wallet's key, and goes on."""
        self._look_elsewhere(self._a_wallet())

    def _copy_central(self) -> None:
        """An operator makes a copy of the central bank's disk."""
        self._central_copy = self.system.disks[CENTRAL].copy()

    def _older_central(self) -> None:
        """An operator puts it in place, sees which banks have more, and takes it away again."""
        if self._central_copy is not None:
            self.system.show_older(self._central_copy)

    def _lag(self) -> None:
        """The central bank settles what a bank sends, and loses that before anybody reads it."""
        self.system.lag(self._send)

    def _fail_over(self) -> None:
        """A replica takes the place of an institution's database."""
        self.system.fail_over(self._chance.choice([CENTRAL, *PREFIXES]))
