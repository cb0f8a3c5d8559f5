"""Files of payments as spreadsheets and other systems write them."""

from __future__ import annotations

import gzip
import os
import threading
from pathlib import Path

import pytest

from runtime.checks import text
from sandbox.replay.reader import Columns, FileRefused, read_payments
from sandbox.replay.wallets import holder_name

HEAD = "source,target,value,time\n"
ODD = [
    "x" * 95,
    "No\u00a0break",
    "王\u3000五",
    "tab\there",
    "line\nhere",
    "zero\u200bwidth",
    "\ufeffmark",
    "nul\0",
    "👩\u200d💻",
    "\u202eright to left",
    "",
]


@pytest.mark.parametrize("party", ODD)
def test_a_party_is_a_label_and_a_bank_takes_its_name(party: str) -> None:
    name = holder_name(party)
    assert text(name, "holder_name", longest=64) == name


def test_rows_of_nothing_but_separators_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "payments.csv"
    file.write_text(HEAD + "A,B,1.00,1\n,,,\n   \n\nB,A,2.00,2\n,,,,,\n")
    assert list(read_payments(file, Columns()).amount_fen) == [100, 200]


def test_a_wanted_column_that_stands_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "payments.csv"
    file.write_text("source,target,value,time,value\nA,B,1.00,1,2.00\n")
    with pytest.raises(FileRefused, match="more than one column 'value'"):
        read_payments(file, Columns())


def test_a_gzip_file_with_a_turned_bit_is_refused(tmp_path: Path) -> None:
    rows = "".join(f"A,B,{at}.00,{at}\n" for at in range(1, 500))
    whole = gzip.compress((HEAD + rows).encode())
    file = tmp_path / "payments.csv.gz"
    for at in range(20, len(whole) - 8, 97):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        with pytest.raises(FileRefused, match="payments.csv.gz"):
            read_payments(file, Columns())


def test_a_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text(HEAD + "A,B,1.00,1\n"))
    writer.start()
    assert list(read_payments(pipe, Columns()).amount_fen) == [100]
    writer.join()
