"""Services and commands as processes forked from one that has read their modules already.

The same as `subprocess`, a second of a processor cheaper each. A process is started in full, by
`subprocess`, where the start itself can matter: where the environment has what the interpreter or
a library reads only once, when it begins; where the number of files that it may open was changed;
and by all tests that call `subprocess` themselves.
"""

from __future__ import annotations

import atexit
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import IO

from tests.fork_client import WIDTH, ask

_READ_LATE = (
    *("DCEP_", "WALLET_HOME", "LANG", "COLUMNS", "PYTEST_", "HOME", "XDG_", "PATH", "TZ"),
    "NO_COLOR",
    "SOFTHSM2_CONF",
    *("COMP_", "_DCEP_COMPLETE", "_WALLET_COMPLETE", "_TYPER_COMPLETE_"),  # of completion
)
"""How variables begin that ours read when they run, and nobody before that."""

_lock = threading.Lock()
_server: Known | None = None


class Known:
    """A process that forks, and what this process had when that began or forked it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.environment = importing()
        self.files = resource.getrlimit(resource.RLIMIT_NOFILE)

    def fits(self, environment: Mapping[str, str]) -> bool:
        """Whether a process with this environment would have begun in the same way."""
        names = self.environment.keys() | environment.keys()
        return resource.getrlimit(resource.RLIMIT_NOFILE) == self.files and all(
            name.startswith(_READ_LATE) or self.environment.get(name) == environment.get(name)
            for name in names
        )


class Server(Known):
    """The process that forks, of this test process."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="dcep-forks-"))
        super().__init__(str(self._folder / "forks"))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.address)
            listener.listen(64)
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.fork_server", str(listener.fileno())),
                    "-" * WIDTH,
                ],
                stdin=subprocess.PIPE,
                pass_fds=[listener.fileno()],
                cwd=Path(__file__).parent.parent,
                env=self.environment,
                start_new_session=True,
            )
        atexit.register(self.close)

    def close(self) -> None:
        """Ends it, and what still runs of what it has forked."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        shutil.rmtree(self._folder)


def join(address: str) -> None:
    """Has what this process starts forked there, where it was forked itself."""
    global _server
    _server = Known(address)


def server() -> Known | None:
    """The one of this process; None where there can be none."""
    global _server
    if not Path("/proc/self/stat").exists():
        return None
    with _lock:
        if _server is None:
            _server = Server()
        return _server


def importing() -> dict[str, str]:
    """This process's environment, and what it can import importable."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}


class Forked:
    """A process of our modules: as much of `subprocess.Popen` as is used of one."""

    def __init__(
        self,
        of: Known,
        words: Sequence[str],
        environment: Mapping[str, str],
        files: Sequence[int],
        *,
        new_session: bool = False,
    ) -> None:
        """Runs ``python -m WORDS`` with its three standard files."""
        self.args = [sys.executable, "-m", *words]
        self.returncode: int | None = None
        self._connection = ask(of.address, words, environment, files, new_session=new_session)
        self._said = self._connection.makefile("r")
        self.pid = int(self._said.readline())
        self._watch = threading.Thread(target=self._await_end, daemon=True)
        self._watch.start()

    def _await_end(self) -> None:
        with self._connection, self._said:
            self.returncode = int(self._said.readline())

    def poll(self) -> int | None:
        """Its exit status, or None while it runs; minus the number of the signal that ended it."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end. Raises subprocess.TimeoutExpired."""
        self._watch.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Sends a signal, if it still runs."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Asks it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it."""
        self.send_signal(signal.SIGKILL)


def was_forked(pid: int) -> bool:
    """Whether a process that runs was forked so; its first word is as long as there is room."""
    return b"  \0" in Path(f"/proc/{pid}/cmdline").read_bytes()


def run(
    words: Sequence[str], environment: Mapping[str, str], timeout_s: float = 240
) -> subprocess.CompletedProcess[bytes]:
    """Runs ``python -m WORDS`` to its end; it has nothing to read.

    Raises subprocess.TimeoutExpired.
    """
    of = server()
    if of is None or not of.fits(environment):
        return subprocess.run(
            [sys.executable, "-m", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=timeout_s,
            env=environment,
        )
    with (
        open(os.devnull, "rb") as nothing,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        files = [nothing.fileno(), out.fileno(), err.fileno()]
        process = Forked(of, words, environment, files)
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(process.args, code, out.read(), err.read())


def popen(
    argv: Sequence[str],
    *,
    stdin: int,
    stdout: IO[bytes],
    stderr: int,
    start_new_session: bool,
    env: Mapping[str, str],
) -> Forked | subprocess.Popen[bytes]:
    """What `deployment.processes` asks of `subprocess.Popen`."""
    of = server()
    if of is None or argv[:2] != [sys.executable, "-m"] or not of.fits(env):
        return subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=start_new_session,
            env=env,
        )
    assert (stdin, stderr) == (subprocess.DEVNULL, subprocess.STDOUT)
    with open(os.devnull, "rb") as nothing:
        files = [nothing.fileno(), stdout.fileno(), stdout.fileno()]
        return Forked(of, argv[2:], env, files, new_session=start_new_session)


_PYTHON = """\
#!{executable} -IS
import sys
sys.path.insert(0, {root!r})
from tests.fork_client import main
sys.exit(main({address!r}, {executable!r}))
"""


def python(folder: Path) -> str:
    """A program that takes `-m MODULE WORDS` as Python does, and has it forked; in a folder.

    For shells, whose environment has nothing that is read at a start.
    """
    of = server()
    if of is None:
        return sys.executable
    program = folder / "python"
    root = str(Path(__file__).parent.parent)
    program.write_text(_PYTHON.format(executable=sys.executable, address=of.address, root=root))
    program.chmod(0o755)
    return str(program)


AS_SUBPROCESS = SimpleNamespace(**{**vars(subprocess), "Popen": popen})
"""For a module that is to start its processes so."""
