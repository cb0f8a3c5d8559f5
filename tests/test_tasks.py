"""Who joins is told the truth: tasks, hooks and workflows name what there is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from dcep_build import vulnerabilities

ROOT = Path(__file__).resolve().parent.parent
MAKEFILE = (ROOT / "Makefile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
TASKS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
ASKS_THE_NETWORK = "check-known"


def checks() -> set[str]:
    found = re.search(r"^CHECKS := (.+)$", MAKEFILE, re.MULTILINE)
    assert found
    return set(found[1].split())


def test_before_a_commit_the_same_is_looked_at_as_by_make_check() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    entries = {hook["entry"].removeprefix("make --silent ") for hook in hooks}
    assert entries == checks() - {ASKS_THE_NETWORK}
    assert checks() <= TASKS


def test_workflows_run_tasks_that_there_are() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    run = {step["run"].removeprefix("make ") for step in steps if "run" in step}
    tasks = {task for task in run if not task.startswith("sudo ")}
    assert tasks <= TASKS
    assert {"setup", "check", "test"} <= tasks
    assert all(job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())


@pytest.mark.parametrize(
    "page", ["CONTRIBUTING.md", "README.md", ".github/pull_request_template.md"]
)
def test_pages_name_tasks_that_there_are(page: str) -> None:
    named = set(re.findall(r"\bmake ([a-z-]+)`", (ROOT / page).read_text()))
    assert named and named <= TASKS


def test_forms_for_issues_can_be_read() -> None:
    forms = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
    read = {form.stem: yaml.safe_load(form.read_text()) for form in forms}
    for name in read.keys() - {"config"}:
        assert {"name", "description", "body"} <= read[name].keys()
        fields = [field for field in read[name]["body"] if field["type"] != "markdown"]
        assert all(field["attributes"]["label"] and field["id"] for field in fields)


def test_each_dependency_is_locked_with_its_hashes() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    entries = re.findall(
        r"^([a-z\d._-]+)==\S+.*\\\n((?:    --hash=sha256:[\da-f]{64}.*\n?)+)", lock, re.MULTILINE
    )
    locked = {name for name, _hashes in entries}
    assert len(entries) == len(re.findall(r"^[a-z].*==", lock, re.MULTILINE))
    groups = PROJECT["dependency-groups"]
    wanted = list(PROJECT["project"]["dependencies"])
    wanted += [*groups["test"], *groups["check"], *groups["docs"]]
    names = {re.split(r"[\[<>=]", each)[0] for each in wanted}
    assert names - locked == set(), "`make lock`"


def known(name: str, *ids: str) -> dict[str, Any]:
    vulns = [{"id": one, "fix_versions": ["2.0"]} for one in ids]
    return {"name": name, "version": "1.0", "vulns": vulns}


def unknown(name: str) -> dict[str, str]:
    return {"name": name, "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "found"),
    [
        ([known("one"), known("two")], []),
        ([known("one", "CVE-1")], ["one 1.0: CVE-1, mended 2.0"]),
        ([known("one"), unknown("two")], ["two: not found"]),
        ([unknown("one"), unknown("two")], None),
    ],
)
def test_an_index_that_knows_no_vulnerabilities_is_not_good_news(
    packages: list[dict[str, Any]], found: list[str] | None
) -> None:
    assert vulnerabilities.findings({"dependencies": packages}) == found


@pytest.mark.parametrize(("arguments", "code"), [(["lock"], 0), (["lock", "--required"], 1)])
def test_it_is_said_that_nobody_looked(
    arguments: list[str],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(vulnerabilities, "ask", lambda _lock: None)
    assert vulnerabilities.main(arguments) == code
    assert capsys.readouterr().out.strip() == vulnerabilities.NOT_LOOKED_AT


def test_each_decision_has_a_number_of_its_own() -> None:
    numbers = [page.name[:4] for page in sorted((ROOT / "docs/decisions").glob("*.md"))]
    assert len(set(numbers)) == len(numbers)


def test_the_changelog_lists_each_change_once_by_release() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    releases = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert releases[0] == "Unreleased"
    dated = [
        re.fullmatch(r"(\d+)\.(\d+)\.(\d+) - (\d{4}-\d\d-\d\d)", each) for each in releases[1:]
    ]
    versions = [tuple(map(int, each.groups()[:3])) for each in dated if each]
    assert len(versions) == len(dated) and versions == sorted(versions, reverse=True)
    version = tuple(map(int, PROJECT["project"]["version"].partition(".dev")[0].split(".")))
    assert version >= versions[0]
    sections = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert sections <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    changes = re.findall(r"^- .+$", text, re.MULTILINE)
    assert sorted(set(changes)) == sorted(changes)
