"""Accidents that tests bring about."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.database import Database


def break_after_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each transaction is committed, and whoever began it does not hear so."""
    transaction = Database.transaction

    def cut(self: Database, body: Any) -> None:
        transaction(self, body)
        raise ConnectionError("the connection broke in the last moment")

    monkeypatch.setattr(Database, "transaction", cut)
