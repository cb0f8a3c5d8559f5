"""``python -m sandbox.compiled``: compiles the rule and the check of signatures.

Numba keeps what it has compiled beside the source. Each service would do it at its first start, all
of them at the same time; set-up does it once, before.
"""

from __future__ import annotations

import tempfile
from importlib import import_module
from pathlib import Path

import numpy as np
from sqlalchemy import MetaData

from runtime.database import open_engine
from runtime.own_modules import own
from settlement.build import open_ledger
from settlement.core import Batch
from settlement.records import RECORD, AccountFlag, Kind
from settlement.tables import journal_tables

_PAYMENTS = 2


def compile_all() -> None:
    """Has a ledger of its own decide and write down a few records, on the way that all take."""
    import_module(own("runtime.signatures"))  # compiled when it is imported
    metadata = MetaData()
    tables = journal_tables(metadata)
    with tempfile.TemporaryDirectory(prefix="dcep-compile-") as folder:
        engine = open_engine(f"sqlite:///{Path(folder) / 'ledger.db'}")
        metadata.create_all(engine)
        books = open_ledger(engine, tables, threaded=False)
        records = np.zeros(2 + _PAYMENTS, RECORD)
        records["time_ms"] = 1
        records["kind"] = Kind.OPEN
        records["credit"][:2] = 0, 1
        records["spare"][:2] = 1 << 8
        records["ref"][0] = AccountFlag.MAY_GO_NEGATIVE
        payments = records[2:]
        payments["kind"] = Kind.TRANSFER
        payments["credit"] = 1
        payments["amount_fen"] = 1
        payments["sequence"] = range(1, _PAYMENTS + 1)
        books.ledger.submit(Batch(records))
        books.projection.catch_up()
        books.stop()
        engine.dispose()


if __name__ == "__main__":
    compile_all()
