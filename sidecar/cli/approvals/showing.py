"""`approvals list` and `approvals show`."""

from typing import Annotated, Final

import msgspec
import typer

from sidecar.cli.approvals.asking import Id, SocketPath, browse, doors_of, get, path_of
from sidecar.cli.approvals.told import Details, Page, Summary, inline, parse, show_details
from sidecar.cli.edge import edge_of
from sidecar.cli.exits import Exit
from sidecar.cli.options import Json, RunDir, StateDir
from sidecar.cli.refusals import Refused, tell_refusal
from sidecar.cli.screen import Screen

LIST: Final = """\b
Examples:
  ascend-sidecar approvals list
  ascend-sidecar approvals list --all --json

Exit codes: 0 listed, 64 usage, 69 no daemon answers.
"""
SHOW: Final = """\b
Examples:
  ascend-sidecar approvals show apr_0a1b2c
  ascend-sidecar approvals show apr_0a1b2c --json

Secrets are shown as in the decision log: by a keyed digest.

Exit codes: 0 shown, 1 there is no such approval, 64 usage, 69 no daemon answers.
"""
_HEADER: Final = ("ID", "STANDING", "WHO ASKS", "ACTION", "RESOURCE", "APPROVED", "ASKED", "UNTIL")

All = Annotated[bool, typer.Option("--all", help="Those resolved within the last hour too.")]


def list_approvals(
    context: typer.Context,
    *,
    everything: All = False,
    socket: SocketPath = None,
    state_dir: StateDir = None,
    run_dir: RunDir = None,
    json: Json = False,
) -> int:
    """List the actions that wait for people, oldest first."""
    edge = edge_of(context)
    raw = browse(doors_of(edge, socket, state_dir, run_dir), "?state=all" if everything else "")
    page = parse(raw, Page)
    if json:
        edge.emit(msgspec.Raw(raw))
    elif page.approvals:
        Screen(edge).table(_HEADER, map(_row, page.approvals))
        if page.more:
            edge.say(f"and {page.more} more")
    else:
        edge.say("nothing waits for approval")
    return Exit.OK


def show(
    context: typer.Context,
    approval_id: Id,
    *,
    socket: SocketPath = None,
    state_dir: StateDir = None,
    run_dir: RunDir = None,
    json: Json = False,
) -> int:
    """Show one approval: who asks for what, why it waits, who has answered and who may."""
    edge = edge_of(context)
    path = path_of(approval_id)
    try:
        raw = get(doors_of(edge, socket, state_dir, run_dir), path)
    except Refused as refused:
        return tell_refusal(edge, refused, json=json)
    told = parse(raw, Details)
    if json:
        edge.emit(msgspec.Raw(raw))
    else:
        show_details(edge, told)
    return Exit.OK


def _row(told: Summary) -> tuple[str, ...]:
    votes = f"{len(told.approved_by)} of {told.quorum}" if told.is_open else "-"
    until = told.expires_at or told.resolved_at
    asked = ", ".join(told.approvers) or ("the platform" if told.is_open else "")
    cells = (told.id, told.word, told.subject, told.action, told.resource, votes, asked, until)
    return tuple(map(inline, cells))
