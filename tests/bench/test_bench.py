"""Each bench runs, and says all that a figure needs. No speed is asserted here."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from bench.harness import Measurement, Ratio, Scale, compare, percentiles, rounds
from tests import forked

FIELDS = {
    "name",
    "unit",
    "batch",
    "accounts",
    "durability",
    "includes",
    "excludes",
    "median",
    "samples",
    "warm_ups",
    "scale",
    "ratio_to",
    "also",
    "details",
    "commit",
    "python",
    "cpus",
    "cpu",
    "load_1m",
    "system",
}


def bench(*arguments: str, timeout_s: float = 120) -> list[dict]:
    """The JSON lines that a bench prints."""
    words = ["bench", *arguments, "--tiny", "--json"]
    ran = forked.run(words, forked.importing(), timeout_s=timeout_s)
    assert ran.returncode == 0, ran.stderr.decode()
    return [json.loads(line) for line in ran.stdout.splitlines()]


def whole(line: dict, measure: str = "per_s") -> dict:
    """Checks that a line has all fields; returns it."""
    assert set(line) == FIELDS | {measure}
    assert line[measure] == line["median"] > 0
    assert len(line["samples"]) == 3
    assert min(line["samples"]) <= line["median"] <= max(line["samples"])
    assert set(line["ratio_to"]) == {"name", "per_s", "ratio"}
    assert line["ratio_to"]["per_s"] > 0
    return line


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((), "core"),
        (("--zipf",), "core-zipf"),
        (("--batch", "100"), "core-batch-100"),
    ],
)
def test_core(arguments: tuple[str, ...], name: str) -> None:
    (line,) = bench("core", *arguments)
    assert whole(line)["name"] == name
    assert line["durability"]["synchronous"] == "FULL"
    assert line["durability"]["journal_mode"] == "wal"
    assert [other["name"] for other in line["also"]] == ["rule-alone"]


def test_signed() -> None:
    bulk, unary = bench("signed")
    assert (whole(bulk)["name"], whole(unary)["name"]) == ("signed", "signed-unary")
    fields = {"share", "per_s", "p50_ms", "p99_ms", "max_ms"}
    assert fields == set(unary["details"]["at_half_load"])


@pytest.mark.timeout(600)
def test_overload() -> None:
    """Every refusal says when to ask again, and nothing ends otherwise."""
    single, bulk = bench("overload", timeout_s=500)
    assert (whole(single)["name"], whole(bulk)["name"]) == ("overload", "overload-bulk")
    for line in (single, bulk):
        for times in (1, 10):
            at = line["details"][f"at_{times}_times"]
            assert at["codes"].keys() <= {"OK", "RESOURCE_EXHAUSTED"}
            assert at["refusals_without_a_pause"] == at["not_settled"] == 0
            assert at["health"] and at["officers"]


def test_cross() -> None:
    (line,) = bench("cross")
    assert whole(line)["details"]["one_at_a_time"]["seen_by_payee_p50_ms"] > 0


def test_ingest() -> None:
    (line,) = bench("ingest")
    assert whole(line)["ratio_to"]["name"] == "the-same-bytes-without-a-core"


def test_recover_misses_nothing_that_was_acknowledged() -> None:
    (line,) = bench("recover")
    assert whole(line, "seconds")["details"]["acknowledged_batches_missing"] == 0
    assert line["details"]["acknowledged_batches"] > 0


def test_memory() -> None:
    (line,) = bench("memory")
    assert len(whole(line, "bytes")["details"]["resident_mb_on_the_way"]) == 8


def test_sustained() -> None:
    (line,) = bench("sustained")
    assert whole(line)["details"]["statements_under_load"] > 0


def test_growth() -> None:
    by_accounts, by_history = bench("growth")
    assert by_accounts["details"]["steps"][0]["open_again_s"] > 0
    (step,) = by_history["details"]["steps"]
    assert step["payments"] == 8_190
    assert min(step["statement_p50_ms"], step["find_p50_ms"], step["on_disk_bytes_a_payment"]) > 0


def test_start() -> None:
    show, pay = bench("start")
    assert whole(show, "seconds")["ratio_to"]["name"] == "an-empty-python-process"
    assert whole(pay, "seconds")["name"] == "wallet-pay-across-banks"


def test_offline() -> None:
    endorse, verify, sizes, bundle, state, deposit = bench("offline")
    assert whole(endorse)["details"]["us_an_endorsement"] > 0
    assert whole(verify)["details"]["signature_checks"] == 1 + 1 + 2 * 10
    assert 0 < verify["details"]["share_in_signature_checks"] <= 1
    assert whole(sizes, "bytes")["details"] == {"each_hop": 250, "after_10_hops": 392 + 9 * 250}
    assert whole(bundle)["details"]["bytes"] > bundle["details"]["bytes_of_the_head"] > 0
    assert whole(state, "bytes")["details"]["pieces"] == 40
    assert state["details"]["largest"] < 4_000 < state["ratio_to"]["per_s"]
    assert whole(deposit)["details"]["signature_checks_of_a_chain"] == 8
    assert deposit["durability"]["synchronous"] == "FULL"


def test_one_show() -> None:
    issue, show, verify, size = bench("one_show")
    for line in (issue, show, verify):
        assert min(whole(line)["details"].values()) > 0
    assert whole(size, "bytes")["details"]["credential"] == 160
    assert size["ratio_to"]["per_s"] == 392


def test_an_unknown_name_is_refused() -> None:
    command = [sys.executable, "-m", "bench", "nothing"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 2
    assert "core" in ran.stderr


def test_what_is_compared_alternates() -> None:
    calls: list[str] = []

    def body(name: str) -> float:
        calls.append(name)
        return float(len(calls))

    one, other = rounds(Scale.QUICK, lambda: body("a"), lambda: body("b"))
    assert calls == ["a", "b"] * 4
    assert (one, other) == ([3.0, 5.0, 7.0], [4.0, 6.0, 8.0])


def test_ratio_of_medians() -> None:
    assert compare("x", [1.0, 9.0, 2.0], [4.0, 4.0, 100.0]) == Ratio("x", 4.0, 0.5)


def test_percentiles() -> None:
    found = percentiles([i / 1000 for i in range(1, 102)])
    assert found == {"p50_ms": 51.0, "p99_ms": 100.0, "max_ms": 101.0}


def test_a_result_is_one_line() -> None:
    result = Measurement(
        name="x",
        samples=[3.0, 1.0, 2.0],
        batch=1,
        accounts=2,
        durability={},
        includes="a",
        excludes="b",
        scale=Scale.FULL,
        ratio_to=Ratio("y", 4.0, 0.5),
    )
    assert "\n" not in result.as_json()
    assert json.loads(result.as_json())["per_s"] == 2.0


def test_remade() -> None:
    (line,) = bench("remade")
    assert line["ratio_to"]["name"] == "with-all-rows-there"
    assert line["per_s"] > 0 and line["details"]["made_again_s"] > 0
