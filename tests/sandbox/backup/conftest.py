"""A stack to copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from deployment.topology import StackPlan
from sandbox.stack.supervisor import init
from tests.sandbox.backup.copying import new_stack


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_stack(tmp_path_factory.mktemp("template") / "stack").folder


@pytest.fixture
def plan(template: Path, tmp_path: Path) -> StackPlan:
    shutil.copytree(template, tmp_path / "stack")
    return init(tmp_path / "stack")
