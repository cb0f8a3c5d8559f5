"""The alerts for Prometheus ask for what there is, and a page says what to do at each of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from dcep.errors.v1.errors_pb2 import Reason

ROOT = Path(__file__).resolve().parents[2]
ALERTS = ROOT / "deployment/prometheus/alerts.yml"
RULES = yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]
PAGES = [ROOT / f"docs/{folder}how-to/alarms.md" for folder in ("", "zh-CN/")]
OF_PROMETHEUS = {"up"}
NAMES = {value.name for value in Reason.DESCRIPTOR.values}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_asks_for_metrics_and_reasons_that_there_are(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels"}
    assert rule["labels"]["severity"] in ("page", "ticket")
    promql_parser.parse(rule["expr"])
    metrics = (ROOT / "docs/reference/metrics.md").read_text()
    named = set(re.findall(r"\b(?:up|[a-z]+(?:_[a-z]+)+)(?=\{| [=<>]|\[)", rule["expr"]))
    assert named
    there = {name for name in named if f"`{name.removesuffix('_bucket')}`" in metrics}
    assert named - there <= OF_PROMETHEUS
    for reason in re.findall(r'reason="([A-Z_]+)"', rule["expr"]):
        assert f"REASON_{reason}" in NAMES


@pytest.mark.parametrize("page", PAGES, ids=["en", "zh"])
def test_a_page_says_what_to_do_at_each_alert(page: Path) -> None:
    text = page.read_text()
    rules = {str(rule["alert"]): str(rule["labels"]["severity"]) for rule in RULES}
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == list(rules)
    assert dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", text, re.MULTILINE)) == rules
