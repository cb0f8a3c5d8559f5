"""The table of orders about sweeping."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table

from operator_bank.metadata import metadata

# Each order about sweeping that was carried out, by the position of its record in the journal,
# which keeps what was signed. `wallet` is its id. The newest of a wallet counts.
sweep_orders = Table(
    "sweep_orders",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("wallet", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("sweeps", Integer, nullable=False),
    Column("above_fen", BigInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Index("sweep_orders_by_wallet", "wallet", "position"),
)
