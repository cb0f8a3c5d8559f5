"""Performs acts about officers: registered, removed, their rights, certificates and keys."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, update

from dcep.office.v1 import office_pb2
from officers.effects import Act, Decision, Effect, SqlEffect, same_officer
from officers.people import (
    Officers,
    end_credentials,
    put_credential,
    put_officer,
)
from officers.tables import OfficerTables
from officers.well_formed import bits_of, check_rights
from runtime.database import Database

Change = Callable[[Connection], None]


def people_effects(
    database: Database, tables: OfficerTables, officers: Officers
) -> dict[str, Effect]:
    """The effects of these acts, by the kind of act."""
    parts = (database, tables, officers)
    return {
        "register_officer": _Register(*parts),
        "change_rights": _ChangeRights(*parts),
        "renew_officer": _Renew(*parts),
        "remove_officer": _Remove(*parts),
    }


class _PeopleEffect(SqlEffect):
    right = office_pb2.RIGHT_OFFICERS

    def __init__(self, database: Database, tables: OfficerTables, officers: Officers) -> None:
        super().__init__(database)
        self.tables = tables
        self.officers = officers

    def concerns(self, act: Act) -> str:
        return str(act.asked.name)

    def perform(self, act: Act, decision: Decision) -> None:
        with self.officers.change():
            super().perform(act, decision)


class _Register(_PeopleEffect):
    def check(self, act: Act) -> None:
        self.officers.check_new(act.asked)

    def change(self, act: Act, decision: Decision) -> Change:
        return lambda connection: put_officer(
            connection, self.tables, act.asked, act=act.number, now_ms=decision.time_ms
        )


class _ChangeRights(_PeopleEffect):
    def check(self, act: Act) -> None:
        officer = self.officers.get(act.asked.name)
        check_rights(act.asked.rights)
        if act.proposer == officer.name:
            raise same_officer()
        if office_pb2.RIGHT_OFFICERS not in act.asked.rights:
            self.officers.check_enough(without=officer.name)

    def change(self, act: Act, decision: Decision) -> Change:
        _others_only(act, decision)
        table = self.tables.officers
        statement = (
            update(table)
            .where(table.c.name == act.asked.name)
            .values(rights=bits_of(act.asked.rights))
        )

        def body(connection: Connection) -> None:
            connection.execute(statement)

        return body


class _Renew(_PeopleEffect):
    def check(self, act: Act) -> None:
        self.officers.check_renewal(act.asked)

    def change(self, act: Act, decision: Decision) -> Change:
        _others_only(act, decision)
        wanted, now_ms = act.asked, decision.time_ms
        pair = self.officers.renewed(wanted, now_ms)

        def body(connection: Connection) -> None:
            until_ms = max(wanted.old_until_time_ms, now_ms)
            end_credentials(connection, self.tables, wanted.name, until_ms)
            put_credential(
                connection, self.tables, wanted.name, pair, act=act.number, now_ms=now_ms
            )

        return body


class _Remove(_PeopleEffect):
    def check(self, act: Act) -> None:
        officer = self.officers.get(act.asked.name)
        self.officers.check_enough(without=officer.name)

    def change(self, act: Act, decision: Decision) -> Change:
        _others_only(act, decision)
        name, table = act.asked.name, self.tables.officers
        statement = update(table).where(table.c.name == name).values(removed_by=act.number)

        def body(connection: Connection) -> None:
            connection.execute(statement)
            end_credentials(connection, self.tables, name, decision.time_ms)

        return body


def _others_only(act: Act, decision: Decision) -> None:
    """Raises Refusal if an officer approves an act about themselves."""
    if decision.decider == act.asked.name:
        raise same_officer()
