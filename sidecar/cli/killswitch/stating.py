"""`killswitch state`: the signed document that says what is halted, for those who have no platform to keep it."""

from collections.abc import Callable
from typing import Annotated, Final

import typer

from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.exits import Exit
from sidecar.cli.killswitch.fleet import Keys, Kms, signers_of
from sidecar.cli.killswitch.holding import (
    Keeping,
    StateFile,
    ValidFor,
    head_of,
    keeping,
    refuse,
    tell_head,
)
from sidecar.cli.options import Json, PubKeys, Threshold, TrustedName, trust_words
from sidecar.core.errors import KillSwitchError
from sidecar.core.killswitch import Scope
from sidecar.core.killswitch.held import Held

CODES: Final = """
Exit codes: 0 written, 1 hosts would not take it, 64 usage, 69 AWS does not answer, 78 AWS refuses or the file
cannot be written.
"""
NEW: Final = f"""\b
Examples:
  ascend-sidecar killswitch state new --file halts.dsse --key halt.key
  ascend-sidecar killswitch state new --file s3://halts/halts.dsse --key halt.key --valid-for 6h

One that was lost must be begun above the --epoch that hosts know, which their `killswitch status` shows.
{CODES}"""
RENEW: Final = f"""\b
Examples:
  ascend-sidecar killswitch state renew --file halts.dsse --key halt.key

Run it well before the document expires, such as four times in its time: hosts act on none that is over.
{CODES}"""

FirstEpoch = Annotated[int, typer.Option("--epoch", metavar="N", min=1, max=2**52, help="Its first epoch.")]
_Done = Callable[[Keeping], Held]


def new(
    context: typer.Context,
    *,
    file: StateFile,
    epoch: FirstEpoch = 1,
    key: Keys = None,
    kms: Kms = None,
    valid_for: ValidFor = None,
    pub: PubKeys = None,
    threshold: Threshold = None,
    name: TrustedName = None,
    json: Json = False,
) -> int:
    """Make a document by which nothing is halted."""
    edge, words = edge_of(context), trust_words(pub, threshold, name, None)
    keeper = keeping(edge, "--file", file, signers_of(key, kms), words, valid_for)
    return finish(edge, keeper, lambda to: to.make(Held(to.trust.name, epoch - 1)), json=json)


def renew(
    context: typer.Context,
    *,
    file: StateFile,
    key: Keys = None,
    kms: Kms = None,
    valid_for: ValidFor = None,
    pub: PubKeys = None,
    threshold: Threshold = None,
    name: TrustedName = None,
    json: Json = False,
) -> int:
    """Sign the document anew, as of now."""
    edge, words = edge_of(context), trust_words(pub, threshold, name, None)
    keeper = keeping(edge, "--file", file, signers_of(key, kms), words, valid_for)
    return finish(edge, keeper, lambda to: to.change(lambda held: held), json=json)


def finish(edge: Edge, keeper: Keeping, done: _Done, scope: Scope | None = None, *, json: bool) -> Exit:
    """Do it, and tell what came of it; `scope` is whom it was about."""
    try:
        held = done(keeper)
    except KillSwitchError as error:
        return refuse(edge, error, json=json)
    place = keeper.place.name
    if json:
        seq = {} if scope is None else {"scope": {"kind": scope.kind.value, "name": scope.name}}
        edge.emit({**head_of(place, held), **seq, "halts": len(held.halts)})
        return Exit.OK
    tell_head(edge, place, held)
    if scope is not None:
        is_halted = any(halt.scope == scope for halt in held.halts)
        edge.say(f"  {scope} is {'halted' if is_halted else 'released'}; {len(held.halts)} halts in all")
    return Exit.OK
