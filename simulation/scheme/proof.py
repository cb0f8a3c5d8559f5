"""The proof after a run: nothing acknowledged is missing, nothing was made, the audit agrees."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import func, select

from auditor.audit import audit_engines
from central_bank.authentication.tables import banks
from central_bank.registration.offline.tables import losses
from dcep.purposes.v1.purposes_pb2 import PURPOSE_TOKEN_DEPOSIT
from operator_bank.payments.tables import outbound, undeliverable
from simulation.scheme.life import Done
from simulation.scheme.ports import CENTRAL, MALLORY
from simulation.scheme.steps import Life
from simulation.scheme.system import MALLORYS_PREFIX, PREFIXES, RESERVES_FEN
from wallet.online.account import HistoryEntry, entry_of

_MOST_LINES = 500


def prove(life: Life) -> None:
    """Checks a system at rest. Raises AssertionError, which says what is wrong."""
    told = {
        number: life.system.wallet(wallet).holder().history(_MOST_LINES)[0]
        for wallet, number in life.system.numbers.items()
    }
    told |= {number: _lines(life, number) for number in life.system.model.families.mandates}
    lost = {
        entry.payment_id
        for name in PREFIXES
        for entry in life.system.bank(name).lost.page(_MOST_LINES, 0)
    }
    astray_fen = sum(_astray_fen(life, wallet, told, lost) for wallet in life.system.numbers)
    mandates = life.system.model.families.mandates
    astray_fen += sum(_charged_astray_fen(life, number, told) for number in mandates)
    suspense_fen = sum(_suspense_fen(life, name) for name in PREFIXES)
    twice_fen = _given_twice_fen(life, told, lost)
    assert astray_fen + twice_fen == suspense_fen, (
        f"{astray_fen} fen did not arrive, {twice_fen} fen arrived and came back;"
        f" {suspense_fen} fen lie in suspense"
    )
    for name in PREFIXES:
        _check_returns(life, name)
    engines = {name: life.system.disks[name].engine for name in [CENTRAL, *PREFIXES]}
    audit = audit_engines(engines)
    assert not audit.problems, f"the audit names: {audit.problems}"
    _check_float(life, audit.central.offline_float_fen)
    paid_in_fen = audit.central.paid_in_fen
    assert paid_in_fen == (len(PREFIXES) + 1) * RESERVES_FEN, f"{paid_in_fen} fen are paid in"


def _suspense_fen(life: Life, name: str) -> int:
    """What lies in suspense, without what the cheating bank has sent, and what was deposited."""
    bank = life.system.bank(name)
    entries = bank.suspense.page(_MOST_LINES, 0)
    cheats_fen = sum(e.amount_fen for e in entries if e.payer_number.startswith(MALLORYS_PREFIX))
    deposits_fen = sum(e.amount_fen for e in entries if e.purpose == PURPOSE_TOKEN_DEPOSIT)
    expected_fen = life.system.model.banks[name].in_suspense_fen
    assert deposits_fen == expected_fen, (
        f"deposits of {deposits_fen} fen lie in suspense of {name}, and not {expected_fen}"
    )
    return bank.vault.books().suspense_fen - cheats_fen - deposits_fen


def _check_float(life: Life, float_fen: int) -> None:
    """What backs offline money is what the model says, and so is who bears a double spend."""
    model = life.system.model
    expected_fen = model.float.left_fen()
    assert float_fen == expected_fen, f"the float is {float_fen} fen, and not {expected_fen}"
    per_bank = select(banks.c.name, func.sum(losses.c.amount_fen)).group_by(banks.c.name)
    query = per_bank.join(losses, losses.c.borne_by == banks.c.id)
    with life.system.disks[CENTRAL].engine.connect() as connection:
        borne = {row[0]: int(row[1]) for row in connection.execute(query)}
    assert borne == model.float.borne_fen(), f"{borne} is borne, not {model.float.borne_fen()}"
    came_back = any(bank.came_back for bank in model.banks.values())
    if not (model.cheats or came_back or life.some_load_is_forgotten):
        assert float_fen == 0, f"everybody is honest and has deposited; {float_fen} fen are left"


def _astray_fen(life: Life, wallet: str, told: dict[str, list[Any]], lost: set[str]) -> int:
    """What a wallet paid and was told is settled, without having arrived, less what came back.

    Args:
        told: the lines of each wallet, by number.
        lost: ids of payments that older copies of banks did not have.
    """
    number = life.system.numbers[wallet]
    lines = told[number]
    shown_fen = life.system.wallet(wallet).holder().show().available_fen
    assert sum(line.change_fen for line in lines) == shown_fen, f"the lines of {wallet} do not add"
    assert all(line.state != "PENDING" for line in lines), f"{wallet} has a payment without an end"
    kinds = ("top-up", "cash-out")
    exchanged = {
        line.payment_id: line.change_fen for line in lines if line.kind in kinds and line.change_fen
    }
    asked = {key: fen for key, (whose, fen) in life.exchanged.items() if whose == wallet}
    missing = {key for key, _ in asked.items() - exchanged.items()} - life.gone
    unasked = exchanged.items() - asked.items()
    strange = {(key, fen) for key, fen in unasked if Done(wallet, "", fen) not in life.forgotten}
    assert not missing, f"exchanges of {wallet} were acknowledged, and are gone: {missing}"
    assert not strange, f"exchanges of {wallet} that nobody was told of: {strange}"
    sent = [line for line in lines if line.kind in ("payment", "refund") and line.moved_fen < 0]
    # What a mandate has paid is its own matter.
    sent = [line for line in sent if not line.payment_id.startswith("mandate-")]
    paid = {line.payment_id: -line.moved_fen for line in sent}
    settled = {key: said[1:] for key, said in life.settled.items() if said[0] == wallet}
    # A home that was put back signs another order under the id of a payment that its bank has lost,
    # and within the bank it is taken until the bank knows: so there may be two of one id.
    across = {
        (gone.payment_id, gone.payee_number, gone.amount_fen)
        for gone in life.system.model.settled.values()
        if gone.payment_id in lost and gone.payer_number == number and not gone.returns_payment_id
    }
    for line in sent:
        said = (line.payment_id, line.counterparty, -line.moved_fen)
        if line.payment_id not in settled and said not in across:
            done = Done(wallet, line.counterparty, line.moved_fen)
            assert done in life.forgotten, f"{line.payment_id} is paid, and nobody was told so"
            settled[line.payment_id] = said[1:]
    astray_fen = 0
    for key, payee, fen in across | {(key, *said) for key, said in settled.items()}:
        if payee not in told:
            continue  # whoever has a wallet at the cheating bank is its own business
        arrived = [line.change_fen for line in told[payee] if line.payment_id == key]
        if (key, payee, fen) not in across:
            if key in life.gone and key not in paid:
                continue
            assert paid.get(key) == fen, f"{key} was acknowledged, and is not in {wallet}'s lines"
        times = _times(life, key) if (key, payee, fen) in across else 1
        fits = len(arrived) <= times and set(arrived) <= {0, fen}
        assert fits, f"{key} of {fen} fen arrived as {arrived}"
        astray_fen += times * fen - sum(arrived)
    returns = [line for line in lines if line.kind == "return"]
    # What the cheating bank gives back had been paid to it, and is not missed.
    ours = [line for line in returns if not line.payment_id.startswith(MALLORY)]
    came_back_fen = sum(line.change_fen for line in ours)
    return astray_fen - int(came_back_fen)


def _lines(life: Life, number: str) -> list[HistoryEntry]:
    """All lines of a mandate, which nobody can ask for; none if its bank has lost it."""
    name = next(name for name, prefix in PREFIXES.items() if number.startswith(prefix))
    lines: list[HistoryEntry] = []
    if number in life.system.model.banks[name].wallets:
        bank, token = life.system.bank(name), ""
        while not lines or token:
            page, token = bank.history.page(bank.directory.get(number), _MOST_LINES, token)
            lines += [entry_of(payment, number) for payment in page]
            if not page:
                break
    return lines


def _charged_astray_fen(life: Life, number: str, told: dict[str, list[Any]]) -> int:
    """What was paid by a mandate to another bank without having arrived, less what came back."""
    settled = life.system.model.settled.values()
    sent = Counter(
        (one.payment_id, one.payee_number, one.amount_fen)
        for one in settled
        if one.payer_number == number and not (one.returns_payment_id or one.refunds_payment_id)
    )
    astray_fen = 0
    for (key, payee, fen), times in sent.items():
        arrived = [line.change_fen for line in told[payee] if line.payment_id == key]
        fits = len(arrived) <= times and set(arrived) <= {0, fen}
        assert fits, f"{key} of {fen} fen arrived as {arrived}"
        astray_fen += times * fen - sum(arrived)
    returns = [line for line in told[number] if line.kind == "return"]
    ours = [line for line in returns if not line.payment_id.startswith(MALLORY)]
    return astray_fen - int(sum(line.change_fen for line in ours))


def _times(life: Life, payment_id: str) -> int:
    """How often the central bank has settled a payment that a bank has lost.

    More than once only if its first settlement was lost by the central bank too, and a message with
    it was late: then nobody knew of it when the bank took the order again. The bank bears it.
    """
    settled = life.system.model.settled.values()
    return sum(one.payment_id == payment_id for one in settled)


def _given_twice_fen(life: Life, told: dict[str, list[Any]], lost: set[str]) -> int:
    """What a bank gave back before its older copy, which knew nothing of that, let it arrive."""
    twice_fen = 0
    for paid in life.system.model.settled.values():
        if paid.returns_payment_id and paid.payment_id in lost:
            lines = told[paid.payer_number]
            arrived = [li.change_fen for li in lines if li.payment_id == paid.returns_payment_id]
            twice_fen += sum(arrived)
    return twice_fen


def _check_returns(life: Life, bank: str) -> None:
    """Each payment that nobody could take has its return, once."""
    with life.system.disks[bank].engine.connect() as connection:
        gone = select(func.count()).where(undeliverable.c.payment_id.not_like("%return%"))
        back = select(func.count()).where(outbound.c.kind == "return")
        counts = connection.scalar(gone), connection.scalar(back)
    assert counts[0] == counts[1], (
        f"{bank} has {counts[0]} payments to return, and returned {counts[1]}"
    )
