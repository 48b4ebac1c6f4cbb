"""`approvals watch`: what waits now, then each change as it comes."""

import time
from collections.abc import Iterable
from typing import Final

import msgspec
import typer

from sidecar.cli.approvals.asking import SocketPath, browse, doors_of
from sidecar.cli.approvals.told import Page, Summary, inline, parse
from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.options import Json, RunDir, StateDir
from sidecar.core.model import Object

WATCH: Final = """\b
Examples:
  ascend-sidecar approvals watch
  ascend-sidecar approvals watch --json | while read -r line; do notify "$line"; done

Prints what is open, then every change: opened, voted on, escalated, granted, denied, expired, used.

Exit codes: 130 interrupted, 64 usage, 69 the daemon does not answer (any more).
"""
_HELD: Final = {"Prefer": "wait=8"}
_BREATH: Final = 0.2


class _Lines(msgspec.Struct, frozen=True):
    """The page again, each approval as it was told."""

    approvals: tuple[Object, ...]


def watch(
    context: typer.Context,
    *,
    socket: SocketPath = None,
    state_dir: StateDir = None,
    run_dir: RunDir = None,
    json: Json = False,
) -> int:
    """Show actions that wait for people as they come, until interrupted."""
    edge = edge_of(context)
    doors = doors_of(edge, socket, state_dir, run_dir)
    raw = browse(doors)
    while True:
        page = parse(raw, Page)
        _print(edge, raw, page.approvals, json)
        if not page.approvals:
            time.sleep(_BREATH)  # a daemon may be told not to hold answers back
        raw = browse(doors, f"?state=all&since={page.changes}", _HELD)


def _print(edge: Edge, raw: bytes, approvals: Iterable[Summary], json: bool) -> None:
    if json:
        for told in parse(raw, _Lines).approvals:
            edge.stdout.write(msgspec.json.encode(told).decode() + "\n")
    else:
        for one in approvals:
            edge.say(_line(one))
    edge.stdout.flush()


def _line(told: Summary) -> str:
    votes = (
        f"  {len(told.approved_by)} of {told.quorum} by {', '.join(told.approvers) or 'the platform'}"
        if told.is_open
        else ""
    )
    used = ", used" if told.used_at else ""
    when = told.used_at or told.resolved_at or told.opened_at
    what = f"{told.subject}  {told.action}  {told.resource}"
    return inline(f"{when}  {told.word + used:<14}  {told.id}  {what}{votes}")
