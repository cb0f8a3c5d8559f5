"""Bounds of officers and their acts."""

from __future__ import annotations

from dcep.bounds.v1.bounds_pb2 import KIND_CAUSE, KIND_OFFICER_NAME
from dcep.office.v1 import office_pb2
from runtime.bounds import greatest, most_items

MAX_OFFICERS = most_items(office_pb2.ListOfficersResponse, "officers")
"""Officers of one institution, removed ones included."""

MAX_FOUNDING_FILE_BYTES = 64 * 1024
MAX_CREDENTIALS = 50
"""Credentials of one officer, ended ones included."""

MAX_NAME = greatest(KIND_OFFICER_NAME)
MAX_CAUSE = greatest(KIND_CAUSE)
MAX_ACT_VALIDITY_MS = 7 * 86_400_000
"""How long an act may wait for its second officer."""

MAX_DECISION_VALIDITY_MS = 3_600_000
CLOCK_SKEW_MS = 60_000
MAX_OPEN_ACTS = 100
"""Acts of one officer that wait at once."""

ENDED_BYTES = 16 * 1024 * 1024
"""Bytes of acts without approval that are kept for one officer before they have to wait; and as
many for each day after that."""

EXPIRED_AT_ONCE = 50
"""Expired acts that one step ends."""

LOOKED_THROUGH_AT_ONCE = 500
"""Open acts that are read at once when a key or a right has ended."""
