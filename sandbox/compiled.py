"""Compiles the settlement rule and the check of signatures before services start.

Numba keeps what it has compiled. Without this every service would compile at its first start, all
at the same time. So set-up compiles once, with ``python -m sandbox.compiled``. A stack that is
started where no kept code fits the machine compiles first, and says so.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from deployment.limits import LOG_TAIL_LINES
from deployment.processes import ProcessFailed
from language import _
from runtime import compiled_code
from runtime.own_modules import own
from sandbox.limits import COMPILE_POLL_S, COMPILE_TIMEOUT_S

COMPILED = (own("runtime.signatures"), own("settlement.packing"), own("settlement.rule"))
"""The modules whose functions are compiled and kept."""

_ANEW, _COUNT = "--anew", "--count"
_PAYMENTS = 2

Say = Callable[[str], None]


def compile_first(folder: Path, say: Say, show: Say) -> None:
    """Compiles what the services of a stack need, unless what is kept fits this machine.

    Args:
        folder: the stack's; the code is kept there when it cannot be written elsewhere.
        say: gets a sentence on what is done and why.
        show: gets the progress, again and again.

    Raises:
        ProcessFailed: it cannot be compiled; the message has the last lines of the error.
    """
    extra = compiled_code.environment(folder / "compiled")
    os.environ.update(extra)  # this process uses the same compiled rule for replays
    why = reason_to_compile(stamp_file())
    if not why:
        return
    say(why)
    if extra:
        say(_("it is kept in {folder}").format(folder=extra[compiled_code.SETTING]))
    failed = _run(show)
    if failed:
        # A power cut may have left a file half written, which cannot be seen; compiling is cheap.
        say(_("what was kept cannot be used; all of it is compiled anew"))
        failed = _run(show, _ANEW)
    if failed:
        raise ProcessFailed(
            _("the settlement rule cannot be compiled:\n{log_tail}").format(log_tail=failed)
        )


def compile_all() -> None:
    """Has a scratch ledger decide and journal a few records, which compiles all that it uses."""
    from sqlalchemy import MetaData

    from runtime.database import open_engine
    from settlement.build import open_ledger
    from settlement.builders import opening, records_of, transfer
    from settlement.core import Batch
    from settlement.records import AccountFlag
    from settlement.tables import journal_tables

    import_module(own("runtime.signatures"))  # compiled when it is imported
    metadata = MetaData()
    tables = journal_tables(metadata)
    with tempfile.TemporaryDirectory(prefix="dcep-compile-") as folder:
        engine = open_engine(f"sqlite:///{Path(folder) / 'ledger.db'}")
        metadata.create_all(engine)
        books = open_ledger(engine, tables, threaded=False)
        rows = [
            opening(0, ledger=1, flags=AccountFlag.MAY_GO_NEGATIVE, time_ms=1),
            opening(1, ledger=1, time_ms=1),
            *(
                transfer(
                    origin=0,
                    sequence=number,
                    debit=0,
                    credit=1,
                    amount_fen=1,
                    purpose=1,
                    time_ms=1,
                )
                for number in range(1, _PAYMENTS + 1)
            ),
        ]
        books.ledger.submit(Batch(records_of(rows)))
        books.projection.catch_up()
        books.stop()
        engine.dispose()


def reason_to_compile(stamp: Path | None) -> str:
    """A sentence on why to compile; empty when the kept code fits."""
    kept = _read(stamp)
    if kept is None:
        return _("compiling the settlement rule for this machine, once; it takes a minute or two")
    now = made_for()
    if kept["made_for"]["processor"] != now["processor"]:
        return _("what is kept was compiled for another processor; compiling for this one, once")
    if kept["made_for"] != now:
        return _("the settlement rule, or what compiles it, is new; compiling it, once")
    if not all(_is_whole(Path(file), size) for file, size in kept["files"].items()):
        return _("what was compiled is not all there any more; compiling it again")
    return ""


def made_for() -> dict[str, Any]:
    """What decides whether compiled code fits, apart from what Numba checks itself."""
    from llvmlite import binding  # type: ignore[import-untyped]

    features = binding.get_host_cpu_features().flatten()
    processor = f"{binding.get_host_cpu_name()} {hashlib.sha256(features.encode()).hexdigest()[:8]}"
    sources = {name: hashlib.sha256(_source(name).read_bytes()).hexdigest() for name in COMPILED}
    return {
        "processor": processor,
        "python": platform.python_version(),
        "numba": version("numba"),
        "llvmlite": version("llvmlite"),
        "settings": {
            name: value
            for name, value in sorted(os.environ.items())
            if name.startswith("NUMBA_") and name != compiled_code.SETTING
        },
        "sources": sources,
    }


def stamp_file() -> Path | None:
    """The file, beside the compiled code, that says what was compiled; None: nothing is kept."""
    source = _source(own("settlement.rule"))
    place = compiled_code.kept_in(source)
    of_these = hashlib.sha256(str(source).encode()).hexdigest()[:8]
    return place / f"dcep-compiled-{of_these}.json" if place is not None else None


def _source(module: str) -> Path:
    """The source file of one of our modules, found without importing it."""
    found = find_spec(module)
    assert found is not None and found.origin is not None, module
    return Path(found.origin)


def _read(stamp: Path | None) -> dict[str, Any] | None:
    try:
        kept = json.loads(stamp.read_text()) if stamp is not None else None
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) and {"made_for", "files"} <= kept.keys() else None


def _is_whole(file: Path, size: int) -> bool:
    try:
        return file.stat().st_size >= size  # more, when more was compiled since
    except OSError:
        return False


def _run(show: Say, *options: str) -> str:
    """Compiles in a process of its own; returns the last lines of its error, "" for none."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            [*command(), _COUNT, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        late = threading.Timer(COMPILE_TIMEOUT_S, child.kill)
        late.start()
        try:
            assert child.stdout is not None
            for line in child.stdout:
                done, __, total = line.strip().partition(" ")
                show(_("compiled {done} of {total}").format(done=done, total=total))
            if child.wait() == 0:
                return ""
        finally:
            child.kill()
            child.wait()
            late.cancel()
        errors.seek(0)
        lines = errors.read().decode(errors="replace").splitlines()
    return "\n".join(lines[-LOG_TAIL_LINES:]) or _("it ended with status {status}").format(
        status=child.returncode
    )


def command() -> list[str]:
    """What compiles, in a process of its own."""
    return [sys.executable, "-m", own("sandbox.compiled")]


def _dispatchers() -> list[Any]:
    """All our functions for Numba, compiled yet or not."""
    modules = [import_module(name) for name in COMPILED]
    found = {id(each): each for module in modules for each in vars(module).values()}
    return [each for each in found.values() if hasattr(each, "py_func")]


def forget() -> None:
    """Deletes our kept code, so that none of it is loaded."""
    for name in COMPILED:
        source = _source(name)
        for place in compiled_code.places(source):
            for file in _kept_of(source, place):
                file.unlink(missing_ok=True)


def _kept_of(source: Path, place: Path) -> Iterator[Path]:
    """The files of kept code that a source file has in one place."""
    for folder in (place, *place.glob(f"{source.parent.name}_*")):
        for ending in ("nbi", "nbc"):
            yield from folder.glob(f"{source.stem}.*.{ending}")


def _tell(ended: threading.Event) -> None:
    """Prints how many functions are compiled, each time that the number changes."""
    told = -1
    while not ended.wait(COMPILE_POLL_S):
        functions = _dispatchers()
        done = sum(bool(each.signatures) for each in functions)
        if done != told:
            told = done
            sys.stdout.write(f"{done} {len(functions)}\n")
            sys.stdout.flush()


def _main(options: list[str]) -> None:
    compiled_code.keep_somewhere()
    if _ANEW in options:
        forget()
    ended = threading.Event()
    teller = threading.Thread(target=_tell, args=(ended,), daemon=True)
    if _COUNT in options:
        teller.start()
    else:
        sys.stdout.write(f"{reason_to_compile(None)}\n")
        sys.stdout.flush()
    compile_all()
    ended.set()
    stamp = stamp_file()
    if stamp is not None:
        write_down(stamp)


def write_down(stamp: Path) -> None:
    """Writes what was compiled, and for which machine, into the file that says so."""
    kept = {
        str(file): file.stat().st_size
        for folder in {each.stats.cache_path for each in _dispatchers()}
        for name in COMPILED
        for file in Path(folder).glob(f"{_source(name).stem}.*.nb[ci]")
    }
    half = stamp.with_suffix(f".{os.getpid()}")
    half.write_text(json.dumps({"made_for": made_for(), "files": kept}))
    half.replace(stamp)


if __name__ == "__main__":
    _main(sys.argv[1:])
