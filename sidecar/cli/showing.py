"""`audit show`: the records that are wanted, oldest first, and new ones as they come."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from sidecar.adapters.audit_files.keys import load_vkey
from sidecar.adapters.audit_files.layout import Layout
from sidecar.adapters.audit_files.reading import Entry, LogReader
from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.exits import Exit
from sidecar.cli.options import StateDir, config_of
from sidecar.cli.records import Wanted, line_of, moment_of
from sidecar.core.errors import AuditError

_MOST: Final = 10_000

VerdictWord = Annotated[str | None, typer.Option("--verdict", help="allow, pending or deny.")]
CodeWord = Annotated[str | None, typer.Option("--code", help="Such as policy_denied.")]
Subject = Annotated[str | None, typer.Option("--subject", help="type:id; a * at the end is anything.")]
Action = Annotated[str | None, typer.Option("--action", help="Name; a * at the end is anything.")]
Since = Annotated[str | None, typer.Option("--since", help="So long ago as 15m, or a time in RFC 3339.")]
Seq = Annotated[int | None, typer.Option("--seq", min=0, help="The record of this number, whole.")]
Limit = Annotated[int, typer.Option("--limit", min=0, max=_MOST, help="The last so many; 0 is all.")]
Follow = Annotated[bool, typer.Option("--follow", help="Go on with new records until interrupted.")]
Lines = Annotated[bool, typer.Option("--json", help="Records as they stand in the log, byte for byte.")]


def show(
    context: typer.Context,
    *,
    verdict: VerdictWord = None,
    code: CodeWord = None,
    subject: Subject = None,
    action: Action = None,
    since: Since = None,
    seq: Seq = None,
    limit: Limit = 20,
    follow: Follow = False,
    state_dir: StateDir = None,
    json: Lines = False,
) -> int:
    """Show records of the decision log, oldest first."""
    edge = edge_of(context)
    wanted = Wanted(verdict, code, subject, action)
    moment = moment_of(since, time.time())
    reader = _reader(config_of(edge, state_dir).state_dir)
    try:
        if seq is not None:
            return _show_one(edge, seq, reader.entry(seq), json)
        for entry in _chosen(reader, wanted, moment, limit, follow):
            _print(edge, entry, json)
    except AuditError as error:
        edge.complain(f"{error}; `audit verify` tells more")
        return Exit.DENIED
    return Exit.OK


def _reader(state: Path) -> LogReader:
    """Raises ConfigError where there is no log, which would else look like one without records."""
    load_vkey(Layout(state))
    return LogReader(state)


def _chosen(
    reader: LogReader, wanted: Wanted, since: float | None, limit: int, follow: bool
) -> Iterator[Entry]:
    newest = reader.newest(1)
    shown = newest[0].seq if newest else -1
    for entry in _past(reader, wanted, since, limit):
        shown = max(shown, entry.seq)
        yield entry
    if follow:
        yield from filter(wanted.matches, reader.follow(shown + 1))


def _past(reader: LogReader, wanted: Wanted, since: float | None, limit: int) -> Iterable[Entry]:
    if wanted.is_everything and since is None and limit:
        return reversed(reader.newest(limit))
    found = reader.select(wanted.matches, since=since)
    return deque(found, maxlen=limit) if limit else found


def _print(edge: Edge, entry: Entry, json: bool) -> None:
    if json:
        edge.stdout.write(entry.line.decode("utf-8", "backslashreplace") + "\n")
    else:
        edge.say(line_of(entry))
    edge.stdout.flush()


def _show_one(edge: Edge, seq: int, entry: Entry | None, json: bool) -> Exit:
    if entry is None:
        edge.complain(f"there is no record {seq}, or it is no longer kept")
        return Exit.DENIED
    if json:
        _print(edge, entry, json)
    else:
        edge.emit(entry.record)
        edge.say(f"sha256 {entry.hash}")
    return Exit.OK
