"""What is forked does as what is started: tests of services and commands may rely on it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deployment.processes import Running, ServiceCommand
from tests import forked

SLEEP = ["timeit", "-n1", "-r1", "import time; time.sleep(600)"]


@pytest.mark.parametrize(
    "words",
    [
        ["wallet.cli.main", "--version"],
        ["wallet.cli.main", "pay"],
        ["wallet.cli.main", "--help"],
        ["sandbox.cli.main", "--json", "keys"],
        ["sandbox.cli.main", "status", "--stack", "/nowhere"],
        ["central_bank", "--settings", "/nowhere"],
        ["operator_bank", "--nonsense"],
        ["operator_bank.edge", "--nonsense"],
    ],
    ids=" ".join,
)
def test_the_same_is_said_with_the_same_exit_code(words: list[str]) -> None:
    environment = forked.importing()
    started = subprocess.run(
        [sys.executable, "-m", *words], capture_output=True, env=environment, check=False
    )
    done = forked.run(words, environment)
    assert done.returncode == started.returncode
    assert done.stdout == started.stdout
    assert done.stderr == started.stderr
    assert done.stdout or done.stderr


@pytest.mark.parametrize("tongue", ["C", "zh_CN.UTF-8"])
def test_the_same_is_said_in_another_language_and_without_colours(tongue: str) -> None:
    environment = {**forked.importing(), "LANG": tongue, "NO_COLOR": "1", "COLUMNS": "40"}
    of = forked.server()
    assert of is None or of.fits(environment)
    words = ["sandbox.cli.main", "status", "--stack", "/nowhere"]
    started = subprocess.run(
        [sys.executable, "-m", *words], capture_output=True, env=environment, check=False
    )
    done = forked.run(words, environment)
    assert (done.returncode, done.stdout) == (started.returncode, started.stdout)
    assert done.stderr == started.stderr
    assert any(b > 127 for b in done.stderr) == (tongue != "C")


def test_it_has_the_environment_folder_and_mask_of_whoever_runs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = os.umask(0o027)
    try:
        code = "import os; print(os.environ, os.getcwd(), oct(os.umask(0)))"
        done = forked.run(["timeit", "-n1", "-r1", code], {**forked.importing(), "DCEP_A": "here"})
    finally:
        os.umask(before)
    assert b"'DCEP_A': 'here'" in done.stdout
    assert f"{tmp_path} 0o27".encode() in done.stdout
    assert (
        forked.run(["timeit", "-n1", "-r1", code], forked.importing()).stdout.count(b"DCEP_A") == 0
    )


@pytest.mark.parametrize(
    "words",
    [
        ["-m", "wallet.cli.main", "--version"],
        ["-m", "sandbox.cli.main", "status", "--stack", "/nowhere"],
        ["-m", "timeit", "-n1", "-r1", "import os; os.abort()"],
        ["-c", "import sys; print(sys.executable)"],
    ],
    ids=" ".join,
)
def test_a_shell_gets_the_same_of_what_is_forked_for_it(words: list[str], tmp_path: Path) -> None:
    def run(program: str) -> tuple[str, str]:
        done = subprocess.run(
            ["bash", "-c", '"$0" "$@"; echo "ends with $?"', program, *words],
            capture_output=True,
            env=forked.importing(),
            check=False,
            text=True,
        )
        # Bash says of a process of its own that it was aborted.
        return done.stdout, "" if "134" in done.stdout else done.stderr

    assert run(forked.python(tmp_path)) == run(sys.executable)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_signal_ends_it_and_is_told(number: signal.Signals, tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        process = forked.popen(
            [sys.executable, "-m", *SLEEP],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=forked.importing(),
        )
    assert process.poll() is None
    os.killpg(process.pid, number)
    # Where timeit has begun, it shows an interrupt itself, and ends with 1.
    assert process.wait(30) in (-number, 1 if number is signal.SIGINT else -number)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="nothing is forked here")
def test_a_service_is_found_again_by_its_id_and_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployment.processes.subprocess", forked.AS_SUBPROCESS)
    command = ServiceCommand("sleeper", SLEEP[0], tuple(SLEEP[1:]), tmp_path / "log")
    running = Running.start(command)
    try:
        assert isinstance(running._child, forked.Forked)
        assert Running.find(command, running.pid) is not None
        other = ServiceCommand("sleeper", SLEEP[0], ("-n2", *SLEEP[2:]), tmp_path / "log")
        assert Running.find(other, running.pid) is None
    finally:
        running.kill()
    assert Running.find(command, running.pid) is None


@pytest.mark.parametrize("name", ["PYTHONIOENCODING", "LC_ALL", "NUMBA_CACHE_DIR", "GRPC_TRACE"])
def test_what_is_read_at_a_start_has_it_started(name: str) -> None:
    of = forked.server()
    assert of is None or of.fits(forked.importing())
    assert of is None or not of.fits({**forked.importing(), name: "latin-1"})
