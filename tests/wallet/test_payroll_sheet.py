"""A file of payments is read as offices write it, and all that is wrong is said by line."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from currency.amount import MAX_AMOUNT_FEN, format_yuan
from currency.number import NumberError, make
from tests.wallet.fake_bank import PREFIX
from tests.wallet.sheets import HEAD, numbers
from wallet import limits
from wallet.payroll import sheet as reader
from wallet.payroll.sheet import SheetError, payee_of, read_sheet

A, B, C = numbers(3)
SHORT = "payee,name,amount\n"


def problems(text: str, own: str = "") -> list[tuple[int, str]]:
    return [tuple(found) for found in read_sheet(text.encode(), own).problems]


@pytest.mark.parametrize(
    ("encoding", "named"),
    [("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("gb18030", "GB18030"), ("gbk", "GB18030")],
)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_and_separators_of_spreadsheets_are_told_apart(
    encoding: str, named: str, separator: str, end: str
) -> None:
    lines = [
        ["钱包编号", "姓名", "金额（元）", "备注"],
        [A, "王伟", "￥8500.50", "十一月工资"],
        [B, "李娜", "１２", ""],
    ]
    content = end.join(separator.join(line) for line in lines).encode(encoding)
    sheet = read_sheet(content)
    assert sheet.problems == []
    assert [row[1:5] for row in sheet.rows] == [
        (A, "王伟", 850_050, "十一月工资"),
        (B, "李娜", 1_200, ""),
    ]
    assert (sheet.encoding, sheet.total_fen) == (named, 851_250)


@pytest.mark.parametrize(
    "header",
    [
        "payee,name,amount",
        "Wallet Number,NAME,Amount (yuan)",
        " 收款钱包 ,户名,实发工资",
        "ＰＡＹＥＥ,name,金额(元)",
    ],
)
def test_headers_are_named_as_people_name_them(header: str) -> None:
    assert len(read_sheet(f"{header}\n{A},Ann,1\n".encode()).rows) == 1


def test_columns_may_stand_in_any_order_and_others_are_left_out_and_named() -> None:
    sheet = read_sheet(f"dept;amount;name;payee\nIT;1.00;Ann;{A}\n;;;\n".encode())
    assert [row[1:5] for row in sheet.rows] == [(A, "Ann", 100, "")]
    assert sheet.unused == ["dept"]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (f"{A[:15]},Ann,1", "has 16 digits, not 15"),
        (f"{A[:15]}{(int(A[15]) + 1) % 10},Ann,1", "check digit"),
        ("6.20E+15,Ann,1", "a spreadsheet has shortened"),
        (",Ann,1", "the wallet number is missing"),
        (",合计,1", "the sheet's total"),
        (f"{A},,1", "the name is missing"),
        (f"{A},\u3000,1", "the name is missing"),
        (f"{A},{'x' * (limits.MAX_NAME + 1)},1", "the name has"),
        (f"{A},A\x07nn,1", "cannot be printed"),
        (f"{A},Ann,", "the amount is missing"),
        (f"{A},Ann", "the amount is missing"),
        (f"{A},Ann,0", "more than zero"),
        (f"{A},Ann,-5", "no sign"),
        (f'{A},Ann,"12,50"', "two amounts"),
        (f"{A},Ann,1.234", "more than two decimals"),
        (f"{A},Ann,1e3", "not an amount"),
        (f"{A},Ann,=1+1", "not an amount"),
        (f"{A},Ann,100000000000.01", "too large"),
        (f"{A},Ann,NaN", "not an amount"),
    ],
)
def test_what_is_wrong_with_a_row_is_said_with_its_line(row: str, says: str) -> None:
    ((line, said),) = problems(f"{SHORT}{B},Ben,1\n{row}\n")
    assert line == 3
    assert says in said


def test_everything_that_is_wrong_is_said_not_only_the_first() -> None:
    found = problems(f"{SHORT}1,,0\n{A},Ann,1\n{B},,x\n")
    assert [line for line, _said in found] == [2, 2, 2, 4, 4]


def test_a_wallet_is_paid_once_in_a_file_and_the_payer_never() -> None:
    spaced = f"{A[:4]} {A[4:8]} {A[8:12]} {A[12:]}"
    found = problems(f"{SHORT}{A},Ann,1\n{spaced},Ann,2\n{B},Ben,1\n", own=B)
    assert found == [
        (3, f"{A} is paid in line 2 already; put both into one row"),
        (4, "this is the payer's own wallet"),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("\n,,\n", "empty"),
        (SHORT, "nothing to pay"),
        (f"{A},Ann,1\n", "no column is called payee"),
        (f"payee,name\n{A},Ann\n", "no column is called amount / 金额"),
        (f"payee,name,amount,Yuan\n{A},Ann,1,1\n", "two columns are called Yuan"),
        (f'{SHORT}{A},"Ann,1\n{B},Ben,1\n', "quotation mark"),
        (f'{SHORT}{A},"An"n,1\n{B},Ben,1\n', "quotation mark"),
    ],
)
def test_what_is_wrong_with_the_file_is_said(text: str, says: str) -> None:
    found = problems(text)
    assert any(says in said for _line, said in found), found


@pytest.mark.parametrize(
    "content",
    [
        f"{SHORT}{A},Ann,1\n".encode("utf-16"),
        b"PK\x03\x04workbook",
        b"\xd0\xcf\x11\xe0old workbook",
        SHORT.encode() + b"\xff\xff\xff,x,1\n",
    ],
)
def test_what_is_no_csv_is_told_how_to_be_saved(content: bytes) -> None:
    with pytest.raises(SheetError, match="CSV UTF-8"):
        read_sheet(content)


def test_rows_problems_and_bytes_have_bounds(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(reader, "MAX_PAYROLL_ROWS", 2)
    rows = "".join(f"{number},x,1\n" for number in (A, B, C))
    assert problems(SHORT + rows) == [(4, "more than 2 rows; make several files")]
    monkeypatch.setattr(reader, "MAX_PAYROLL_PROBLEMS", 3)
    sheet = read_sheet(f"{SHORT}1,,0\n1,,0\n".encode())
    assert (len(sheet.problems), sheet.more) == (3, 3)
    monkeypatch.setattr(reader, "MAX_PAYROLL_BYTES", 10)
    (tmp_path / "long.csv").write_bytes(b"x" * 11)
    with pytest.raises(SheetError, match="longer than 10 bytes"):
        reader.read_bytes(tmp_path / "long.csv")


def test_an_apostrophe_that_marks_text_is_no_part_of_a_number() -> None:
    assert payee_of(f" '{A} ") == A
    with pytest.raises(NumberError):
        payee_of(f"''{A}")


amounts = st.integers(1, MAX_AMOUNT_FEN)
names = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=limits.MAX_NAME)


@given(
    st.lists(
        st.tuples(st.integers(0, 10**11 - 1), names, amounts), min_size=1, unique_by=lambda r: r[0]
    ),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig"]),
)
def test_whatever_a_spreadsheet_writes_is_read_back(
    rows: list[tuple[int, str, int]], separator: str, encoding: str
) -> None:
    out = io.StringIO()
    table = csv.writer(out, delimiter=separator)
    table.writerow(["payee", "name", "amount"])
    wanted = [(make(PREFIX, serial), name, fen) for serial, name, fen in rows]
    table.writerows((payee, name, format_yuan(fen)) for payee, name, fen in wanted)
    sheet = read_sheet(out.getvalue().encode(encoding))
    assert sheet.problems == []
    assert [(row.payee, row.name, row.amount_fen) for row in sheet.rows] == wanted


@given(st.binary(max_size=200))
def test_no_bytes_at_all_are_a_fault(content: bytes) -> None:
    for start in (b"", HEAD.encode() + b"\n"):
        try:
            sheet = read_sheet(start + content)
        except SheetError:
            continue
        assert sheet.rows or sheet.problems
