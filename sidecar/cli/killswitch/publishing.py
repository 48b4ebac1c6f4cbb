"""`killswitch publish block` and `publish unblock`: a signed order for the whole fleet, by SNS."""

import time
from typing import Annotated, Final

import typer

from sidecar.cli.edge import edge_of
from sidecar.cli.killswitch.fleet import (
    Keys,
    Kms,
    foresee,
    halting_seq,
    known_of,
    make_order,
    publish,
    releasing_seq,
    signers_of,
)
from sidecar.cli.killswitch.scopes import (
    Agent,
    Agents,
    Everything,
    Expires,
    For,
    Group,
    Host,
    Organization,
    Server,
    Session,
    Tool,
    chosen,
    names_of,
    seconds_from,
)
from sidecar.cli.killswitch.topics import TopicArn
from sidecar.cli.options import Json, StateDir
from sidecar.core.killswitch import Command, Kind, Scope

_CODES: Final = """
Exit codes: 0 sent, 64 usage, 69 AWS does not answer, 78 AWS refuses.
"""
BLOCK: Final = f"""\b
Examples:
  ascend-sidecar killswitch publish block --agent agent:pay-7 --reason 'pays twice' --key halt.key \\
    --topic arn:aws:sns:eu-west-1:123456789012:halts
  ascend-sidecar killswitch publish block --everything --reason 'incident 12' --for 1h --dry-run

Of two orders for one scope the one with the higher --seq counts. By default it is the time in milliseconds, or the
number after the newest that this host's daemon knows, should some clock have been ahead.
{_CODES}"""
UNBLOCK: Final = f"""\b
Examples:
  ascend-sidecar killswitch publish unblock --agent agent:pay-7 --reason 'fixed' --key halt.key \\
    --topic arn:aws:sns:eu-west-1:123456789012:halts

Daemons release when their authoritative state says so too, or at once where killswitch.signed_unblock is set.
Its --seq is by default the number after the halt's, which this host's daemon knows. It is never the time: a release
from a clock that is ahead would outrank the halts of the next hours.
{_CODES}"""
_ALL: Final = Scope(Kind.ORGANIZATION)

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; callers are told it.")]
Seq = Annotated[
    int | None,
    typer.Option("--seq", metavar="N", min=0, max=2**53, help="Its number. [default: see below]"),
]
IssuedBy = Annotated[
    str | None, typer.Option("--issued-by", metavar="NAME", help="Who orders it. [default: USER@HOST]")
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Sign and send nothing; show which agents of this host would be hit."),
]


def publish_block(
    context: typer.Context,
    *,
    reason: Reason,
    agent: Agent = None,
    agents: Agents = None,
    group: Group = None,
    server: Server = None,
    tool: Tool = None,
    session: Session = None,
    host: Host = None,
    organization: Organization = None,
    everything: Everything = False,
    lasting: For = None,
    expires: Expires = None,
    topic: TopicArn = None,
    key: Keys = None,
    kms: Kms = None,
    seq: Seq = None,
    issued_by: IssuedBy = None,
    dry_run: DryRun = False,
    state_dir: StateDir = None,
    json: Json = False,
) -> int:
    """Halt on every host that listens to the topic."""
    edge, now = edge_of(context), time.time()
    names = names_of(agent, agents, group, server, tool, session, host, organization)
    scope = chosen(names, _ALL if everything else None)
    seconds = seconds_from(now, lasting, expires)
    until = None if seconds is None else now + seconds
    known = known_of(edge, scope, state_dir)
    order = make_order(Command.BLOCK, scope, now, halting_seq(known, now, seq), reason, issued_by, until)
    if dry_run:
        return foresee(edge, order, known, json=json)
    return publish(edge, order, topic, signers_of(key, kms), json=json)


def publish_unblock(
    context: typer.Context,
    *,
    reason: Reason = "",
    agent: Agent = None,
    agents: Agents = None,
    group: Group = None,
    server: Server = None,
    tool: Tool = None,
    session: Session = None,
    host: Host = None,
    organization: Organization = None,
    everything: Everything = False,
    topic: TopicArn = None,
    key: Keys = None,
    kms: Kms = None,
    seq: Seq = None,
    issued_by: IssuedBy = None,
    dry_run: DryRun = False,
    state_dir: StateDir = None,
    json: Json = False,
) -> int:
    """Tell every host that listens to the topic that a halt is over."""
    edge = edge_of(context)
    names = names_of(agent, agents, group, server, tool, session, host, organization)
    scope = chosen(names, _ALL if everything else None)
    known = known_of(edge, scope, state_dir)
    order = make_order(Command.UNBLOCK, scope, time.time(), releasing_seq(known, seq), reason, issued_by)
    if dry_run:
        return foresee(edge, order, known, json=json)
    return publish(edge, order, topic, signers_of(key, kms), json=json)
