"""`killswitch publish block` and `publish unblock`: a signed order for the whole fleet, by SNS."""

import time
from collections.abc import Callable, Sequence
from typing import Annotated, Final

import typer

from sidecar.adapters.whole_files import CannotWrite
from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.exits import Exit
from sidecar.cli.killswitch.fleet import (
    Keys,
    Kms,
    foresee,
    halting_seq,
    known_of,
    make_order,
    message_of,
    newest_of,
    publish,
    releasing_seq,
    signers_of,
    unknown_because,
)
from sidecar.cli.killswitch.holding import head_of, keeping, refuse
from sidecar.cli.killswitch.scopes import Expires, For, scoped, seconds_from
from sidecar.cli.killswitch.state_orders import put_order, stated_seq
from sidecar.cli.killswitch.topics import TopicArn, topic_of
from sidecar.cli.options import Json, StateDir
from sidecar.core.errors import KillSwitchError, RemoteRefused, RemoteUnreachable
from sidecar.core.killswitch import Command, Kind, Order, Scope
from sidecar.core.trust import Signer

_CODES: Final = """
Exit codes: 0 sent, 1 hosts would not take the document, 64 usage, 69 AWS does not answer, 78 AWS refuses.
"""
BLOCK: Final = f"""\b
Examples:
  ascend-sidecar killswitch publish block --agent agent:pay-7 --reason 'pays twice' --key halt.key \\
    --topic arn:aws:sns:eu-west-1:123456789012:halts
  ascend-sidecar killswitch publish block --everything --reason 'incident 12' --for 1h --dry-run
  ascend-sidecar killswitch publish block --agent agent:pay-7 --reason 'pays twice' --key halt.key \\
    --topic arn:aws:sns:eu-west-1:123456789012:halts --state s3://halts/halts.dsse

Where hosts read a state document, give it as --state: the next one that does not have the halt would end it.
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
State = Annotated[
    str | None,
    typer.Option(
        "--state",
        metavar="FILE",
        help="State document, a file or s3://bucket/key, that gets it before the topic.",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Sign and send nothing; show which agents of this host would be hit."),
]


@scoped(_ALL)
def publish_block(
    context: typer.Context,
    *,
    reason: Reason,
    scope: Scope,
    lasting: For = None,
    expires: Expires = None,
    topic: TopicArn = None,
    key: Keys = None,
    kms: Kms = None,
    seq: Seq = None,
    issued_by: IssuedBy = None,
    state: State = None,
    dry_run: DryRun = False,
    state_dir: StateDir = None,
    json: Json = False,
) -> int:
    """Halt on every host that listens to the topic."""
    edge, now = edge_of(context), time.time()
    seconds = seconds_from(now, lasting, expires)
    until = None if seconds is None else now + seconds
    known = known_of(edge, scope, state_dir)

    def order(stated: int | None) -> Order:
        number = halting_seq(now, seq, newest_of(known), stated)
        return make_order(Command.BLOCK, scope, now, number, reason, issued_by, until)

    if dry_run:
        return foresee(edge, order(stated_seq(state, scope)), known, json=json)
    return _send(edge, scope, order, topic, signers_of(key, kms), state, json=json)


@scoped(_ALL)
def publish_unblock(
    context: typer.Context,
    *,
    reason: Reason = "",
    scope: Scope,
    topic: TopicArn = None,
    key: Keys = None,
    kms: Kms = None,
    seq: Seq = None,
    issued_by: IssuedBy = None,
    state: State = None,
    dry_run: DryRun = False,
    state_dir: StateDir = None,
    json: Json = False,
) -> int:
    """Tell every host that listens to the topic that a halt is over."""
    edge = edge_of(context)
    known = known_of(edge, scope, state_dir)

    def order(stated: int | None) -> Order:
        number = releasing_seq(seq, unknown_because(known), newest_of(known), stated)
        return make_order(Command.UNBLOCK, scope, time.time(), number, reason, issued_by)

    if dry_run:
        return foresee(edge, order(stated_seq(state, scope)), known, json=json)
    return _send(edge, scope, order, topic, signers_of(key, kms), state, json=json)


def _send(
    edge: Edge,
    scope: Scope,
    order: Callable[[int | None], Order],
    topic: str | None,
    signers: Sequence[Signer],
    state: str | None,
    *,
    json: bool,
) -> Exit:
    """The state document first, so that no host hears of an order that the document does not have."""
    to = topic_of(edge, topic)
    if state is None:
        return publish(edge, order(None), to, signers, None, json=json)

    def written(newest: int | None) -> Order:
        made = order(newest)
        message_of(made, signers)  # what could not be sent does not come into the document either
        return made

    try:
        held, made = put_order(keeping(edge, "--state", state, signers), scope, written)
    except KillSwitchError as error:
        return refuse(edge, error, json=json)
    except (CannotWrite, RemoteRefused, RemoteUnreachable):
        edge.complain("nothing was sent; without --state it goes to the topic alone")
        raise
    try:
        return publish(edge, made, to, signers, head_of(state, held), json=json)
    except (RemoteRefused, RemoteUnreachable):
        edge.complain(f"{state} has it since epoch {held.epoch}; only hosts that read that will know")
        raise
