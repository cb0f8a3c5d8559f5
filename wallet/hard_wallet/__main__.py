"""Runs a card's process: ``python -m wallet.hard_wallet --socket PATH``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from currency.amount import AmountError, parse_yuan
from runtime.clock import SystemClock
from runtime.randomness import SystemRandomness
from runtime.server import wait_for_signal
from runtime.settings import SettingsError, folder_named
from wallet.hard_wallet import card
from wallet.hard_wallet.card import FREE_FEN, HardWallet, personalise, serve
from wallet.home.home import Home, HomeError
from wallet.peers.bank_directory import BankNotFound, known_banks
from wallet.secure_element.sealed_file import SealedFile


def main() -> int:
    """Runs until SIGTERM. Returns the exit status: 0, or 2 for invalid arguments."""
    parser = argparse.ArgumentParser(prog="python -m wallet.hard_wallet", description=card.__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="where it is touched")
    parser.add_argument("--home", help="its memory; default: beside the socket, .card")
    parser.add_argument("--free", help="yuan that one payment may be without the PIN; 200")
    parser.add_argument("--limit", help="yuan that it holds at most; as allowed when left out")
    parser.add_argument("--root", help="the central bank's key for offline money, hex")
    parser.add_argument("--stack", help="a stack to take that from; or DCEP_STACK")
    arguments = parser.parse_args()
    stop = wait_for_signal()
    try:
        free_fen = parse_yuan(arguments.free) if arguments.free else FREE_FEN
        limit_fen = parse_yuan(arguments.limit) if arguments.limit else 0
        socket: Path = arguments.socket
        given = arguments.home
        home = Home(socket.with_suffix(".card") if given is None else folder_named(given))
        home.make()
        randomness = SystemRandomness()
        store = SealedFile(home.folder, randomness, lambda: "")
        if not store.read().card_root:
            root = _root(arguments.root, arguments.stack)
            pin = os.environ.get("DCEP_CARD_PIN", "")
            personalise(store, pin=pin, root=root, free_fen=free_fen, limit_fen=limit_fen)
        serve(HardWallet(store, SystemClock(), randomness), socket, stop)
    except (AmountError, BankNotFound, HomeError, OSError, SettingsError) as error:
        print(f"hard wallet: {error}", file=sys.stderr)
        return 2
    return 0


def _root(given: str | None, stack: str | None) -> bytes:
    """The root of offline money for a new card. Raises HomeError, BankNotFound or SettingsError."""
    folder = (os.environ.get("DCEP_STACK") or "stack") if stack is None else stack
    text = given or known_banks(folder_named(folder))[0].offline_root
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise HomeError("--root is a key in hexadecimal") from None


if __name__ == "__main__":
    sys.exit(main())
