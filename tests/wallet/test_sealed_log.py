"""A change is written as what has changed, may be cut at any byte, and comes in its place only."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offline_token.limits import MAX_BUNDLE_BYTES
from runtime.clock import ManualClock
from runtime.errors import Refusal
from runtime.randomness import SeededRandomness, SystemRandomness
from tests.offline.country import NOW, Country, key_of
from tests.offline.purses import WALLET, purse
from tests.wallet.cut_disk import CutDisk, PowerCut
from tests.wallet.test_sealed_file import FILES, copied, count, opened, put_back, tried
from wallet.secure_element import changes
from wallet.secure_element.device_errors import DeviceError, PinError, RolledBack
from wallet.secure_element.element import SecureElement
from wallet.secure_element.interface import Limits
from wallet.secure_element.limits import MIN_LOG_BYTES
from wallet.secure_element.sealed_file import SealedFile
from wallet.secure_element.sealed_log import SealedLog
from wallet.secure_element.sealing import Seal, closed
from wallet.secure_element.signer import seed_key
from wallet.secure_element.state import HeldKey, HeldPiece, State

COUNTRY = Country()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> CutDisk:
    return CutDisk(monkeypatch)


def fill(store: SealedFile, pieces: int) -> None:
    """Puts so many pieces into a state, of the length that a fresh token has."""
    more = [HeldPiece(f"{at:0356x}", 0, 1, "11" * 32) for at in range(pieces)]
    store.change(lambda state: state.pieces.extend(more))


# What is written.


def test_an_entry_is_as_long_as_what_changed_however_much_there_is(tmp_path: Path) -> None:
    lengths = []
    for pieces in (1, 1_000):
        folder = tmp_path / str(pieces)
        folder.mkdir()
        store = opened(folder)
        fill(store, pieces)
        before = copied(folder, "device.log", "device.sealed")
        count(store)
        after = copied(folder, "device.log", "device.sealed")
        assert after["device.sealed"] == before["device.sealed"]
        lengths.append(len(after["device.log"]) - len(before["device.log"]))
    assert lengths[0] == lengths[1] < 200


def test_a_payment_costs_the_same_with_ten_pieces_and_with_a_thousand(tmp_path: Path) -> None:
    """The payment, the change, the payee's certificate, the time: nothing of the other pieces."""
    costs: list[list[int]] = []
    bob = purse(COUNTRY, "bob").element
    for pieces in (10, 1_000):
        folder = tmp_path / str(pieces)
        folder.mkdir()
        device = Device(folder)
        element = device.element(folder, 1)
        minted = [COUNTRY.mint(COUNTRY.alice, 100, number=at) for at in range(1, pieces)]
        element.load([chain.token.encode() for chain in minted])
        assert len(element.pieces()) == pieces
        element.pay(bob.request(300))  # the piece that she began with
        costs.append([])
        for _ in range(5):
            before = copied(folder, "device.sealed", "device.log")
            element.pay(bob.request(60))
            after = copied(folder, "device.sealed", "device.log")
            assert after["device.sealed"] == before["device.sealed"]
            costs[-1].append(len(after["device.log"]) - len(before["device.log"]))
    few, many = costs
    assert max(few + many) - min(few + many) < 60
    assert max(few + many) < 4_000 < len(after["device.sealed"]) / 50


def test_what_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path)
    count(store)
    before = copied(tmp_path, *FILES)
    assert store.change(lambda state: len(state.keys)) == 0
    assert copied(tmp_path, *FILES) == before


def test_the_log_begins_anew_when_it_is_as_long_as_the_state(tmp_path: Path, disk: CutDisk) -> None:
    """So each change costs about twice its own bytes, over many, however much there is."""
    store = opened(tmp_path)
    fill(store, 200)
    wholes, longest, written, length = 0, 0, 0, len(copied(tmp_path, "device.log")["device.log"])
    for at in range(100):
        before = copied(tmp_path, "device.sealed")["device.sealed"]
        store.change(lambda state, at=at: setattr(state, "card_root", f"{at:04d}" * 1_000))
        after, log = (copied(tmp_path, name)[name] for name in ("device.sealed", "device.log"))
        is_whole = after != before
        wholes += is_whole
        written += len(after) if is_whole else len(log) - length
        length = len(log)
        longest = max(longest, length)
    assert 3 <= wholes <= 5
    assert 80_000 < len(after) < longest < 2 * len(after)
    assert written < 2.2 * 100 * 4_150
    assert opened(tmp_path).read().card_root == "0099" * 1_000


def test_commands_that_only_give_the_right_pin_do_not_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallet.secure_element.sealing.stretched", lambda pin, salt: pin.encode())
    monkeypatch.setattr("wallet.secure_element.sealed_file.MIN_LOG_BYTES", 2_000)
    opened(tmp_path).set_pin("2468")
    longest = 0
    for _ in range(60):
        opened(tmp_path, "2468").read()
        longest = max(longest, len(copied(tmp_path, "device.log")["device.log"]))
    assert 2_000 < longest < 4_000
    assert tried(tmp_path) == 0


# What was put back, cut off, altered.


def test_a_log_that_was_put_back_or_shortened_is_refused(tmp_path: Path) -> None:
    store = opened(tmp_path)
    logs = []
    for _ in range(4):
        count(store)
        logs.append(copied(tmp_path, "device.log"))
    for old in logs[:-1]:
        put_back(tmp_path, old)
        with pytest.raises(RolledBack):
            opened(tmp_path).read()
    whole = logs[-1]["device.log"]
    for end in range(len(logs[-2]["device.log"]), len(whole)):
        put_back(tmp_path, {"device.log": whole[:end]})
        with pytest.raises(RolledBack):
            opened(tmp_path).read()
    put_back(tmp_path, logs[-1])
    assert count(opened(tmp_path)) == 5


def test_entries_of_another_place_or_another_time_do_not_count(tmp_path: Path) -> None:
    """Left out, doubled, swapped, taken from another state, or passed off as a whole one."""
    store, ends = opened(tmp_path), [0]
    for _ in range(3):
        count(store)
        ends.append(len(copied(tmp_path, "device.log")["device.log"]))
    log = copied(tmp_path, "device.log")["device.log"]
    first, second, third = (log[a:b] for a, b in pairwise(ends))
    for altered in (
        first + third,
        second + third,
        first + first + second + third,
        first + third + second,
        second + first + third,
        first + second + bytes(len(third)),
    ):
        put_back(tmp_path, {"device.log": altered})
        with pytest.raises(RolledBack):
            opened(tmp_path).read()
    put_back(tmp_path, {"device.log": first + second})
    sealed = copied(tmp_path, "device.sealed")["device.sealed"]
    put_back(tmp_path, {"device.sealed": sealed[:6] + third[4:]})
    with pytest.raises(DeviceError, match="altered"):
        opened(tmp_path).read()
    put_back(tmp_path, {"device.sealed": sealed, "device.log": log})
    assert count(opened(tmp_path)) == 4


def test_entries_of_two_histories_do_not_make_a_third(tmp_path: Path) -> None:
    """Both are the device's own, from a moment when all files were put back."""
    count(opened(tmp_path))
    before, begin = copied(tmp_path, *FILES), len(copied(tmp_path, "device.log")["device.log"])
    entries = []
    for fen in (10, 20):
        put_back(tmp_path, before)
        store, ends = opened(tmp_path), [begin]
        for name in ("single_limit_fen", "total_limit_fen"):
            store.change(lambda state, name=name, fen=fen: setattr(state, name, fen))
            ends.append(len(copied(tmp_path, "device.log")["device.log"]))
        log = copied(tmp_path, "device.log")["device.log"]
        entries.append([log[a:b] for a, b in pairwise(ends)])
    put_back(tmp_path, {"device.log": log[:begin] + entries[0][0] + entries[1][1]})
    with pytest.raises(RolledBack):
        opened(tmp_path).read()
    put_back(tmp_path, {"device.log": log})
    assert opened(tmp_path).read().single_limit_fen == 20


def test_who_has_the_seal_and_not_the_pin_makes_no_entry_of_an_older_ones_content(
    tmp_path: Path,
) -> None:
    """He can write heads. A change that is repeated would be a piece that is there twice."""
    store = opened(tmp_path)
    store.set_pin("2468")
    for _ in range(2):
        count(store)
    found, seal = store._found(), Seal(tmp_path / "device.seal", SystemRandomness())
    assert found is not None
    forged = replace(found.newest.next(), box=found.entries[0].box)
    data = closed(forged, seal.heads_key())
    SealedLog(tmp_path / "device.log").append(found.log_end, data)
    with pytest.raises(DeviceError, match="altered"):
        store.read()


def test_a_state_from_before_with_the_log_of_now_is_refused(tmp_path: Path) -> None:
    store = opened(tmp_path)
    count(store)
    before = copied(tmp_path, "device.sealed", "device.log")
    store.set_pin("2468")
    store.set_pin("")
    count(store)
    for name, data in before.items():
        now = copied(tmp_path, "device.sealed", "device.log")
        put_back(tmp_path, {name: data})
        with pytest.raises(RolledBack):
            opened(tmp_path).read()
        put_back(tmp_path, now)
    assert count(opened(tmp_path)) == 3


# Cuts.


def test_an_entry_may_be_cut_at_any_byte_and_anything_may_lie_behind(
    tmp_path: Path, disk: CutDisk
) -> None:
    """Before its last byte nothing has happened; behind it, the change is there."""
    count(opened(tmp_path))
    before = copied(tmp_path, *FILES)
    disk.cut_after(None)
    count(opened(tmp_path))
    places = disk.passed
    entry = len(copied(tmp_path, "device.log")["device.log"]) - len(before["device.log"])
    assert places == entry + 1 + 2
    for cut in range(places):
        put_back(tmp_path, before)
        disk.cut_after(cut, (b"", bytes(500), b"\xff" * 500)[cut % 3])
        with pytest.raises(PowerCut):
            count(opened(tmp_path))
        disk.cut_after(None)
        happened = cut >= entry
        assert opened(tmp_path).read().clock_ms == (2 if happened else 1)
        assert count(opened(tmp_path)) == (3 if happened else 2)
        assert opened(tmp_path).read().clock_ms == (3 if happened else 2)


def test_a_state_written_whole_may_be_cut_before_its_mark_and_before_its_log_is_cleared(
    tmp_path: Path, disk: CutDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path)
    for _ in range(5):
        count(store)
    before = copied(tmp_path, *FILES)
    monkeypatch.setattr("wallet.secure_element.sealed_file.MIN_LOG_BYTES", 1)
    disk.cut_after(None)
    count(opened(tmp_path))
    assert copied(tmp_path, "device.log")["device.log"] == b""
    assert disk.passed == 2 + 2 + 1  # the state, its mark, the log
    for cut in range(disk.passed):
        put_back(tmp_path, before)
        disk.cut_after(cut)
        with pytest.raises(PowerCut):
            count(opened(tmp_path))
        disk.cut_after(None)
        happened = 6 if cut >= 1 else 5
        monkeypatch.setattr("wallet.secure_element.sealed_file.MIN_LOG_BYTES", MIN_LOG_BYTES)
        assert opened(tmp_path).read().clock_ms == happened
        assert count(opened(tmp_path)) == happened + 1
        assert opened(tmp_path).read().clock_ms == happened + 1
        monkeypatch.setattr("wallet.secure_element.sealed_file.MIN_LOG_BYTES", 1)


def test_what_cut_writes_have_left_beside_is_swept_away_with_the_next_whole_state(
    tmp_path: Path,
) -> None:
    store = opened(tmp_path)
    count(store)
    for name in ("device.sealed.4711.new", "device.mark.4712.new", "device.seal.4713.new"):
        (tmp_path / name).write_bytes(bytes(100))
    (tmp_path / "wallet.json.4714.new").write_bytes(b"another's")
    store.set_pin("2468")
    assert [path.name for path in tmp_path.glob("*.new")] == ["wallet.json.4714.new"]
    assert opened(tmp_path, "2468").read().clock_ms == 1


def test_a_try_that_is_cut_is_counted_or_was_not_evaluated(
    tmp_path: Path, disk: CutDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(tmp_path).set_pin("2468")
    before, evaluated = copied(tmp_path, *FILES), 0

    def evaluate(pin: str, salt: bytes) -> bytes:
        nonlocal evaluated
        evaluated += 1
        return bytes(32)

    monkeypatch.setattr("wallet.secure_element.sealing.stretched", evaluate)
    disk.cut_after(None)
    with pytest.raises(PinError):
        opened(tmp_path, "0000").read()
    assert evaluated == 1
    places = disk.passed
    for cut in range(places):
        put_back(tmp_path, before)
        evaluated = 0
        disk.cut_after(cut)
        with pytest.raises(PowerCut):
            opened(tmp_path, "0000").read()
        disk.cut_after(None)
        assert (evaluated, tried(tmp_path)) in [(0, 0), (0, 1)]


# Whatever happens, wherever it is cut.

NAMES = ("alice", "bob")
ACTS = st.sampled_from(
    ["load", "pay", "be paid", "limits", "deposit", "end", "refuse", "back", "trust"]
)
STEPS = st.lists(st.tuples(ACTS, st.integers(1, 300), st.integers(0, 5_000)), max_size=7)


class Device:
    """Alice's device on a disk, and one that she deals with, in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        store = opened(folder)
        seed = seed_key(bytes(key_of("alice")))
        store.change(lambda state: state.keys.append(seed))
        self.tokens = 0
        element = self.element(folder, 0)
        made = COUNTRY.alice.certificate.encode()
        element.certify(made, COUNTRY.bank_certificate("alpha").encode())
        element.trust(COUNTRY.root_public + COUNTRY.bundle().encode())
        element.load([COUNTRY.mint(COUNTRY.alice, 300, number=10_000).token.encode()])

    def element(self, folder: Path, seed: int) -> SecureElement:
        """As a new process opens it; what it draws follows from the seed."""
        return SecureElement(opened(folder), ManualClock(NOW), SeededRandomness(seed))

    def act(self, what: str, fen: int, step: int) -> Callable[[SecureElement], object]:
        """Something that a device is asked; the same asked of a copy has the same answer."""
        bob = self._bob(step)
        if what == "load":
            token = COUNTRY.mint(COUNTRY.alice, fen, number=step + 1).token.encode()
            return lambda element: element.load([token])
        if what == "pay":
            request = bob.request(fen)
            return lambda element: element.pay(request)
        if what == "be paid":
            request = self.element(self.folder, 100 + step).request(fen)
            payment = bob.pay(request)
            return lambda element: element.accept(payment)
        if what == "limits":
            return lambda element: element.set_limits(Limits(fen, 10_000))
        if what == "deposit":
            return lambda element: element.begin_deposit("alpha", WALLET)
        if what == "back":
            back = self._given_back(bob, fen, step)
            return lambda element: element.take_back(back)
        if what == "trust":
            newer = COUNTRY.bundle(created_time_ms=NOW + fen)
            return lambda element: element.trust(COUNTRY.root_public + newer.encode())
        known = self.element(self.folder, 0).begin_deposit("alpha", WALLET)[:1] or [b""]
        if what == "end":
            return lambda element: element.end_deposit(known[0])
        return lambda element: element.refuse_deposit(known[0], b"", "no")

    def _bob(self, step: int) -> SecureElement:
        made = purse(COUNTRY, "bob", 300).element
        made._randomness = SeededRandomness(1_000 + step)  # other challenges each time
        return made

    def _given_back(self, bob: SecureElement, fen: int, step: int) -> bytes:
        """What she has paid and is given back: a payment of another amount than was asked."""
        request = bob.request(fen)
        payment = self.element(self.folder, 200 + step).pay(request)
        bob.set_limits(Limits(0, 300))
        return bob.give_back(payment)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS, log_bytes=st.sampled_from([1, 3_000, MIN_LOG_BYTES]))
def test_whatever_is_cut_the_state_is_the_one_before_or_the_one_after(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, int, int]],
    log_bytes: int,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wallet.secure_element.sealed_file.MIN_LOG_BYTES", log_bytes)
        disk = CutDisk(patch)
        device = Device(tmp_path_factory.mktemp("device"))
        for number, (what, fen, cut) in enumerate(steps):
            try:
                act = device.act(what, fen, number)
            except Refusal:
                continue  # there is not so much to pay, or nothing to deposit
            _cut_somewhere(device, disk, act, number, cut)


def _cut_somewhere(
    device: Device, disk: CutDisk, act: Callable[[SecureElement], object], number: int, cut: int
) -> None:
    """Does it on a copy to know what comes of it; then to the device, and cuts."""
    before = opened(device.folder).read()
    twin = device.folder.with_name(device.folder.name + f"-{number}")
    shutil.copytree(device.folder, twin)
    disk.cut_after(None)
    answer = _asked(device.element(twin, number), act)
    places, after = disk.passed, opened(twin).read()
    shutil.rmtree(twin)
    disk.cut_after(cut % (places + 1))
    with suppress(PowerCut):
        _asked(device.element(device.folder, number), act)
    disk.cut_after(None)
    found = opened(device.folder).read()
    assert found in (before, after)
    assert _asked(device.element(device.folder, number), act) == answer or isinstance(answer, str)


def _asked(element: SecureElement, act: Callable[[SecureElement], object]) -> object:
    """The answer, or the reason why not."""
    try:
        return act(element)
    except Refusal as refusal:
        return refusal.name


# A change says exactly what changed.

TEXT = st.text("abc", max_size=3)
PIECES = st.builds(
    HeldPiece, TEXT, st.integers(0, 1), st.integers(1, 9), TEXT, depositing=st.booleans()
)
STATES = st.builds(
    State,
    keys=st.lists(st.builds(HeldKey, TEXT, TEXT, shown=st.booleans()), max_size=4),
    pieces=st.lists(PIECES, max_size=6),
    tokens=st.dictionaries(TEXT, st.integers(0, 9), max_size=6),
    paid=st.dictionaries(TEXT, st.tuples(TEXT, TEXT), max_size=4),
    unconfirmed=st.lists(TEXT, max_size=4),
    clock_ms=st.integers(0, 9),
    bundle=st.binary(max_size=6),
)


@settings(max_examples=300, deadline=None)
@given(STATES, STATES)
def test_a_change_applied_to_the_one_state_gives_the_other_in_the_same_order(
    one: State, other: State
) -> None:
    before, state = changes.noted(one), State.decode(one.encode())
    change = changes.change_since(before, other)
    if change:
        changes.apply(state, change)
    assert state.encode() == other.encode()


@settings(max_examples=150, deadline=None)
@given(STATES, st.data())
def test_rows_that_go_stay_alter_and_come_leave_the_others_unwritten(
    state: State, data: st.DataObject
) -> None:
    state.pieces = list({f"{p.output} {p.chain}": p for p in state.pieces}.values())
    marked = [HeldPiece(f"kept {at}", 0, 1, "x") for at in range(5)]
    state.pieces[2:2] = marked
    before, kept = changes.noted(state), copy.deepcopy(state)
    for piece in data.draw(st.lists(st.sampled_from(state.pieces), unique_by=id, max_size=3)):
        if piece in marked or data.draw(st.booleans()):
            piece.why = "altered"
        else:
            state.pieces.remove(piece)
    state.pieces.append(HeldPiece("new", 0, 7, "x"))
    change = changes.change_since(before, state)
    unwritten = [piece.chain for piece in marked if not piece.why]
    assert not any(chain.encode() in change for chain in unwritten)
    changes.apply(kept, change)
    assert kept == state


def test_what_is_no_change_of_a_state_is_refused() -> None:
    for broken in (
        *(b"x", b"[]", b'{"unheard": 1}', b'{"pieces": [[5], [], []]}', b'{"keys": 3}'),
        *(
            b'{"bundle": 3}',
            b'{"bundle": [1, 0]}\nx',
            b'{"bundle": [0, 1]}',
            b'{"bundle": [-1, 0]}',
        ),
        *(b'{"bundle": [0, -1]}', b'{"bundle": ["", 0]}', b'{"bundle": "x"}'),
    ):
        with pytest.raises(ValueError):
            changes.apply(State(), broken)


def size(folder: Path, name: str) -> int:
    return (folder / name).stat().st_size if (folder / name).exists() else 0


def test_the_largest_trust_bundle_takes_its_own_bytes_and_a_newer_one_what_is_other(
    tmp_path: Path,
) -> None:
    """Sealed as everything else: what lies on the disk shows nothing of it."""
    store, source = opened(tmp_path), Random(1)
    first = source.randbytes(MAX_BUNDLE_BYTES)
    head, its_filter = source.randbytes(6_000), first[6_000:]

    def keep(bundle: bytes) -> Callable[[State], None]:
        return lambda state: setattr(state, "bundle", bundle)

    store.read()
    before = size(tmp_path, "device.log")
    store.change(keep(first))
    assert MAX_BUNDLE_BYTES < size(tmp_path, "device.log") - before < MAX_BUNDLE_BYTES + 300
    whole = size(tmp_path, "device.log")
    store.change(keep(head + its_filter))
    assert size(tmp_path, "device.sealed") + size(tmp_path, "device.log") < whole + 7_500
    while size(tmp_path, "device.sealed") < MAX_BUNDLE_BYTES:
        store.change(lambda state: setattr(state, "ring", source.randbytes(1_000).hex()))
    opened(tmp_path).change(lambda state: setattr(state, "ring", ""))
    assert opened(tmp_path).read().bundle == head + its_filter
    kept = size(tmp_path, "device.sealed")
    assert kept <= 64 * 1_024
    for name in ("device.sealed", "device.log"):
        data = (tmp_path / name).read_bytes()
        assert its_filter[:16] not in data and its_filter[:16].hex().encode() not in data


def test_a_state_and_a_change_with_the_bundle_in_hex_are_read(tmp_path: Path) -> None:
    """As an earlier version wrote them."""
    line, _, _ = State(clock_ms=7).encode().partition(b"\n")
    earlier = line[:-1] + b',"bundle":"0102"}'
    assert State.decode(earlier) == State(clock_ms=7, bundle=b"\1\2")
    state = State(bundle=b"\1")
    changes.apply(state, b'{"bundle":"0a0b"}')
    assert state.bundle == b"\n\x0b"


def test_a_write_of_a_trust_bundle_that_is_cut_anywhere_leaves_the_one_before_or_the_new_one(
    tmp_path: Path, disk: CutDisk
) -> None:
    before, after = Random(1).randbytes(20), Random(2).randbytes(20)
    found = set()
    for places in range(700):
        folder = tmp_path / str(places)
        folder.mkdir()
        store = opened(folder)
        store.change(lambda state: setattr(state, "bundle", before))
        disk.cut_after(places)
        try:
            store.change(lambda state: setattr(state, "bundle", after))
        except PowerCut:
            pass
        else:
            break
        finally:
            disk.cut_after(None)
        found.add(opened(folder).read().bundle)
    assert found == {before, after}
