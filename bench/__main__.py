"""``python -m bench NAME`` measures, and prints one JSON line per figure."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from bench.harness import Measurement, Scale
from runtime.command_line import typed_database


def _core(scale: Scale, zipf: bool, database: str, batch: int) -> list[Measurement]:
    from bench import core

    return core.run(scale, zipf=zipf, database=database, batch=batch)


def _sustained(scale: Scale, database: str) -> list[Measurement]:
    from bench import sustained

    return sustained.run(scale, database=database)


def _growth(scale: Scale, database: str) -> list[Measurement]:
    from bench import growth

    return growth.run(scale, database=database)


def _core_all(scale: Scale) -> list[Measurement]:
    """The variants of the core that `--all` measures."""
    from bench import core

    found = core.run(scale)
    if scale is Scale.FULL:
        found += core.run(scale, zipf=True)
        found += core.run(scale, database="postgresql")
        for size in core.BATCH_SIZES[:-1]:
            found += core.run(scale, batch=size)
    return found


def _sustained_all(scale: Scale) -> list[Measurement]:
    from bench import sustained

    found = sustained.run(scale)
    return found + sustained.run(scale, database="postgresql") if scale is Scale.FULL else found


def _named(name: str) -> Callable[[Scale], list[Measurement]]:
    def measure(scale: Scale) -> list[Measurement]:
        from importlib import import_module

        found: list[Measurement] = import_module(f"bench.{name}").run(scale)
        return found

    return measure


def _one_show(scale: Scale) -> list[Measurement]:
    """Measures a prototype, whose library comes with the extra `bench`, or with the tests'."""
    try:
        from bench.one_show import measure
    except ModuleNotFoundError as error:
        raise typer.BadParameter(f"{error}; pip install 'dcep[bench]'") from None
    return measure.run(scale)


BENCHES: dict[str, Callable[[Scale], list[Measurement]]] = {
    "core": _core_all,
    **{
        name: _named(name)
        for name in (
            "signed",
            "cross",
            "ingest",
            "recover",
            "memory",
            "offline",
            "start",
        )
    },
    "one_show": _one_show,
    "sustained": _sustained_all,
}


def _remade(scale: Scale, database: str) -> list[Measurement]:
    from bench import remade

    return remade.run(scale, database=database)


ON_A_DATABASE = {"sustained": _sustained, "growth": _growth, "remade": _remade}
ALONE = {"overload": _named("overload")}
"""Left out of `--all`: it takes minutes."""
NAMES = (*BENCHES, *ALONE, "growth", "remade")


def main(
    name: Annotated[str, typer.Argument(help=f"One of: {', '.join(NAMES)}.")] = "",
    every: Annotated[bool, typer.Option("--all", help="All but growth and overload.")] = False,
    quick: Annotated[bool, typer.Option(help="Smaller and rougher.")] = False,
    tiny: Annotated[bool, typer.Option(help="Only shows that it runs.", hidden=True)] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines only.")] = False,
    zipf: Annotated[bool, typer.Option(help="core: skewed accounts, a third refused.")] = False,
    database_url: Annotated[
        str,
        typer.Option(help="core, sustained, growth, remade: postgresql starts a server; or a URL."),
    ] = "",
    batch: Annotated[int, typer.Option(help="core: records in a batch; 0: 8,190.")] = 0,
) -> None:
    """Measure, and print one JSON line per figure; without --json a sentence each on stderr too."""
    scale = Scale.TINY if tiny else Scale.QUICK if quick else Scale.FULL
    if not every and name not in NAMES:
        raise typer.BadParameter(f"give --all or one of {', '.join(NAMES)}")
    if database_url != "postgresql":
        typed_database(database_url)
    for chosen in BENCHES if every else [name]:
        if chosen == "core" and not every:
            found = _core(scale, zipf, database_url, batch)
        elif chosen in ON_A_DATABASE and not every:
            found = ON_A_DATABASE[chosen](scale, database_url)
        else:
            found = (BENCHES | ALONE)[chosen](scale)
        for result in found:
            print(result.as_json(), flush=True)
            if not as_json:
                print(f"  {_sentence(result)}", file=sys.stderr, flush=True)


def _sentence(result: Measurement) -> str:
    figure = {
        "per_s": f"{result.median:,.0f} {result.unit}/s",
        "seconds": f"{result.median:.2f} s",
        "bytes": f"{result.median:,.1f} bytes {result.unit}",
    }[result.measure]
    against = result.ratio_to
    return f"{result.name}: {figure}, {against.ratio:.3g} × {against.name} ({against.per_s:,.0f})"


if __name__ == "__main__":
    typer.run(main)
