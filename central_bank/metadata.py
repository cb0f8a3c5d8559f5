"""The metadata in which each room's `tables.py` declares its tables."""

from __future__ import annotations

from sqlalchemy import MetaData

metadata = MetaData()
