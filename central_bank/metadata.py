"""What each room's `tables.py` declares its tables in."""

from __future__ import annotations

from sqlalchemy import MetaData

metadata = MetaData()
