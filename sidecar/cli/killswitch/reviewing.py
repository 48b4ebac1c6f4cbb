"""`killswitch state show` and `state verify`: what a state document says, and whether hosts would act on it."""

import time
from typing import Final

import typer

from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.exits import Exit, UsageError
from sidecar.cli.killswitch.holding import StateFile, head_of, refuse, tell_head
from sidecar.cli.options import Json, PubKeys, Threshold, TrustedName, trust_words
from sidecar.cli.screen import Screen
from sidecar.cli.targets import target_of
from sidecar.cli.trusting import find_halts_trust
from sidecar.core.errors import KillSwitchError
from sidecar.core.killswitch import Order
from sidecar.core.killswitch.book import Epoch
from sidecar.core.killswitch.document import read_document
from sidecar.core.killswitch.document_form import MOST_BYTES
from sidecar.core.killswitch.held import Held, read_held
from sidecar.core.model import Object
from sidecar.core.times import rfc3339

SHOW: Final = """\b
Examples:
  ascend-sidecar killswitch state show --file halts.dsse
  ascend-sidecar killswitch state show --file s3://halts/halts.dsse --json

Nothing of it is proven: anybody could have written it. `state verify` proves it.

Exit codes: 0 shown, 1 it is none, 64 usage, 69 S3 does not answer, 78 S3 refuses.
"""
VERIFY: Final = """\b
Examples:
  ascend-sidecar killswitch state verify --file halts.dsse --pub halt.pub
  ascend-sidecar killswitch state verify --file s3://halts/halts.dsse --pub a.pub --pub b.pub --threshold 2 --json

Keys are those of --pub, else killswitch.keys of the config, else its trust.keys. What a host has believed before is
not known here, so an older document than that is not seen.

Exit codes: 0 hosts would act on it now, 1 not, 64 usage or no keys, 69 S3 does not answer, 78 S3 refuses.
"""
_HEADER: Final = ("HALTED", "SEQ", "BY", "SINCE", "UNTIL", "REASON")


def show(context: typer.Context, *, file: StateFile, json: Json = False) -> int:
    """Show what a state document says, whoever made it."""
    edge = edge_of(context)
    try:
        held = read_held(_bytes(file), None)
    except KillSwitchError as error:
        return refuse(edge, error, json=json)
    if json:
        edge.emit({"verified": False, **_told(file, held)})
    else:
        is_over = time.time() >= held.expires_at
        ends = f"{'over since' if is_over else 'good until'} {rfc3339(held.expires_at)}"
        edge.say(f"{file}: {held.name} epoch {held.epoch}, {ends}; not verified")
        _show(edge, held)
    return Exit.OK


def verify(
    context: typer.Context,
    *,
    file: StateFile,
    pub: PubKeys = None,
    threshold: Threshold = None,
    name: TrustedName = None,
    json: Json = False,
) -> int:
    """Verify a state document as a host would: signatures, name, time and form."""
    edge = edge_of(context)
    trust = find_halts_trust(edge, trust_words(pub, threshold, name, None))
    now, raw = time.time(), _bytes(file)
    try:
        read_document(raw, trust, Epoch(), now, now)
        held = read_held(raw, trust)
    except KillSwitchError as error:
        return refuse(edge, error, json=json)
    if json:
        edge.emit({"ok": True, **_told(file, held)})
    else:
        tell_head(edge, file, held)
        _show(edge, held)
    return Exit.OK


def _bytes(file: str) -> bytes:
    found = target_of("--file", file).read(MOST_BYTES)
    if found is None:
        raise UsageError(f"--file: nothing is at {file}")
    return found[0]


def _show(edge: Edge, held: Held) -> None:
    edge.say(f"signed by {', '.join(held.signers) or 'nobody'}")
    if held.halts:
        Screen(edge).table(_HEADER, map(_row, held.halts))
    else:
        edge.say("nothing is halted")
    for scope, seq in held.released.items():
        edge.say(f"released: {scope}, up to seq {seq}")


def _row(halt: Order) -> tuple[str, ...]:
    seq = "" if halt.seq is None else str(halt.seq)
    until = "released" if halt.expires_at is None else rfc3339(halt.expires_at)
    cells = (str(halt.scope), seq, halt.issued_by, rfc3339(halt.issued_at), until, halt.reason)
    return tuple(cell.replace("\n", "\\n") for cell in cells)


def _told(file: str, held: Held) -> Object:
    return {
        **head_of(file, held),
        "signers": list(held.signers),
        "halts": [_halt(halt) for halt in held.halts],
        "released": [
            {"scope": {"kind": scope.kind.value, "name": scope.name}, "seq": seq}
            for scope, seq in held.released.items()
        ],
    }


def _halt(halt: Order) -> Object:
    return {
        "scope": {"kind": halt.scope.kind.value, "name": halt.scope.name},
        "seq": halt.seq,
        "command_id": halt.command_id,
        "issued_by": halt.issued_by,
        "issued_at": rfc3339(halt.issued_at),
        "expires_at": None if halt.expires_at is None else rfc3339(halt.expires_at),
        "reason": halt.reason,
    }
