"""`approvals approve` and `approvals deny`: by the uid that one is, or by a statement that one signs."""

import time
from typing import Annotated, Final

import msgspec
import typer

from sidecar.cli.approvals.asking import Id, SocketPath, doors_of, get, path_of, post
from sidecar.cli.approvals.told import Details, parse
from sidecar.cli.doors import Door
from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.exits import Exit, UsageError
from sidecar.cli.options import Json, RunDir, StateDir
from sidecar.cli.refusals import Refused, tell_refusal
from sidecar.cli.screen import Screen
from sidecar.cli.trusting import private_key
from sidecar.core.approval import Choice
from sidecar.core.model import Object
from sidecar.core.statement import Statement, make_statement
from sidecar.core.trust import PrivateKey

_CODES: Final = """
Exit codes: 0 counted, 1 refused, 64 usage, 69 no daemon answers.
"""
APPROVE: Final = f"""\b
Examples:
  ascend-sidecar approvals approve apr_0a1b2c
  ascend-sidecar approvals approve apr_0a1b2c --comment 'invoice 4711 seen'
  ascend-sidecar approvals approve apr_0a1b2c --key ann.key --as ann
  kubectl exec -i POD -c ascend-sidecar -- ascend-sidecar approvals approve apr_0a1b2c --key - --as ann < ann.key

Without --key you are the person that data/people.yaml names for your uid.
{_CODES}"""
DENY: Final = f"""\b
Examples:
  ascend-sidecar approvals deny apr_0a1b2c --comment 'not before the audit'

One deny ends it.
{_CODES}"""

Comment = Annotated[str, typer.Option("--comment", metavar="TEXT", help="Stands in the log beside the vote.")]
KeyFile = Annotated[
    str | None,
    typer.Option("--key", metavar="FILE", help="Private key to sign with, - for stdin; needs --as."),
]
Name = Annotated[
    str | None, typer.Option("--as", metavar="NAME", help="The person of data/people.yaml that has this key.")
]


def approve(
    context: typer.Context,
    approval_id: Id,
    *,
    comment: Comment = "",
    key: KeyFile = None,
    name: Name = None,
    socket: SocketPath = None,
    state_dir: StateDir = None,
    run_dir: RunDir = None,
    json: Json = False,
) -> int:
    """Approve an action that waits."""
    edge = edge_of(context)
    pen = _pen(edge, key, name)
    doors = doors_of(edge, socket, state_dir, run_dir)
    return _vote(edge, doors, approval_id, Choice.APPROVE, comment, pen, json)


def deny(
    context: typer.Context,
    approval_id: Id,
    *,
    comment: Comment = "",
    key: KeyFile = None,
    name: Name = None,
    socket: SocketPath = None,
    state_dir: StateDir = None,
    run_dir: RunDir = None,
    json: Json = False,
) -> int:
    """Deny an action that waits."""
    edge = edge_of(context)
    pen = _pen(edge, key, name)
    doors = doors_of(edge, socket, state_dir, run_dir)
    return _vote(edge, doors, approval_id, Choice.DENY, comment, pen, json)


def _pen(edge: Edge, key: str | None, name: str | None) -> tuple[str, PrivateKey] | None:
    """Who signs, and with what. Raises UsageError."""
    if (key is None) != (name is None):
        raise UsageError("--key FILE and --as NAME go together")
    return None if key is None or name is None else (name, private_key(key, edge.stdin))


def _vote(
    edge: Edge,
    doors: tuple[Door, ...],
    approval_id: str,
    choice: Choice,
    comment: str,
    pen: tuple[str, PrivateKey] | None,
    json: bool,
) -> Exit:
    path = path_of(approval_id, f"/{choice}")
    body: Object = {"comment": comment}
    try:
        if pen is not None:
            asked = parse(get(doors, path_of(approval_id)), Details)
            body["statement"] = _signed(asked, choice, *pen)
        raw = post(doors, path, body)
    except Refused as refused:
        return tell_refusal(edge, refused, json=json)
    told = parse(raw, Details)
    if json:
        edge.emit(msgspec.Raw(raw))
    else:
        Screen(edge).line("ok", _outcome(told))
    return Exit.OK


def _signed(asked: Details, choice: Choice, name: str, key: PrivateKey) -> object:
    statement = Statement(asked.id, asked.digest, choice, name, int(time.time()))
    return msgspec.to_builtins(make_statement(statement, key))


def _outcome(told: Details) -> str:
    if not told.is_open:
        return f"{told.id} is {told.standing}"
    votes = f"{len(told.approved_by)} of {told.quorum}"
    return f"{told.id} goes on: stage {told.stage + 1} of {told.stages_in_all}, approved by {votes}"
