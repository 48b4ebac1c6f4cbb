"""Screen: how people see results: tables, a coloured word. Colour only on a terminal."""

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sidecar.cli.edge import Edge, printable

_PIPE_WIDTH: Final = 1000
_STYLES: Final = {
    "allow": "bold green",
    "ok": "green",
    "pending": "bold yellow",
    "degraded": "yellow",
    "deny": "bold red",
    "finding": "bold red",
    "note": "yellow",
    "skipped": "dim",
    "failing": "red",
    "failed": "bold red",
    "passed": "green",
}


class Screen:
    """Writes to the edge's stdout. A pipe has no width, so nothing is wrapped there."""

    def __init__(self, edge: Edge) -> None:
        width = None if edge.stdout.isatty() else _PIPE_WIDTH
        self._stdout = edge.stdout
        self._console = Console(file=edge.stdout, width=width, markup=False, highlight=False, emoji=False)

    def table(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Columns as wide as their cells; words that stand for a state are coloured."""
        table = Table(*header, box=None, pad_edge=False, header_style="bold")
        for row in rows:
            table.add_row(*map(_cell, row))
        with self._console.capture() as captured:
            self._console.print(table)
        self._stdout.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())

    def line(self, word: str, rest: str = "") -> None:
        """A line that begins with a word that stands for a state."""
        self._console.print(Text.assemble(_cell(word), " ", printable(rest)), soft_wrap=True)


def _cell(text: str) -> Text:
    return Text(printable(text), style=_STYLES.get(text.lower(), ""), overflow="fold")
