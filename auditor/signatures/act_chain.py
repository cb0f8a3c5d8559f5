"""Computes the chain of an institution's acts again, and names what is missing or was moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row, column, table

from auditor.signatures.verifying import Problems
from dcep.office.v1 import office_pb2
from language import _
from officers.chain import Place, after_end, after_proposal, chain_beginning

chain_table = table("officer_chain", *map(column, ("number", "act", "state", "hash")))
_OPEN = office_pb2.ACT_STATE_OPEN


class Step(NamedTuple):
    """What happened to an act: it was proposed, or it ended."""

    act: Any
    ended: bool


class ActChain:
    """The steps in the order in which they happened, and the hash after each."""

    def __init__(
        self,
        institution: str,
        founding: Row[Any] | None,
        acts: Sequence[Row[Any]],
        links: Sequence[Row[Any]],
        problems: Problems,
    ) -> None:
        """Computes the chain.

        Args:
            institution: the name of the one whose acts they are.
            founding: the row of the founding record; None when there is none.
            acts: the rows of acts.
            links: the rows of the chain, in order.
            problems: gets what is wrong with it.
        """
        self.problems = problems
        self.steps: list[Step] = []
        self.hashes: dict[int, bytes] = {}
        self._acts = {row.id: row for row in acts}
        payload = bytes(founding.payload) if founding is not None else b""
        signature = bytes(founding.signature) if founding is not None else b""
        place = chain_beginning(institution, payload, signature)
        self.hashes[0] = place.hash
        for link in links:
            place = self._take(link, place)
        self.length = place.number
        self._check_complete()

    def told(self, heads: Iterable[tuple[str, int, bytes]]) -> None:
        """Compares the chain with what others were told about it.

        Args:
            heads: (who was told, number, hash) of each end, read before the chain's rows were.
        """
        for whose, number, digest in heads:
            if number > self.length:
                self.problems.say(
                    _(
                        "table officer_chain: it ends with entry {length}, and {whose} was told "
                        "of entry {number}: the last acts are cut off"
                    ).format(length=self.length, whose=_(whose), number=number)
                )
            elif self.hashes.get(number) != digest:
                self.problems.say(
                    _(
                        "table officer_chain: {whose} was told of another history up to entry "
                        "{number}"
                    ).format(whose=_(whose), number=number)
                )

    def _take(self, link: Row[Any], place: Place) -> Place:
        where = _("table officer_chain, row number={number}").format(number=link.number)
        if link.number != place.number + 1:
            self.problems.say(
                _("{where}: it follows entry {number}; acts are missing").format(
                    where=where, number=place.number
                )
            )
            place = place._replace(number=link.number - 1)
        row = self._acts.get(link.act)
        after = None
        if row is None:
            self.problems.say(_("{where}: act {act} is missing").format(where=where, act=link.act))
        elif link.state == _OPEN:
            after = after_proposal(place, row.id, row)
            self.steps.append(Step(row, ended=False))
        elif link.state != row.state:
            self.problems.say(
                _("{where}: act {act} has another end than it had").format(
                    where=where, act=link.act
                )
            )
        else:
            after = after_end(place, row.id, row)
            self.steps.append(Step(row, ended=True))
        if after is not None and after.hash != bytes(link.hash):
            self.problems.say(
                _("{where}: it does not follow, or act {act} was changed since").format(
                    where=where, act=link.act
                )
            )
        # Go on from the hash in the row, so that one break is named once.
        place = Place(link.number, bytes(link.hash))
        self.hashes[place.number] = place.hash
        return place

    def _check_complete(self) -> None:
        """Names acts that the chain does not have as proposed once and, if ended, ended once."""
        seen: dict[int, list[bool]] = {}
        for step in self.steps:
            seen.setdefault(step.act.id, []).append(step.ended)
        for number, row in self._acts.items():
            wanted = [False] if row.state == _OPEN else [False, True]
            if seen.get(number, []) != wanted:
                self.problems.say(
                    _(
                        "table officer_acts, row id={number}: it stands in the chain of acts "
                        "otherwise than proposed once and ended once"
                    ).format(number=number)
                )


def ends_told(ends: Mapping[tuple[int, bytes], str]) -> list[tuple[str, int, bytes]]:
    """The heads for `ActChain.told`, from who was told of each end."""
    return [(whose, number, digest) for (number, digest), whose in sorted(ends.items())]
