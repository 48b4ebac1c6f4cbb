"""`killswitch state block` and `state unblock`: halts come into the state document, and go."""

import time
from collections.abc import Callable
from typing import Annotated, Final

import typer

from sidecar.cli.edge import edge_of
from sidecar.cli.killswitch.fleet import Keys, Kms, halting_seq, make_order, releasing_seq, signers_of
from sidecar.cli.killswitch.holding import Keeping, StateFile, ValidFor, keeping
from sidecar.cli.killswitch.scopes import Expires, For, scoped, seconds_from
from sidecar.cli.killswitch.stating import CODES, finish
from sidecar.cli.options import Json, PubKeys, Threshold, TrustedName, trust_words
from sidecar.cli.targets import target_of
from sidecar.core.killswitch import Command, Kind, Order, Scope
from sidecar.core.killswitch.document_form import MOST_BYTES
from sidecar.core.killswitch.held import Held, newest_seq, read_held, with_halt, without_halt

BLOCK: Final = f"""\b
Examples:
  ascend-sidecar killswitch state block --file halts.dsse --agent agent:pay-7 --reason 'pays twice' --key halt.key

Hosts that only read the document halt at their next look. `publish block --state` sends the order, too.
{CODES}"""
UNBLOCK: Final = f"""\b
Examples:
  ascend-sidecar killswitch state unblock --file halts.dsse --agent agent:pay-7 --key halt.key

All orders for it below --seq are over then. `publish unblock --state` lets hosts look at once.
{CODES}"""
_ALL: Final = Scope(Kind.ORGANIZATION)

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; callers are told it.")]
Seq = Annotated[
    int | None,
    typer.Option(
        "--seq", metavar="N", min=0, max=2**53 - 1, help="Its number. [default: above the newest there]"
    ),
]
IssuedBy = Annotated[
    str | None, typer.Option("--issued-by", metavar="NAME", help="Who orders it. [default: USER@HOST]")
]
_NOT_THERE: Final = "the document knows of no such halt"


@scoped(_ALL)
def state_block(
    context: typer.Context,
    *,
    file: StateFile,
    reason: Reason,
    scope: Scope,
    lasting: For = None,
    expires: Expires = None,
    key: Keys = None,
    kms: Kms = None,
    seq: Seq = None,
    issued_by: IssuedBy = None,
    valid_for: ValidFor = None,
    pub: PubKeys = None,
    threshold: Threshold = None,
    name: TrustedName = None,
    json: Json = False,
) -> int:
    """Halt on every host that reads the document."""
    edge, now = edge_of(context), time.time()
    seconds = seconds_from(now, lasting, expires)
    until = None if seconds is None else now + seconds
    keeper = keeping(
        edge, "--file", file, signers_of(key, kms), trust_words(pub, threshold, name, None), valid_for
    )

    def order(newest: int | None) -> Order:
        number = halting_seq(now, seq, newest)
        return make_order(Command.BLOCK, scope, now, number, reason, issued_by, until)

    return finish(edge, keeper, lambda to: put_order(to, scope, order)[0], scope, json=json)


@scoped(_ALL)
def state_unblock(
    context: typer.Context,
    *,
    file: StateFile,
    scope: Scope,
    key: Keys = None,
    kms: Kms = None,
    seq: Seq = None,
    valid_for: ValidFor = None,
    pub: PubKeys = None,
    threshold: Threshold = None,
    name: TrustedName = None,
    json: Json = False,
) -> int:
    """Release on every host that reads the document."""
    edge = edge_of(context)
    keeper = keeping(
        edge, "--file", file, signers_of(key, kms), trust_words(pub, threshold, name, None), valid_for
    )

    def order(newest: int | None) -> Order:
        return make_order(
            Command.UNBLOCK, scope, time.time(), releasing_seq(seq, _NOT_THERE, newest), "", None
        )

    return finish(edge, keeper, lambda to: put_order(to, scope, order)[0], scope, json=json)


def stated_seq(file: str | None, scope: Scope) -> int | None:
    """The newest number that the document has of the scope, whoever made it; None where there is none.

    Raises KillSwitchError, UsageError, RemoteRefused, RemoteUnreachable.
    """
    found = None if file is None else target_of("--state", file).read(MOST_BYTES)
    return None if found is None else newest_seq(read_held(found[0], None), scope)


def put_order(to: Keeping, scope: Scope, order: Callable[[int | None], Order]) -> tuple[Held, Order]:
    """The document with what `order` makes after the newest number that it has of the scope; and that order."""
    made: list[Order] = []

    def edit(held: Held) -> Held:
        made.append(order(newest_seq(held, scope)))
        if made[-1].command is Command.BLOCK:
            return with_halt(held, made[-1])
        return without_halt(held, scope, made[-1].seq or 0)

    return to.change(edit), made[-1]
