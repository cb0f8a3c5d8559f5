"""The history: on any terminal, searched, as a table for spreadsheets, and one payment of it."""

from __future__ import annotations

import csv
import io
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.wallet.apps import MakeApp
from tests.wallet.fake_bank import FakeBank
from tests.wallet.shell import Cli, opened
from tests.wallet.shown import NOW, WIDE
from wallet.cli.history_output import as_table, listed, told
from wallet.cli.times import TimeError, clock, parse_time, zone, zoned
from wallet.online.history import Wanted


@pytest.fixture
def alice(stack: Path, tmp_path: Path) -> Cli:
    return opened(stack, tmp_path / "alice", "Alice", "100")


@pytest.fixture
def bob(stack: Path, tmp_path: Path) -> Cli:
    cli = Cli(stack, tmp_path / "bob")
    cli.run("open", "--bank", "alpha", "--phone", "13800000001")
    return cli


def number(cli: Cli) -> str:
    return str(cli.json("show")["number"])


@pytest.mark.parametrize("width", [40, 60, 80, 100, 300])
def test_no_line_is_wider_than_the_terminal_and_no_amount_is_cut(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    _, text = listed([WIDE], "", False, [])
    lines = text.splitlines()
    assert all(cell_len(line) <= width for line in lines)
    assert any("-100,000,000,000.00" in line and "100,000,000,000.00" in line for line in lines)
    assert WIDE.payment_id in text
    assert "PAYEE_CANNOT_BE_PAID" in text.replace("\n  ", "")
    assert text.count("午") == 20
    assert zone(NOW) in lines[-1]


def test_what_a_payer_wrote_moves_no_cursor_and_is_no_formula() -> None:
    entry = replace(WIDE, memo="=1+1\x1b[2J\r\u202e|evil")
    _, text = listed([entry], "", False, [])
    assert not set("\x1b\r\u202e") & set(text)
    _, alone = told(entry)
    assert not set("\x1b\r\u202e") & set(alone)
    memo = as_table([entry])[1][-1]
    assert memo.startswith("'=1+1\\u001b")


def test_a_table_for_spreadsheets(alice: Cli, bob: Cli) -> None:
    alice.run("pay", number(bob), "12.50", "--memo", "lunch, for two")
    rows = list(csv.DictReader(io.StringIO(alice.run("history", "--csv"))))
    assert [row["change_yuan"] for row in rows] == ["-12.50", "100.00"]
    assert rows[0]["counterparty"] == number(bob)
    assert rows[0]["memo"] == "lunch, for two"
    assert rows[0]["state"] == "SETTLED"
    assert parse_time(rows[0]["time"]) > 0


def test_a_search_looks_at_words_numbers_and_times(alice: Cli, bob: Cli) -> None:
    other = number(bob)
    for fen, memo in ((1, "Rent May"), (2, "rent June"), (3, "tea")):
        alice.run("pay", other, str(fen), "--memo", memo)

    def found(*words: str) -> list[str]:
        return [item["memo"] for item in alice.json("history", *words)["items"]]

    assert found("--search", "RENT") == ["rent June", "Rent May"]
    assert found("--search", f"{other[:4]} {other[4:8]}") == ["tea", "rent June", "Rent May"]
    assert found("--search", "top-up") == [""]
    assert found("--search", "nothing like it") == []
    today = clock(int(time.time() * 1_000))[:10]
    assert found("--since", today, "--until", today, "--search", "tea") == ["tea"]
    assert found("--until", "2001-01-01") == []
    assert found("--since", "2999-01-01") == []
    limited = alice.json("history", "--search", "rent", "--limit", "1")
    assert (len(limited["items"]), limited["more"]) == (1, True)


def test_what_is_no_time_is_said_with_what_is(alice: Cli) -> None:
    for wrong in ("yesterday", "2026-13-01", "26.11.2026", "9" * 400):
        assert "2026-11-26" in alice.json("history", "--since", wrong, code=2)["message"]
    said = alice.json("history", "--since", "2026-01-01", "--page", "x", code=2)
    assert said["reason"] == "USAGE"


def test_one_payment_made_or_received(alice: Cli, bob: Cli) -> None:
    payment_id = alice.json("pay", number(bob), "12.50", "--memo", "lunch")["payment_id"]
    for side, amount in ((alice, "-12.50"), (bob, "+12.50")):
        said = side.run("payment", payment_id)
        assert payment_id in said and f"{amount} yuan" in said and "settled" in said
        assert side.json("payment", payment_id)["memo"] == "lunch"
    assert alice.json("payment", f"{number(bob)}-7", code=1)["reason"] == "PAYMENT_UNKNOWN"


def test_times_are_of_this_machine_and_a_day_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        first, last = parse_time("2026-11-26"), parse_time("2026-11-26", end=True)
        assert (zoned(first), last - first) == ("2026-11-26T00:00:00+08:00", 86_400_000 - 1)
        assert parse_time("2026-11-26 18:16", end=True) - parse_time("2026-11-26 18:16") == 59_999
        assert parse_time("2026-11-26T10:16:03+00:00") == parse_time("2026-11-26 18:16:03")
        assert zone(first) == "UTC+08:00"
    finally:
        monkeypatch.undo()
        time.tzset()
    with pytest.raises(TimeError):
        parse_time("")


def test_a_long_past_is_read_page_by_page_until_it_is_old_enough(
    make_app: MakeApp, bank: FakeBank
) -> None:
    from wallet.online.history import find

    holder = make_app("alice").holder()
    for _ in range(1_100):
        holder.top_up(1)
        bank.clock.advance(1_000)  # type: ignore[attr-defined]
    asked: list[str] = []
    pages = bank.list_payments

    def counted(query: object, size: int, token: str) -> object:
        asked.append(token)
        return pages(query, size, token)  # type: ignore[arg-type]

    bank.list_payments = counted  # type: ignore[method-assign, assignment]
    newest = holder.history(1)[0][0].time_ms
    asked.clear()
    found, more = find(holder, Wanted(since_ms=newest - 10_000), 500, lambda _: None)
    assert (len(found), more, len(asked)) == (11, False, 2)
    found, more = find(holder, Wanted(), 1_050, lambda _: None)
    assert (len(found), more) == (1_050, True)


def test_a_search_that_finds_nothing_does_not_say_that_there_is_nothing(alice: Cli) -> None:
    assert "Nothing like that is in the history." in alice.run("history", "--search", "zzz")
    assert "Nothing yet." not in alice.run("history", "--until", "2001-01-01")


def test_a_phone_is_taken_as_people_write_it(stack: Path, tmp_path: Path) -> None:
    bob = Cli(stack, tmp_path / "bob")
    said = bob.run("open", "--bank", "alpha", "--phone", "call me", code=2)
    assert "'call me' is not a phone number; write it like 13800000001" in said
    bob.run("open", "--bank", "alpha", "--phone", "＋86 (138) 0000-0001")
    assert json.loads((bob.home / "wallet.json").read_text())["phone"] == "+86 138 0000 0001"
