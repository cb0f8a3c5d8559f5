"""A disk that fails or is full, under load on SQLite: in the payers' own process, for real."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event

from settlement.core import Answers
from tests.settlement.books import fresh, system
from tests.settlement.payers import Outcomes, kept, pay_until_stopped

_SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>

long syncs_left = -1; /* below zero: all succeed */

static int synced(const char *name, int file) {
    if (syncs_left == 0) { errno = EIO; return -1; }
    if (syncs_left > 0) syncs_left--;
    return ((int (*)(int))dlsym(RTLD_NEXT, name))(file);
}

int fsync(int file) { return synced("fsync", file); }
int fdatasync(int file) { return synced("fdatasync", file); }
"""


def paid_elsewhere(url: str, plug: str, number: int, reason: str, **environment: str) -> Outcomes:
    """The payers in a process that pulls the plug on itself and ends without a word to SQLite."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.settlement.payers", url, plug, str(number), reason],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        stdout=subprocess.PIPE,
        timeout=60,
    )
    assert ended.returncode == 0
    said: dict[str, list[Any]] = json.loads(ended.stdout)
    return {
        int(payer): [None if one is None else _answers(*one) for one in answers]
        for payer, answers in said.items()
    }


def _answers(results: list[int], positions: list[int]) -> Answers:
    count = len(results)
    return Answers(
        np.array(results, np.uint8),
        np.zeros(count, np.uint64),
        np.zeros(count, np.bool_),
        np.array(positions, np.uint64),
    )


@pytest.fixture
def url(tmp_path: Path) -> str:
    """An SQLite database with money in it."""
    url = f"sqlite:///{tmp_path / 'test.db'}"
    engine, tables = fresh(url)
    system(engine, tables)
    engine.dispose()
    return url


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A library that makes fsync fail, to be loaded before all others."""
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("a failing fsync needs a C compiler and Linux")
    folder = tmp_path_factory.mktemp("shim")
    (folder / "shim.c").write_text(_SHIM)
    command = [compiler, "-shared", "-fPIC", "-o", "shim.so", "shim.c", "-ldl"]
    subprocess.run(command, cwd=folder, check=True)
    return str(folder / "shim.so")


@pytest.mark.parametrize("syncs", [3, 12])
def test_a_commit_that_does_not_reach_the_disk_is_not_answered(
    url: str, shim: str, syncs: int
) -> None:
    kept(url, paid_elsewhere(url, "fsync", syncs, "disk I/O error", LD_PRELOAD=shim))


@pytest.mark.parametrize("spare_bytes", [5_000, 100_000])
def test_a_file_that_cannot_grow_stops_the_core(url: str, spare_bytes: int) -> None:
    unknown = kept(url, paid_elsewhere(url, "size", spare_bytes, "disk I/O error"))
    assert not any(unknown)


def test_a_full_database_stops_the_core(url: str) -> None:
    engine, tables = fresh(url)
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    engine.dispose()

    @event.listens_for(engine, "connect")
    def bound(connection: Any, _: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages + 10}")

    unknown = kept(url, pay_until_stopped(engine, tables, lambda _: None, reason="disk is full"))
    assert not any(unknown)
