"""Remembers which act was shown under which id, so that no other act is approved under it.

An institution refuses a second act under an id. This protects officers if it does not: somebody who
was shown one act does not sign another, even if the amount is the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from console.limits import SHOWN_KEPT_S
from dcep.office.v1 import office_pb2
from deployment.topology import StackPlan
from officers.contents import content_of
from officers.signing import digest_of
from runtime.checks import request_id
from runtime.files import create_whole
from runtime.private import make_private


def remember(plan: StackPlan, acts: Iterable[office_pb2.Act]) -> set[str]:
    """Keeps digests of acts that are shown now.

    Returns:
        The ids under which another act was shown before.

    Raises:
        Refusal: an act's id is not valid.
        OSError: they cannot be kept.
    """
    folder = plan.officers_folder / "shown"
    make_private(folder)
    _forget_old(folder)
    changed = set()
    for act in acts:
        act_id = content_of(act).act_id
        file = folder / request_id(act_id, "act_id")
        digest = digest_of(act.proposal.payload)
        if not create_whole(file, digest) and file.read_bytes() != digest:
            changed.add(act_id)
    return changed


def _forget_old(folder: Path) -> None:
    """Deletes the digests of acts that have expired."""
    before = time.time() - SHOWN_KEPT_S
    for file in folder.iterdir():
        if file.stat().st_mtime < before:
            file.unlink(missing_ok=True)
