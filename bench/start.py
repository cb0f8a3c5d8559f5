"""Measures how long a person waits for `wallet show` and `wallet pay`, from start to end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.harness import Measurement, Scale, compare, rate, rounds, scratch
from console.clients import issue
from sandbox.replay.grpc_peer import GrpcBankPeer
from sandbox.replay.run import wait_for_vault
from sandbox.stack.supervisor import Stack, init

_FUNDS_FEN = 1_000_000
_SHOW = ("show", "--json")


def run(scale: Scale) -> list[Measurement]:
    """Measures the commands, one result for each."""
    with scratch() as folder:
        stack = Stack(init(folder / "stack"))
        try:
            stack.up()
            issue(stack.plan, "alpha", _FUNDS_FEN)
            peer = GrpcBankPeer(stack.plan, "alpha")
            wait_for_vault(peer, _FUNDS_FEN)
            peer.close()
            wallet = _Wallet(folder)
            wallet("open", "--bank", "alpha", "--name", "A", "--json")
            wallet("topup", "1000", "--json")
            bob = _Wallet(folder, "bob")
            bob("open", "--bank", "beta", "--phone", "13800000000", "--json")
            payee = bob(*_SHOW)["number"]
            return [
                _measure(scale, wallet, "wallet-show", _SHOW),
                _measure(
                    scale, wallet, "wallet-pay-across-banks", ("pay", payee, "0.01", "--json")
                ),
            ]
        finally:
            stack.down()


class _Wallet:
    def __init__(self, folder: Path, name: str = "alice") -> None:
        self._environment = {
            **os.environ,
            "DCEP_STACK": str(folder / "stack"),
            "WALLET_HOME": str(folder / name),
        }

    def __call__(self, *words: str) -> Any:
        """Runs a command, and returns its JSON; raises CalledProcessError when it fails."""
        command = [sys.executable, "-m", "wallet.cli.main", *words]
        ran = subprocess.run(command, env=self._environment, capture_output=True, check=True)
        return json.loads(ran.stdout)


def _measure(scale: Scale, wallet: _Wallet, name: str, words: tuple[str, ...]) -> Measurement:
    count = scale.pick(10, 3, 1)

    def commands() -> float:
        return 1 / rate(count, lambda: [wallet(*words) for _ in range(count)])

    def interpreters() -> float:
        bare = [sys.executable, "-c", "pass"]
        return 1 / rate(count, lambda: [subprocess.run(bare, check=True) for _ in range(count)])

    taken, bare = rounds(scale, commands, interpreters)
    return Measurement(
        name=name,
        samples=taken,
        batch=1,
        accounts=1,
        durability={"database": "sqlite", "journal_mode": "wal", "synchronous": "FULL"},
        includes="a process from its start to its end: imports, TLS, the bank's answer",
        excludes="nothing",
        scale=scale,
        ratio_to=compare("an-empty-python-process", taken, bare),
        unit="commands",
        measure="seconds",
    )
