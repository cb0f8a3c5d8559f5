"""The wheel: all that is needed, below one name, and it works where nothing else of ours is.

`make check-wheel` goes further: it installs the wheel into an empty environment and runs the demo.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from dcep_build.backend import LEFT_OUT, STAYS, packages_of

pytestmark = pytest.mark.xdist_group("wheel")
ROOT = Path(__file__).resolve().parents[2]
BUILD = "import sys; from dcep_build import backend; print(backend.build_{}(sys.argv[1]))"
IMPORT_ALL = """
import importlib, pkgutil, sys
import dcep
names = [module.name for module in pkgutil.walk_packages(dcep.__path__, "dcep.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(*names)
print(*sys.modules)
"""


def built(what: str, folder: Path) -> Path:
    command = [sys.executable, "-c", BUILD.format(what), str(folder)]
    ran = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return folder / ran.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def files(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as packed:
        return set(packed.namelist())


def tracked(*kinds: str) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", *kinds], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return {file for file in listed.stdout.splitlines() if (ROOT / file).is_file()}


def left_out(file: str) -> bool:
    return any(file == path or file.startswith(f"{path}/") for path in LEFT_OUT)


def test_an_environment_gets_one_name(files: set[str]) -> None:
    tops = {file.partition("/")[0] for file in files}
    assert {re.sub(r"-.*\.dist-info$", ".dist-info", top) for top in tops} == {
        "dcep",
        "dcep.dist-info",
    }


def test_every_module_is_in_it_but_for_what_a_checkout_alone_is_for(files: set[str]) -> None:
    modules = {file for file in tracked("*.py") if "/" in file and not left_out(file)}
    wanted = {
        f"dcep/{file}" for file in modules if file.split("/")[0] in packages_of(ROOT) - {"protos"}
    }
    generated = {file.removeprefix("protos/gen/") for file in tracked("protos/gen/*.py")}
    made = {file for file in files if file.endswith(".py")}
    assert made == wanted | generated | {"dcep/__init__.py"}
    assert {file.split("/")[1] for file in files} & STAYS == set()


def test_what_is_read_at_run_time_is_in_it(files: set[str]) -> None:
    for service in ("central_bank", "operator_bank", "wallet"):
        assert f"dcep/migrations/{service}/env.py" in files
    assert "dcep/language/locale/zh_CN/LC_MESSAGES/dcep.mo" in files
    for kind in ("systemd", "kubernetes"):
        units = {f"dcep/{file}" for file in tracked(f"deployment/{kind}/*")}
        assert len(units) == 4 and units <= files
    for kind in ("barman", "patroni", "policies", "prometheus"):
        given = {f"dcep/{file}" for file in tracked(f"deployment/{kind}/*")}
        assert given and given <= files
    contract = {
        f"dcep/{file.removeprefix('protos/dcep/')}" for file in tracked("protos/dcep/*.proto")
    }
    assert len(contract) > 9 and contract <= files
    assert "dcep/py.typed" in files
    assert [file for file in files if file.endswith("/licenses/LICENSE")]
    assert not [file for file in files if left_out(file.removeprefix("dcep/"))]


def test_each_path_that_is_left_out_is_there() -> None:
    assert [path for path in LEFT_OUT if not (ROOT / path).exists()] == []


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder)
    return folder


def run(unpacked: Path, cwd: Path, *arguments: str) -> str:
    """Python with what is unpacked first on its path, and nothing compiled: that takes long."""
    environment = {**os.environ, "PYTHONPATH": str(unpacked), "NUMBA_DISABLE_JIT": "1"}
    ran = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_every_module_is_imported_from_an_empty_folder(unpacked: Path, tmp_path: Path) -> None:
    names, loaded = run(unpacked, tmp_path, "-c", IMPORT_ALL).splitlines()
    assert {f"dcep.{package}" for package in packages_of(ROOT) - {"migrations"}} <= set(
        names.split()
    )
    # The environment of the tests knows the checkout too; nothing may have come from there.
    assert {name.partition(".")[0] for name in loaded.split()} & packages_of(ROOT) == set()


def test_its_commands_are_where_they_are_said_to_be(unpacked: Path, tmp_path: Path) -> None:
    points = next(unpacked.glob("*.dist-info/entry_points.txt")).read_text()
    commands = dict(re.findall(r"^(\w+) = ([\w.]+):main$", points, re.MULTILINE))
    assert commands.keys() == {"dcep", "wallet"}
    version = next(unpacked.glob("*.dist-info/METADATA")).read_text().splitlines()[2].split()[1]
    for module in commands.values():
        assert module.startswith("dcep.")
        ask = f"from {module} import main; main()"
        assert run(unpacked, tmp_path, "-c", ask, "--version").strip() == version


def test_processes_run_the_modules_below_it(unpacked: Path, tmp_path: Path) -> None:
    ask = "from dcep.sandbox.begin import own; print(own('central_bank'))"
    assert run(unpacked, tmp_path, "-c", ask).strip() == "dcep.central_bank"


def test_a_stack_and_its_schemas_are_made_from_it(unpacked: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    ask = f"from dcep.runtime.database import upgrade; upgrade({url!r}, 'operator_bank')"
    run(unpacked, tmp_path, "-c", ask)
    assert (tmp_path / "bank.db").stat().st_size
    run(unpacked, tmp_path, "-m", "dcep.sandbox.cli.main", "init", "--stack", "stack")
    assert (tmp_path / "stack" / "stack.json").is_file()


def test_the_source_archive_holds_what_is_tracked(tmp_path: Path) -> None:
    archive = built("sdist", tmp_path)
    with tarfile.open(archive) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    assert names == tracked() | {"PKG-INFO"}
