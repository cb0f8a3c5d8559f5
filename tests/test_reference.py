"""The reference pages say what the code says now, in both languages."""

from __future__ import annotations

import re

from dcep_build.reference.__main__ import made
from dcep_build.reference.metrics import metrics_of
from dcep_build.reference.pages import FOLDERS, ROOT


def test_each_page_is_as_the_code_makes_it() -> None:
    old = [
        str(page.relative_to(ROOT))
        for page, text in made().items()
        if not page.exists() or page.read_text(encoding="utf-8") != text
    ]
    assert not old, f"`make reference` makes {', '.join(old)} anew"


def test_each_metric_of_the_code_is_found() -> None:
    """However it is made: each text that looks like the name of a metric of ours is in a table."""
    packages = ("runtime", "central_bank", "operator_bank", "wallet")
    found = {metric.name for package in packages for metric in metrics_of(package)}
    files = [
        file.read_text(encoding="utf-8")
        for package in packages
        for file in (ROOT / package).rglob("*.py")
    ]
    with_prometheus = "\n".join(text for text in files if "prometheus_client" in text)
    named = set(re.findall(r'"((?:dcep|grpc|certificate)_[a-z_]+)"', with_prometheus))
    assert named == found


def test_pages_of_how_to_name_metrics_that_there_are() -> None:
    metrics = (FOLDERS[""] / "metrics.md").read_text(encoding="utf-8")
    page = (ROOT / "docs/how-to/run-a-bank.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:dcep_|grpc_call|certificate_)[a-z_]+)", page))
    assert named
    assert {name for name in named if f"`{name}`" not in metrics} == set()
