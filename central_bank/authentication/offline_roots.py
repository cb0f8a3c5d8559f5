"""Keeps the roots of offline money: the one that signs, earlier ones, and a successor.

Two officers announce a successor, and the trust bundle lists it. It signs as soon as it is where
the settings say that the root is. The root before is good beside it until its end, so that tokens
which it signed can be paid until they expire.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from central_bank.authentication.announced import AnnouncedSigner
from central_bank.authentication.bank_rows import Given
from central_bank.authentication.possession import check_possession
from central_bank.authentication.tables import offline_roots
from central_bank.authentication.terms import Ending
from central_bank.limits import MAX_OFFLINE_ROOTS, MAX_ROOT_OVERLAP_MS, MIN_ROOT_OVERLAP_MS
from dcep.errors.v1 import errors_pb2
from offline_token.formats import BANK, CENTRAL_BANK, Certificate
from offline_token.signing import certify_bank
from runtime.checks import invalid, public_key
from runtime.clock import Clock
from runtime.database import Database
from runtime.errors import Refusal
from runtime.remembered import Remembered
from runtime.settings import SettingsError
from runtime.signing_keys import Signer

OWNER = "offline-root"
"""The owner's name in the proof that somebody has the key."""
_ENTRY_MS = 2 * 366 * 86_400_000


class Root(NamedTuple):
    """A root of offline money.

    Attributes:
        until_time_ms: its end; 0 if it has none.
        introduction: the certificate that the root before gave it, encoded; b"" if there is none.
    """

    key: bytes
    from_time_ms: int
    until_time_ms: int
    revoked: bool
    introduction: bytes

    def good(self, now_ms: int) -> bool:
        """Whether its signatures count."""
        return not self.until_time_ms or (not self.revoked and now_ms < self.until_time_ms)


class OfflineRoots:
    """The roots of offline money, in SQL and in memory."""

    def __init__(self, database: Database, signer: Signer, clock: Clock) -> None:
        """Reads the roots; the first one ever is the one that the settings name.

        Args:
            database: where they are kept.
            signer: the root in the settings, which may be replaced while the service runs.
            clock: the time.

        Raises:
            SettingsError: the root in the settings was never announced.
        """
        self._database = database
        self._clock = clock
        self._remembered = Remembered(database, _read)
        self.signer = AnnouncedSigner(signer, "root", lambda: self._known)
        public = bytes(self.signing().verify_key)
        if not self._known:
            row = _row(public, Given(0, clock.now_ms()), b"")
            with self._remembered.change():
                database.transaction(lambda c: c.execute(insert(offline_roots), row) and None)
        if public not in self._known:
            raise SettingsError(
                f"the offline root {public.hex()} was never announced: two officers do it"
            )

    @property
    def _known(self) -> Mapping[bytes, Root]:
        return self._remembered.now()

    def signing(self) -> Signer:
        """The root to sign with: the one in the settings, once it has been announced."""
        return self.signer.now()

    def now(self) -> object:
        """An object that is another one after roots have changed."""
        return self._known

    def all(self) -> list[Root]:
        """All roots that there are and were, newest last."""
        return list(self._known.values())

    def entries(self, root: Signer, *, ended_too: bool = False) -> list[Certificate]:
        """Certificates in a root's bundle about the other roots, and the one that introduces the
        root.

        A root that has ended stays listed, with its end. Its tokens are then refused as expired
        ones are, which gives the money back to a payer that had not heard of it.

        Args:
            root: signs the bundle.
            ended_too: list all roots as if none had ended; for deposits, which are taken under
                each.
        """
        now_ms, own = self._clock.now_ms(), bytes(root.verify_key)
        found: list[Certificate] = []
        for other in self._known.values():
            if other.key == own:
                continue
            ends_ms = now_ms + _ENTRY_MS
            if other.until_time_ms and not ended_too:
                ends_ms = (
                    0 if other.revoked else other.until_time_ms - 1
                )  # the last millisecond that counts
            found.append(certify_bank(root, CENTRAL_BANK, other.key, ends_ms))
        introduction = self._introduction(self._known[own], now_ms)
        return found if introduction is None else [*found, introduction]

    def _introduction(self, root: Root, now_ms: int) -> Certificate | None:
        """The certificate of this root by the root before it, while that one is good."""
        before: Root | None = None
        for other in self._known.values():
            if other.key == root.key:
                break
            before = other
        if before is None or not root.introduction or not before.good(now_ms):
            return None
        return Certificate.decode(root.introduction, BANK)

    def check(self, successor: bytes, proof: bytes, old_until_ms: int) -> None:
        """Raises Refusal if a change of roots is not possible; arguments as in
        `CentralKeys.check`.
        """
        now_ms = self._clock.now_ms()
        if len(self._known) >= MAX_OFFLINE_ROOTS and successor:
            raise Refusal(errors_pb2.REASON_OVERLOADED, f"there were {MAX_OFFLINE_ROOTS} roots")
        if old_until_ms > now_ms + MAX_ROOT_OVERLAP_MS:
            raise Refusal(
                errors_pb2.REASON_VALIDITY_TOO_LONG,
                f"what is replaced counts for {MAX_ROOT_OVERLAP_MS} ms more at most",
                field="old_until_time_ms",
            )
        if old_until_ms and old_until_ms < now_ms + MIN_ROOT_OVERLAP_MS:
            raise invalid("old_until_time_ms", "is before the end of tokens that the root signed")
        if not successor:
            used = self._known[bytes(self.signing().verify_key)]
            if not any(root.until_time_ms and not root.revoked for root in self._known.values()):
                raise Refusal(
                    errors_pb2.REASON_FIELD_MISSING,
                    "there is no new root, and none that was replaced",
                    field="root_key",
                )
            if used.until_time_ms:
                raise invalid("root_key", "is missing: the root in use is to be replaced")
            return
        public_key(successor, "root_key")
        check_possession(successor, OWNER, proof)
        if successor in self._known:
            raise Refusal(
                errors_pb2.REASON_ALREADY_EXISTS, "it is, or was, a root", field="root_key"
            )

    def renew(
        self,
        successor: bytes,
        old_until_ms: int,
        in_transaction: Callable[[Connection], object],
        by: Given,
    ) -> None:
        """Announces a successor, or the end of roots that were replaced before.

        Args:
            successor: the new root; b"" for none.
            old_until_ms: until when the roots before are good; 0 to revoke them.
            in_transaction: further SQL for the same transaction.
            by: the officers' act.
        """
        with self._remembered.change():
            ending = Ending(old_until_ms, by.time_ms, nothing_new=not successor)
            introduction = b""
            if successor and old_until_ms:
                introduction = certify_bank(
                    self.signing(), CENTRAL_BANK, successor, old_until_ms
                ).encode()

            def body(connection: Connection) -> None:
                for root in self._known.values():
                    end_ms = ending.end_of(root.until_time_ms, revoked=root.revoked)
                    if end_ms is not None:
                        same = offline_roots.c.root_key == root.key
                        values = {"until_time_ms": end_ms, "revoked": int(ending.revokes)}
                        connection.execute(update(offline_roots).where(same).values(values))
                if successor:
                    connection.execute(insert(offline_roots), _row(successor, by, introduction))
                in_transaction(connection)

            self._database.transaction(body)


def _read(connection: Connection) -> dict[bytes, Root]:
    of = offline_roots.c
    rows = connection.execute(select(offline_roots).order_by(of.from_time_ms, of.act)).all()
    return {
        bytes(row.root_key): Root(
            bytes(row.root_key),
            row.from_time_ms,
            row.until_time_ms,
            bool(row.revoked),
            bytes(row.introduction),
        )
        for row in rows
    }


def _row(key: bytes, by: Given, introduction: bytes) -> dict[str, object]:
    return {
        "root_key": key,
        "act": by.act,
        "from_time_ms": by.time_ms,
        "until_time_ms": 0,
        "revoked": 0,
        "introduction": introduction,
    }
