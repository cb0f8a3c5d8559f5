"""The Prometheus metrics, from the calls in the code that make them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from dcep_build.reference.pages import ROOT, code, page, saying, table

_KINDS = {
    "Counter": "counter",
    "Gauge": "gauge",
    "GaugeMetricFamily": "gauge",
    "Histogram": "histogram",
}
_SERVICES = {
    "runtime": "Every service",
    "central_bank": "Central bank",
    "operator_bank": "Operating bank",
    "wallet": "Wallet",
}
_ABOUT = (
    "A service serves them at `/metrics` on 127.0.0.1, at the port that its setting `metrics_port` "
    "names."
)


class Metric(NamedTuple):
    """One metric as the code makes it."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...]


def metrics_of(package: str) -> list[Metric]:
    """The metrics that a package makes, by name."""
    return sorted(
        metric
        for file in sorted((ROOT / package).rglob("*.py"))
        if "from prometheus_client" in (source := file.read_text(encoding="utf-8"))
        for metric in _made(ast.parse(source))
    )


def _made(tree: ast.AST) -> Iterator[Metric]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id not in _KINDS:
            continue
        name, text, *rest = map(ast.literal_eval, node.args)
        labels = [ast.literal_eval(one.value) for one in node.keywords if one.arg == "labels"]
        yield Metric(name, _KINDS[node.func.id], text, tuple((rest or labels or [()])[0]))


def metrics_page(language: str) -> str:
    """Every metric with its kind, its labels and what it measures."""
    say = saying(language)
    parts = [say(_ABOUT)]
    head = [say("Metric"), say("Kind"), say("Labels"), ""]
    for package, service in _SERVICES.items():
        rows = [
            [code(one.name), one.kind, ", ".join(map(code, one.labels)), say(one.help)]
            for one in metrics_of(package)
        ]
        if rows:
            parts += [f"## {say(service)}", table(head, rows)]
    return page("metrics.md", language, say("Metrics"), parts)
