"""Files with limits of wallets: everything is said in them, and nothing is guessed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from currency.days import day_of_date
from deployment.policy_file import SHIPPED, read_policy

FIRST = dt.date(2027, 1, 1)
GOOD = (SHIPPED / "e-cny.toml").read_text(encoding="utf-8")
YUAN = 100


def limits(name: str) -> list[tuple[int, ...]]:
    """Balance cap, single, day and year of the classes in a file that comes with this, in yuan."""
    policy = read_policy(SHIPPED / f"{name}.toml", FIRST)
    assert policy.from_day == day_of_date(FIRST)
    assert [each.wallet_class for each in policy.classes] == [1, 2, 3, 4]
    return [
        tuple(
            fen // YUAN
            for fen in (each.balance_cap_fen, each.single_fen, each.day_fen, each.year_fen)
        )
        for each in policy.classes
    ]


def test_the_published_limits() -> None:
    assert limits("e-cny") == [
        (0, 0, 0, 0),
        (500_000, 50_000, 100_000, 0),
        (20_000, 5_000, 10_000, 0),
        (10_000, 2_000, 5_000, 50_000),
    ]


def test_the_limits_that_were_reported_from_a_trial() -> None:
    assert limits("trial-2020") == [
        (500_000, 50_000, 100_000, 500_000),
        (10_000, 5_000, 10_000, 300_000),
        (2_000, 2_000, 2_000, 50_000),
        (1_000, 500, 1_000, 10_000),
    ]


def written(folder: Path, text: str) -> Path:
    file = folder / "policy.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_first_day_is_said_in_the_file_or_beside_it_and_not_twice(tmp_path: Path) -> None:
    dated = written(tmp_path, "from = 2027-01-01\n" + GOOD)
    assert read_policy(dated) == read_policy(SHIPPED / "e-cny.toml", FIRST)
    with pytest.raises(ValueError, match="said twice"):
        read_policy(dated, FIRST)
    with pytest.raises(ValueError, match="first day is missing"):
        read_policy(SHIPPED / "e-cny.toml")


@pytest.mark.parametrize(
    ("was", "now", "named"),
    [
        ("[class_III]", "[class_V]", "'class_V' in the file is not known"),
        ("[class_I]", "[class_i]", "'class_i' in the file is not known"),
        ("day_yuan = 100_000\n", "", "'day_yuan' is missing in class_II"),
        ("wallets_per_phone = 10\n", "", "'wallets_per_phone' is missing in the file"),
        ("day_yuan = 100_000", "day_yuan = 0", "class_II.day_yuan is a whole number"),
        ("day_yuan = 100_000", "day_yuan = -5", "class_II.day_yuan is a whole number"),
        ("day_yuan = 100_000", "day_yuan = 1e5", "class_II.day_yuan is a whole number"),
        ("day_yuan = 100_000", "day_yuan = true", "class_II.day_yuan is a whole number"),
        ("day_yuan = 100_000", 'day_yuan = "all"', "class_II.day_yuan is a whole number"),
        ("day_yuan = 100_000", "day_yuan = 10_000_000_000_001", "class_II.day_yuan is"),
        ("day_yuan = 100_000", "day_fen = 100_000", "'day_fen' in class_II is not known"),
        ("wallets_per_phone = 10", "wallets_per_phone = 1_001", "wallets_per_phone is a whole"),
        ("wallets_per_phone = 10", "from = 2027-01-01T00:00:00\nwallets_per_phone = 10", "a date"),
        ("[class_I]", "class_I = 5\n[class_VI]", "not known"),
        ("[class_IV]", "[class_II]", "class_II"),
    ],
)
def test_a_file_with_a_hole_is_refused_with_what_is_wrong(
    tmp_path: Path, was: str, now: str, named: str
) -> None:
    assert was in GOOD
    file = written(tmp_path, GOOD.replace(was, now, 1))
    with pytest.raises(ValueError, match=named):
        read_policy(file, FIRST)


def test_a_class_is_a_table(tmp_path: Path) -> None:
    counts = "wallets_per_phone = 1\nwallets_per_document = 1\n"
    classes = "".join(f"class_{roman} = 5\n" for roman in ("I", "II", "III", "IV"))
    with pytest.raises(ValueError, match="class_I is a table"):
        read_policy(written(tmp_path, counts + classes), FIRST)


def test_the_largest_limit_is_taken(tmp_path: Path) -> None:
    most = GOOD.replace("day_yuan = 100_000", "day_yuan = 10_000_000_000_000")
    policy = read_policy(written(tmp_path, most), FIRST)
    assert policy.classes[1].day_fen == 10**15
