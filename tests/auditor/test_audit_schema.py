"""The audit reads no database of another version as if it were of this one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from sqlalchemy import create_engine, text

from auditor.audit import AuditImpossible, audit_stack
from deployment.topology import CENTRAL_BANK, StackPlan
from runtime.database import upgrade


@pytest.mark.parametrize(
    ("revision", "advice"),
    [
        ("0017", "the schema of an earlier version; `dcep up` brings it up to this one"),
        ("9999", "was written by a newer version; audit with that one"),
    ],
)
def test_what_to_do_about_a_database_of_another_version_is_said(
    tmp_path: Path, revision: str, advice: str
) -> None:
    url = f"sqlite:///{tmp_path / 'central.db'}"
    upgrade(url, "central_bank")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
        connection.execute(text("DROP TABLE pruned"))
    engine.dispose()
    plan = SimpleNamespace(commands=lambda: {CENTRAL_BANK: None}, database_url=lambda _name: url)
    with pytest.raises(AuditImpossible) as told:
        audit_stack(cast(StackPlan, plan))
    assert advice in str(told.value)
    assert CENTRAL_BANK in str(told.value)
