"""What officers and operators read in Chinese: acts, states, tables, the proof."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from console.act_texts import class_in_words, said
from console.cli import come_back
from console.feed_advice import advice
from console.output import Output
from console.sheet import sheet, wrapped
from dcep.authentication.v1 import authentication_pb2
from dcep.bank.v1 import states_pb2, wallets_pb2
from dcep.office.v1 import office_pb2
from language import _
from language.wide import columns_of
from runtime.errors import reason_name
from sandbox.cli import audit, stack, status
from sandbox.demo import scenario
from sandbox.demo.people import PEOPLE
from tests import chinese

KINDS = [field.name for field in office_pb2.OfficerAct.DESCRIPTOR.oneofs_by_name["kind"].fields]


@pytest.fixture(autouse=True)
def in_chinese() -> Iterator[None]:
    with chinese.reading():
        yield


@pytest.mark.parametrize("kind", KINDS)
def test_every_act_is_said(kind: str) -> None:
    act = office_pb2.OfficerAct()
    getattr(act, kind).SetInParent()
    words = said(act)
    assert "\u4e00" <= words[0] <= "\u9fff", words
    assert chinese.english_in(words) == []


def test_limits_of_a_class_are_said() -> None:
    limits = office_pb2.ClassLimits(wallet_class=2, single_fen=5_000_000, year_fen=10**10)
    assert class_in_words(limits) == "II 类 单笔 50,000.00，每年 100,000,000.00"


@pytest.mark.parametrize(
    ("states", "prefix"),
    [
        (office_pb2.ActState, "ACT_STATE_"),
        (authentication_pb2.BankState, "BANK_STATE_"),
        (states_pb2.PaymentState, "PAYMENT_STATE_"),
        (wallets_pb2.WalletStatus, "WALLET_STATUS_"),
    ],
)
def test_every_state_is_said(states: Any, prefix: str) -> None:
    for name in states.DESCRIPTOR.values_by_name:
        state = name.removeprefix(prefix).lower()
        assert state == "unspecified" or _(state) != state, state


def test_what_a_bank_lost_is_said_by_its_kinds() -> None:
    words = (*come_back.KINDS.values(), *come_back.EVENTS.values(), *status.STATES)
    for kind in words:
        assert _(kind) != kind


@pytest.mark.parametrize("columns", [40, 80])
def test_a_table_of_chinese_is_straight_and_whole(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    head = (_("bank"), _("state"), _("vault"), _("circulation"), _("reserves"))
    rows = [
        ("alpha", _("admitted"), "499,900.00", "100,000,000,000.00", "1,000,000.00"),
        ("beta", _("suspended"), "0.00", "12.50", "100,000,000,000.00"),
    ]
    text = sheet(head, rows, right=(2, 3, 4))
    chinese.check_fits(text, columns)
    for row in rows:
        assert all(cell in text for cell in row)
    if columns == 80:
        assert len({columns_of(line) for line in text.splitlines()}) == 1
    chinese.check_fits(wrapped(advice("alpha", "has acknowledged entry 7")), columns)


def test_every_page_of_advice_names_its_commands() -> None:
    for cause in ("does not lead to entry 3", "speaks of 4", "else"):
        text = advice("alpha", cause)
        assert chinese.english_in(text) == [], text


def test_the_story_has_a_chinese_title_for_each_step() -> None:
    for label in [*(step.label for step in scenario.STEPS), *(each for each, _act in PEOPLE)]:
        assert chinese.english_in(_(label)) == [] and _(label) != label


def test_the_proof_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    bank = dict.fromkeys((name for _label, name, _sign in audit.ROWS), 12_345_678_901)
    lost = {"lost_window_fen": 5, "open_lost_fen": -5, "lost_fen": 7, "bank": "alpha", "ok": True}
    names = ("paid_in", "reserves", "circulation", "offline_float", "offline_loss")
    sums = dict.fromkeys((f"{name}_fen" for name in names), 1_234_500)
    counts = ("signatures_checked", "signatures_left_out", "signatures_seed")
    sums |= dict.fromkeys(("tokens_outstanding_fen", "tokens_restored_fen", *counts), 1_234)
    fields = {
        **sums,
        "banks": [bank | lost],
        "journals": {"alpha": {"records": 1_000, "rows": 10, "ok": True}},
        "signatures": "sample",
        "signatures_seconds": 0.5,
        "problems": [],
        "ok": True,
    }
    audit.show(Output(False), fields)
    text = capsys.readouterr().out
    assert "每一分钱都有去向" in text and "123,456,789.01" in text
    assert chinese.english_in(text) == [], text


def test_a_reason_stays_a_code() -> None:
    """It is what people look for, in any language."""
    assert reason_name(57) == "INSUFFICIENT_FUNDS"
    assert _("INSUFFICIENT_FUNDS") == "INSUFFICIENT_FUNDS"


def test_warnings_are_said() -> None:
    assert "沙盒" in _(stack.KEYS_IN_FILES)
