"""A wallet whose holder reads Chinese: on a wide terminal and on a narrow one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from language.wide import broken, columns_of
from offline_token.verify import Reason
from tests import chinese
from tests.offline.devices import make_device
from tests.offline.signers import Signers
from tests.wallet.fake_bank import FakeBank
from tests.wallet.shell import Cli, opened
from tests.wallet.shown import PROFILE, WIDE
from wallet.cli.console import Output
from wallet.cli.history_output import listed, told
from wallet.cli.main import app
from wallet.cli.offline_output import payment_returned
from wallet.cli.offline_texts import limited, shown
from wallet.cli.reason_texts import sentence
from wallet.offline.outcomes import LinkRefused, PaymentReturn, PaymentReturned
from wallet.secure_element.interface import Limits, Rules
from wallet.secure_element.refusals import bad
from wallet.secure_element.refusals import said as why_not


@pytest.fixture
def alice(stack: Path, tmp_path: Path, grpc_bank: FakeBank) -> Cli:
    grpc_bank.signers = Signers()
    return opened(stack, tmp_path / "alice", "Alice", "1000")


@pytest.fixture(autouse=True)
def in_chinese() -> Iterator[None]:
    with chinese.reading():
        yield


def read(cli: Cli, *words: str, code: int = 0, columns: int = 80) -> str:
    """What a person reads; nothing in it is English."""
    done = CliRunner().invoke(
        app,
        ["--home", str(cli.home), *words],
        env={"DCEP_STACK": str(cli.stack), "COLUMNS": str(columns)},
    )
    assert done.exit_code == code, (done.output, done.exception)
    assert chinese.english_in(done.output) == [], done.output
    return done.output


def test_a_day_with_a_wallet(alice: Cli, grpc_bank: FakeBank) -> None:
    bob = Cli(alice.stack, alice.home.parent / "bob")
    assert "钱包" in read(bob, "open", "--bank", "alpha", "--phone", "13800000001")
    number = str(bob.json("show")["number"])
    assert "充入 100.00 元；可用 1,100.00 元。" in read(alice, "topup", "100")
    assert f"已付 12.50 元给 {number}" in read(alice, "pay", number, "12.50", "--memo", "午饭")
    assert "余额不足" in read(alice, "pay", number, "2000", code=1)
    assert "校验位" in read(alice, "pay", number[:-2] + "00", "1", code=2)
    assert "可能指两种金额" in read(alice, "pay", number, "12,50", code=2)
    assert "付款给" in read(alice, "history")
    payment = alice.json("history")["items"][0]["payment_id"]
    assert "附言" in read(alice, "payment", payment)
    assert "没有付出或收到过" in read(alice, "payment", "1-1", code=1)
    assert "装入 200.00 元；可离线支付 200.00 元。" in read(alice, "offline", "load", "200")
    assert "离线 200.00 元" in read(alice, "offline", "show")
    text = bob.json("offline", "request", "150")["text"]
    assert "请再加上 --yes" in read(alice, "offline", "pay", text, "--amount", "150", code=2)
    assert "自设" in read(alice, "offline", "limit")
    assert "存回 200.00 元" in read(alice, "offline", "deposit")
    grpc_bank.down = True
    assert "银行 alpha 没有应答" in read(alice, "show", code=3)


@pytest.mark.parametrize("columns", [40, 80])
def test_tables_fit_and_no_amount_is_cut(
    alice: Cli, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    signers = Signers()
    holder = make_device(signers, "alice", 10_000_000, 5)
    wide = signers.bundle(created_time_ms=signers.bundle().created_time_ms + 1, max_value_fen=100)
    holder.element.trust.follow(signers.root_public + wide.encode())
    texts = [
        listed([WIDE], "", False, [])[1],
        told(WIDE)[1],
        "\n".join(
            each for each in shown(PROFILE, holder.element)[1].splitlines() if each[0] == " "
        ),
        limited(Limits(10**12, 10**13), Rules(10**12, 10**13, 16))[1],
    ]
    texts.append(read(alice, "show", columns=columns))
    for text in texts:
        chinese.check_fits(text, columns)
        assert chinese.english_in(text.replace(WIDE.memo, "")) == []


def test_columns_stand_below_each_other() -> None:
    rows = limited(Limits(10_000, 20_000), None)[1].splitlines()
    own, rule = rows[1:3]
    assert columns_of(own[: own.index("100.00")]) == columns_of(rule[: rule.index("未知")])


@pytest.mark.parametrize("width", [24, 40])
def test_lines_are_broken_between_characters_and_never_within_an_amount(width: int) -> None:
    text = "已付 1,234.00 元给 6201000000000012（“午饭”）；可用 9,999.00 元。"
    lines = broken(text, width, "  ")
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    for amount in ("1,234.00", "9,999.00", "6201000000000012"):
        assert any(amount in line for line in lines)
    assert not any(line.lstrip()[:1] in "，。；）" for line in lines)


def test_every_verdict_on_offline_money_has_its_words() -> None:
    for reason in Reason:
        refusal = bad(reason)
        said, following = sentence(refusal.name, refusal.message, refusal.metadata)
        assert chinese.english_in(said + following) == []


def test_programs_read_what_they_read_in_english(alice: Cli) -> None:
    """The command line leaves English as it is for programs; the fields have no language."""
    item = alice.json("history")["items"][0]
    assert (item["kind"], item["state"]) == ("top-up", "SETTLED")
    head = CliRunner().invoke(app, ["--home", str(alice.home), "history", "--csv"]).output
    assert head.startswith("time,payment_id,kind,state,reason,counterparty,change_yuan")
    assert ",top-up,SETTLED,," in head


@pytest.mark.parametrize("reason", list(Reason)[1:])
def test_why_a_payment_was_not_taken_is_said_in_chinese(
    reason: Reason, capsys: pytest.CaptureFixture[str]
) -> None:
    why = why_not(reason)
    _fields, text = payment_returned(PaymentReturned("DCEPB1", why), None, over_link=True)
    assert chinese.english_in(text) == []
    for error in (PaymentReturn(100, why), LinkRefused(why)):
        with pytest.raises(SystemExit), Output(False).failures():
            raise error
    assert chinese.english_in(capsys.readouterr().err) == []
