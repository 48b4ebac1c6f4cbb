"""Edge: what a verb has of the process: environment and streams. Results go to stdout, all else to stderr."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, TextIO

import msgspec
import typer


@dataclass(frozen=True, slots=True)
class Edge:
    """Handed to every verb as its typer context's object."""

    environ: Mapping[str, str]
    stdin: BinaryIO
    stdout: TextIO
    stderr: TextIO

    def say(self, text: str = "") -> None:
        """A line of the result."""
        self.stdout.write(printable(text) + "\n")

    def emit(self, value: Any) -> None:
        """The whole result as JSON."""
        raw = msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2)
        self.stdout.write(raw.decode() + "\n")

    def complain(self, text: str) -> None:
        """A line about what went wrong, or about how it goes."""
        self.stderr.write(printable(text) + "\n")


def edge_of(context: typer.Context) -> Edge:
    """The edge that the entry point handed in."""
    edge = context.find_root().obj
    if not isinstance(edge, Edge):
        raise TypeError("verbs are called through sidecar.cli.main.run")
    return edge


def printable(text: str) -> str:
    """Text as a terminal may see it: reasons and records hold what agents wrote, which could steer it.

    Control, format and surrogate characters (Unicode Cc, Cf, Cs) are shown as escapes; line feeds stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character == "\n" or unicodedata.category(character) not in {"Cc", "Cf", "Cs"}:
        return character
    return character.encode("unicode_escape", "backslashreplace").decode()
