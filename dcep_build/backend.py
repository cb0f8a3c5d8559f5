"""Builds the wheel: what a checkout has as top-level packages lies below ``dcep`` in it (PEP 517).

The build copies what belongs into an environment into a folder of its own, puts every package
below `relocation.HOME`, and leaves the rest to setuptools. An editable installation is left to
setuptools as it stands: it finds the packages where they are.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from setuptools import build_meta as setuptools

from dcep_build.relocation import HOME, relocated

STAYS = frozenset({"bench", "dcep_build", "tests"})
"""Packages that are run from a checkout alone."""

LEFT_OUT = frozenset(
    {"language/catalogue.py", "sandbox/sample", "sandbox/tutorials.py", "simulation/models"}
)
"""Likewise, of the others: what makes catalogues, samples and pictures for the documents, and what
is checked with Spin."""

DATA = frozenset(
    {
        *(".conf", ".mako", ".mo", ".proto", ".py", ".pyi"),
        *(".service", ".sql", ".toml", ".yaml", ".yml"),
    }
)
"""The kinds of files that are read where it is installed, or copied from there by an operator."""

BESIDE = ("LICENSE", "README.md")

_SETUPTOOLS = f"""
[tool.setuptools]
include-package-data = false

[tool.setuptools.packages.find]
include = ["{HOME}*"]

[tool.setuptools.package-data]
"*" = [{", ".join(f'"*{kind}"' for kind in sorted(DATA - {".py"}))}, "py.typed"]
"""

Settings = Mapping[str, Any] | None

get_requires_for_build_wheel = setuptools.get_requires_for_build_wheel
get_requires_for_build_editable = setuptools.get_requires_for_build_editable
build_editable = setuptools.build_editable
prepare_metadata_for_build_editable = setuptools.prepare_metadata_for_build_editable


def get_requires_for_build_sdist(config_settings: Settings = None) -> list[str]:
    """Nothing but setuptools."""
    return []


def build_wheel(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """Builds the wheel of the project in the working directory; returns its file name."""
    target = os.path.abspath(wheel_directory)
    with staged() as folder, contextlib.chdir(folder):
        name: str = setuptools.build_wheel(target, config_settings)
        return name


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    """Packs what git knows of, with the metadata beside it; returns the file name."""
    listed = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True)
    files = [file for file in listed.stdout.split("\0") if file and Path(file).is_file()]
    with tempfile.TemporaryDirectory() as folder:
        with staged() as stage, contextlib.chdir(stage):
            made = setuptools.prepare_metadata_for_build_wheel(folder)
        stem = made.removesuffix(".dist-info")
        metadata = (Path(folder) / made / "METADATA").read_bytes()
    name = f"{stem}.tar.gz"
    with tarfile.open(Path(sdist_directory) / name, "w:gz", format=tarfile.PAX_FORMAT) as packed:
        for file in sorted(files):
            packed.add(file, f"{stem}/{file}", recursive=False)
        about = tarfile.TarInfo(f"{stem}/PKG-INFO")
        about.size = len(metadata)
        packed.addfile(about, io.BytesIO(metadata))
    return name


@contextlib.contextmanager
def staged() -> Iterator[Path]:
    """A folder with what is installed, as setuptools expects a project; removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="dcep-wheel-") as made:
        folder, root = Path(made), Path.cwd()
        for file in BESIDE:
            shutil.copy(root / file, folder)
        packages = packages_of(root)
        project = (root / "pyproject.toml").read_text(encoding="utf-8")
        (folder / "pyproject.toml").write_text(project_of(project, packages), encoding="utf-8")
        for source, target in sorted(contents(root).items()):
            to = folder / target
            to.parent.mkdir(parents=True, exist_ok=True)
            if source.suffix == ".py":
                text = relocated(source.read_text(encoding="utf-8"), packages)
                to.write_text(text, encoding="utf-8")
            else:
                shutil.copy(source, to)
        home = folder / HOME
        (home / "__init__.py").write_text('"""An open two-tier digital currency."""\n')
        (home / "py.typed").touch()
        yield folder


def packages_of(root: Path) -> set[str]:
    """The top-level packages that are installed."""
    found = {file.parent.name for file in root.glob("*/__init__.py")}
    return (found | {"migrations"}) - STAYS


def contents(root: Path) -> dict[Path, PurePosixPath]:
    """The files that are installed, and where each lies.

    Raises FileExistsError when two would lie at one place.
    """
    places: dict[Path, PurePosixPath] = {}
    folders = {root / name: name for name in packages_of(root)}
    folders |= {root / "protos/gen" / HOME: "", root / "protos" / HOME: ""}
    for folder, below in folders.items():
        for file in folder.rglob("*"):
            inside = PurePosixPath(below) / file.relative_to(folder).as_posix()
            if file.suffix in DATA and not _left_out(inside):
                places[file] = HOME / inside
    if len(set(places.values())) != len(places):
        twice = sorted(place for place in places.values() if list(places.values()).count(place) > 1)
        raise FileExistsError(f"two files for one place: {twice[0]}")
    return places


def _left_out(inside: PurePosixPath) -> bool:
    return any(str(path) in LEFT_OUT for path in (inside, *inside.parents))


def project_of(text: str, packages: set[str]) -> str:
    """The project's description for setuptools: commands below `HOME`, and its packages."""
    kept = re.split(r"^\[(?!build-system|project)", text, maxsplit=1, flags=re.MULTILINE)[0]
    ours = "|".join(sorted(packages))
    commands = re.compile(rf'^(\S+ = ")(?=(?:{ours})[.:])', re.MULTILINE)
    return commands.sub(rf"\g<1>{HOME}.", kept) + "\n" + _SETUPTOOLS
