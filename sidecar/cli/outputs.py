"""Outputs: what a verb makes goes into a file, whole or not at all, or to standard output."""

from pathlib import Path
from typing import Annotated, Final

import typer

from sidecar.adapters.whole_files import replace_file
from sidecar.cli.edge import Edge
from sidecar.cli.exits import UsageError
from sidecar.cli.screen import Screen
from sidecar.core.model import Object

STDOUT: Final = "-"

OutFile = Annotated[
    str, typer.Option("--out", metavar="FILE", help="File to make or replace; - is standard output.")
]


def check_output(out: str, *, json: bool) -> None:
    """Raises UsageError where two results would go to one place."""
    if json and out == STDOUT:
        raise UsageError("--json and --out - both write to standard output")


def write_output(edge: Edge, out: str, raw: bytes) -> None:
    """Raises CannotWrite."""
    if out == STDOUT:
        edge.stdout.write(raw.decode())
    else:
        replace_file(Path(out), raw)


def tell(edge: Edge, out: str, told: Object, lines: tuple[str, ...], *, json: bool) -> None:
    """What was made: as JSON, or as lines of which the first one says that it is well."""
    if json:
        edge.emit(told)
    elif out == STDOUT:
        for line in lines:
            edge.complain(line)
    else:
        Screen(edge).line("ok", lines[0])
        for line in lines[1:]:
            edge.say(line)
