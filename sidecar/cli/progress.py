"""Progress: how far a long walk has come, on stderr, and only where somebody watches."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress as Bar

from sidecar.cli.edge import Edge


class Progress:
    """A context manager; its bar is gone when it ends."""

    def __init__(self, edge: Edge, what: str) -> None:
        self._bar = Bar(console=Console(file=edge.stderr), transient=True, disable=not edge.stderr.isatty())
        self._task = self._bar.add_task(what, total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def advance(self, done: int, total: int) -> None:
        """`done` of `total`, bytes or records."""
        self._bar.update(self._task, completed=done, total=total)
