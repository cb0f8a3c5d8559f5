"""Keeps the newest trust bundle that this bank has seen, verified, and takes no older one for it.

Devices rely on what their bank hands on, and a new wallet trusts the root in it. So a bank verifies
each bundle with the root's key that its settings name. The kept bundle outlives a restart: neither
a central bank that was restored to an older copy, nor somebody who shows an old bundle, can make a
revoked device good again.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from offline_token.bundle import TrustBundle
from offline_token.formats import KEY_BYTES, FormatError
from offline_token.verify import Reason, check_bundle
from operator_bank.context import Context
from operator_bank.limits import BUNDLE_FRESH_MS, BUNDLE_USABLE_MS, MAX_BUNDLE_AHEAD_MS
from operator_bank.offline.succeeding_roots import Kept, SucceedingRoots
from operator_bank.offline.tables import trust_bundle
from operator_bank.peers.contradictions import BUNDLE, Contradictions
from runtime.checks import public_key
from runtime.errors import NoAnswer, Refusal
from runtime.settings import SettingsError


class NewestBundle:
    """Asks the central bank for bundles, a few times a minute at most, however many wallets ask.

    Any thread may ask.
    """

    def __init__(
        self, context: Context, roots: Sequence[bytes], contradictions: Contradictions
    ) -> None:
        """Reads the bundle that was kept before.

        Args:
            context: what every room works with.
            roots: public keys of the root of offline money, one or more.
            contradictions: is told if the central bank contradicts an earlier bundle.
        """
        self._database = context.database
        self._central_bank = context.central_bank
        self._roots = SucceedingRoots(context.database, roots, context.clock)
        self._clock = context.clock
        self._contradictions = contradictions
        self._lock = threading.Lock()
        self._asking = False
        self._asked_ms: int | None = None
        row = context.database.read(lambda c: c.execute(select(trust_bundle.c.bundle)).scalar())
        self._kept = None if row is None else _read(bytes(row))

    def kept(self) -> Kept | None:
        """The kept bundle, if devices still take one of its age and its root is trusted; else
        None.
        """
        kept = self._kept
        return kept if kept is not None and self._problem(kept) is None else None

    def newest(self) -> Kept:
        """A bundle of the last seconds, or of the last minute while another thread asks for a newer
        one.

        Raises:
            NoAnswer: the central bank gave no bundle, or none that a trusted root has signed.
        """
        with self._lock:
            recent = self._recent()
            if recent is not None:
                return recent
            self._asking = True
        try:
            return self.ask()
        finally:
            with self._lock:
                self._asking = False

    def ask(self) -> Kept:
        """Asks the central bank now, and keeps its bundle if that is newer.

        Raises:
            NoAnswer: as `newest`.
        """
        before = self._kept
        began_ms = self._clock.monotonic_ms()
        shown = _read(self._central_bank.trust_bundle())
        succeeds = self._roots.succession(before, shown)
        problem = self._problem(shown, succeeds)
        if problem is not None:
            raise NoAnswer(f"the trust bundle is not taken: {problem}")
        # Compared with what was kept at the start, so that a slower answer is no contradiction.
        same = before is not None and self._known(before)
        cause = _contradiction(before, shown) if before is not None and same else None
        if before is not None and cause is not None:
            self._contradictions.found(BUNDLE, cause, before.encoded, shown.encoded)
            return self._stay(before, cause, began_ms)
        self._contradictions.gone(BUNDLE)
        return self._keep(shown, began_ms, succeeds)

    def _recent(self) -> Kept | None:
        kept = self.kept()
        if kept is None or self._asked_ms is None:
            return None
        age_ms = self._clock.monotonic_ms() - self._asked_ms
        return kept if age_ms < (BUNDLE_USABLE_MS if self._asking else BUNDLE_FRESH_MS) else None

    def _keep(self, shown: Kept, began_ms: int, succeeds: bytes | None) -> Kept:
        with self._lock:
            self._asked_ms = max(began_ms, self._asked_ms or 0)
            kept = self._kept
            if kept is not None and self._known(kept) and not _newer(shown, kept):
                return kept
            row = {"id": 1, "bundle": shown.encoded}

            def body(connection: Connection) -> None:
                connection.execute(delete(trust_bundle))
                connection.execute(insert(trust_bundle), row)
                if succeeds is not None:
                    self._roots.write(connection, shown.root, succeeds)

            self._database.transaction(body)
            self._kept = shown
            if succeeds is not None:
                self._roots.note(shown.root, succeeds)
            return shown

    def _stay(self, kept: Kept, cause: str, began_ms: int) -> Kept:
        """The kept bundle, in place of one that contradicts it, as long as devices take it."""
        if self._problem(kept) is not None:
            raise NoAnswer(f"the trust bundle is not taken: {cause}")
        with self._lock:
            self._asked_ms = max(began_ms, self._asked_ms or 0)
        return kept

    def _known(self, kept: Kept) -> bool:
        return kept.root in self._roots.trusted()

    def _problem(self, kept: Kept, succeeds: bytes | None = None) -> str | None:
        """Why a bundle is not to be handed on; None if it is good.

        Args:
            succeeds: the trusted root from which the bundle's root takes over.
        """
        now_ms = self._clock.now_ms()
        if succeeds is None and not self._known(kept):
            return "it is signed by another root than the settings name, and no successor of theirs"
        if kept.bundle.created_time_ms > now_ms + MAX_BUNDLE_AHEAD_MS:
            return "it is dated more than a day ahead"
        reason = check_bundle(kept.bundle, kept.encoded[:KEY_BYTES], now_ms)
        return None if reason == Reason.GOOD else reason.name


def read_roots(setting: str) -> tuple[bytes, ...]:
    """Parses the root's public keys in a setting: hexadecimal, separated by commas.

    Raises:
        SettingsError: there is no key, or one of them is not a public key.
    """
    found = []
    for text in filter(None, (part.strip() for part in setting.split(","))):
        try:
            found.append(public_key(bytes.fromhex(text), "offline_roots"))
        except (ValueError, Refusal) as error:
            raise SettingsError(f"offline_roots: {text!r} is no public key") from error
    if not found:
        raise SettingsError("offline_roots: there is no key in it")
    return tuple(found)


def _read(encoded: bytes) -> Kept:
    try:
        return Kept(encoded, TrustBundle.decode(encoded[KEY_BYTES:]))
    except FormatError as error:
        raise NoAnswer(f"the trust bundle cannot be read: {error}") from error


def _contradiction(before: Kept, shown: Kept) -> str | None:
    """Why a bundle cannot have followed another; None if it can."""
    old, new = before.bundle, shown.bundle
    if new.created_time_ms < old.created_time_ms:
        return "the central bank shows an older trust bundle than before"
    if new.created_time_ms == old.created_time_ms and shown.encoded != before.encoded:
        return "the central bank shows two trust bundles of one moment"
    if _brought_back(old, new):
        return "the central bank's trust bundle brings back what was revoked before"
    return None


def _brought_back(old: TrustBundle, new: TrustBundle) -> bool:
    """Whether something that was revoked is not revoked any more.

    A revoked device is in the list or in the filter. A bank that was suspended may come back. A
    bank's key leaves the bundle only with its certificate.
    """
    keys = [each for each in new.banks if old.bars_key(each) and not new.bars_key(each)]
    return bool(keys) or not all(new.may_be_revoked(device) for device in old.revoked)


def _newer(shown: Kept, kept: Kept) -> bool:
    return shown.bundle.created_time_ms > kept.bundle.created_time_ms
