"""Simulates people who pay each other offline, and broken devices that spend pieces many times.

It takes one event after the other, in one thread, from one seed. A broken device never comes
online. From the copy of its memory it endorses the tokens that it once loaded to one honest payee
after the other, until many in a row have refused it.
"""

from __future__ import annotations

import heapq
from enum import IntEnum
from random import Random

from offline_token.formats import ID_BYTES, Payment, Request
from offline_token.limits import MAX_CHAINS
from offline_token.verify import MAX_PAID_HOPS, verify
from simulation.offline_risk.clearing import Clearing, sizes
from simulation.offline_risk.money import Coin, Device, Mint, change_of
from simulation.offline_risk.outcome import BrokenDevice, Outcome
from simulation.offline_risk.parameters import DAY_MS, HOUR_MS, Parameters

GIVES_UP = 50
"""A broken device stops after so many refusals in a row."""


class _Event(IntEnum):
    PAY = 0
    CHEAT = 1
    SYNC = 2


def simulate(parameters: Parameters) -> Outcome:
    """Runs a simulation; the outcome is the same for the same parameters."""
    system = _System(parameters)
    system.run()
    return system.outcome


class _System:
    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.random = Random(parameters.seed)
        self.mint = Mint(self.random, parameters)
        self.clearing = Clearing(self.mint)
        self.devices = [self.mint.device(index) for index in range(parameters.devices)]
        self.broken = {
            index: BrokenDevice(self.devices[index].bank, parameters.device_limit_fen)
            for index in self.random.sample(range(parameters.devices), parameters.broken_devices)
        }
        self.honest = [device for device in self.devices if device.index not in self.broken]
        self.outcome = Outcome(parameters, list(self.broken.values()))
        self.events: list[tuple[int, int, _Event, Device]] = []
        self.now_ms = 0
        self._number = 0

    def run(self) -> None:
        """Runs all events until the end; then all honest devices deposit."""
        sync_ms = self.parameters.sync_hours * HOUR_MS
        for device in self.devices:
            if device.index in self.broken:
                whole = self.parameters.device_limit_fen
                device.coins = self.mint.load(device, sizes(whole), source=device.index)
                self._at(self.random.uniform(0, self.parameters.end_ms / 4), _Event.CHEAT, device)
            else:
                self._load(device)
                self._at(self.random.uniform(0, sync_ms), _Event.SYNC, device)
                self._again(_Event.PAY, device)
        acts = {_Event.PAY: self._pay, _Event.CHEAT: self._cheat, _Event.SYNC: self._sync}
        while self.events and self.events[0][0] <= self.parameters.end_ms:
            self.now_ms, _, event, device = heapq.heappop(self.events)
            acts[event](device)
        self.now_ms = self.parameters.end_ms
        for device in self.honest:
            self._deposit(device)
        for index, broken in self.broken.items():
            broken.found_ms = self.clearing.found_ms.get(self.devices[index].public)

    def _at(self, time_ms: float, event: _Event, device: Device) -> None:
        self._number += 1
        heapq.heappush(self.events, (int(time_ms), self._number, event, device))

    def _again(self, event: _Event, device: Device) -> None:
        asked = self.parameters
        a_day = asked.payments_a_day if event == _Event.PAY else asked.frauds_a_day
        if a_day > 0:
            self._at(self.now_ms + self.random.expovariate(a_day / DAY_MS), event, device)

    def _sync(self, device: Device) -> None:
        """Has a device deposit everything, get the newest bundle, and load again."""
        self._deposit(device)
        delay_ms = int(self.parameters.revocation_hours * HOUR_MS)
        device.bundle = self.mint.bundle(self.clearing.revoked(self.now_ms - delay_ms))
        self._load(device)
        pause = self.random.uniform(0.5, 1.5) * self.parameters.sync_hours * HOUR_MS
        self._at(self.now_ms + pause, _Event.SYNC, device)

    def _load(self, device: Device) -> None:
        half_fen = self.parameters.device_limit_fen // 2
        if half_fen:
            real = self.random.random() < self.parameters.sample
            divided = sizes(half_fen)
            plain = [Coin(size) for size in divided]
            device.coins += self.mint.load(device, divided) if real else plain

    def _deposit(self, device: Device) -> None:
        for coin in device.coins + device.returned:
            cheater = self.broken.get(coin.source)
            if cheater and self.devices[coin.source].public not in self.clearing.found_ms:
                cheater.came_in(coin)
            paid = self.clearing.deposit(coin, device.bank, self.now_ms)
            if cheater:
                cheater.cleared(paid, device.index)
        device.coins, device.returned = [], []

    def _pay(self, payer: Device) -> None:
        self._again(_Event.PAY, payer)
        payee = self._payee(payer)
        wanted = int(self.random.expovariate(1 / self.parameters.average_fen)) + 1
        amount_fen = min(wanted, self.parameters.payment_limit_fen)
        spent = self._choose(payer, amount_fen)
        if self._room_fen(payee) < amount_fen or not spent:
            self.outcome.not_made += 1
            return
        challenge, rest_fen = self.random.randbytes(ID_BYTES), amount_fen
        paid = []
        for coin in spent:
            part = payer.endorse(coin, payee, min(rest_fen, coin.value_fen), challenge)
            rest_fen -= part.value_fen
            change = change_of(coin, part)
            payer.coins.remove(coin)
            payer.coins += [change] if change is not None else []
            paid.append(part)
        if self._take(payee, paid, challenge):
            self.outcome.made += 1
            self.outcome.paid_fen += amount_fen
            return
        # The payer's device has already spent it, so the payee's device signs it back.
        self.outcome.returned += 1
        self.outcome.returned_fen += amount_fen
        back = [payee.endorse(part, payer, part.value_fen, challenge) for part in paid]
        payer.returned += back

    def _cheat(self, cheater: Device) -> None:
        broken = self.broken[cheater.index]
        if broken.refused_in_a_row < GIVES_UP:
            self._again(_Event.CHEAT, cheater)
        payee = self._payee(cheater)
        most_fen = min(self.parameters.payment_limit_fen, self._room_fen(payee))
        amount_fen = min(most_fen, sum(coin.value_fen for coin in cheater.coins))
        if amount_fen < 1:
            return
        challenge, rest_fen = self.random.randbytes(ID_BYTES), amount_fen
        # The copy of the memory still has the coins. The cheater spends as few as possible: the
        # change of the others comes back to him.
        paid = []
        for coin in self._choose(cheater, amount_fen):
            part = cheater.endorse(coin, payee, min(rest_fen, coin.value_fen), challenge)
            rest_fen -= part.value_fen
            paid.append(part)
        if self._take(payee, paid, challenge):
            broken.paid(amount_fen, self.now_ms)
        else:
            broken.was_refused()

    def _payee(self, payer: Device) -> Device:
        while True:
            payee = self.random.choice(self.honest)
            if payee is not payer:
                return payee

    def _room_fen(self, device: Device) -> int:
        return self.parameters.device_limit_fen - device.balance_fen

    def _choose(self, payer: Device, amount_fen: int) -> list[Coin]:
        """The smallest coin that is enough, else several, largest first; none if all are too few.

        A broken device always takes the largest.
        """
        usable = [
            coin
            for coin in payer.coins
            if coin.hands < self.parameters.hops and coin.hops < MAX_PAID_HOPS
        ]
        enough = [coin for coin in usable if coin.value_fen >= amount_fen]
        if enough and payer.index not in self.broken:
            return [min(enough, key=lambda coin: (coin.hops, coin.value_fen))]
        chosen: list[Coin] = []
        for coin in sorted(usable, key=lambda coin: -coin.value_fen)[:MAX_CHAINS]:
            chosen.append(coin)
            amount_fen -= coin.value_fen
            if amount_fen <= 0:
                return chosen
        return []

    def _take(self, payee: Device, coins: list[Coin], challenge: bytes) -> bool:
        """Whether the payee's device takes a payment; real bytes are verified."""
        real = [coin for coin in coins if coin.chain is not None]
        if real:
            self.outcome.verified += 1
            asked_fen = sum(coin.value_fen for coin in real)
            verdict = verify(
                Payment(tuple(coin.chain for coin in real if coin.chain is not None)).encode(),
                root=self.mint.root_public,
                bundle=payee.bundle,
                now_ms=self.now_ms,
                request=Request(payee.certificate, asked_fen, challenge),
            )
            if not verdict.good:
                self.outcome.reasons[verdict.reason.name] += 1
                return False
        payee.coins += coins
        return True
