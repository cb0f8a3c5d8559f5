"""Puts the room together: officers and their acts over a service's database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from officers.acts import Acts
from officers.effects import Effect
from officers.people import Officers
from officers.people_acts import people_effects
from officers.tables import OfficerTables
from runtime.clock import Clock
from runtime.database import Database


@dataclass(frozen=True)
class Founding:
    """What makes the first officers known.

    Attributes:
        record: signed by the business key; needed while there are no officers.
        business_key: the public half of the institution's business key, 32 bytes.
    """

    record: SignedEnvelope | None
    business_key: bytes


def open_officers(
    database: Database, tables: OfficerTables, institution: str, founding: Founding, clock: Clock
) -> Officers:
    """Opens the officers of an institution.

    Raises:
        NoOfficers: there are none, and no good founding record.
    """
    return Officers(database, tables, institution, clock, founding.record, founding.business_key)


def open_acts(
    database: Database,
    tables: OfficerTables,
    officers: Officers,
    effects: Mapping[str, Effect],
    clock: Clock,
) -> Acts:
    """Opens their acts: those of the tier, and those about officers themselves."""
    every = {**people_effects(database, tables, officers), **effects}
    return Acts(database, tables, officers, every, clock)
