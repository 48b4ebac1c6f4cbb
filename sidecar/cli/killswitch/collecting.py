"""`killswitch gc`: queues of hosts that are gone, listed and, once that is confirmed, removed."""

import time
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from sidecar.adapters.aws.gone import Gone, find_gone, remove
from sidecar.adapters.aws.topic import Topic
from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.exits import Exit, UsageError
from sidecar.cli.killswitch.topics import TopicArn, Yes, confirmed, topic_of
from sidecar.cli.moments import span
from sidecar.cli.options import Json
from sidecar.cli.screen import Screen

GC: Final = """\b
Examples:
  ascend-sidecar killswitch gc --topic arn:aws:sns:eu-west-1:123456789012:halts
  ascend-sidecar killswitch gc --topic arn:aws:sns:eu-west-1:123456789012:halts --older-than 48h --yes

A host is gone when a message lies in its queue for longer than --older-than: a daemon deletes what it has received.
Only queues that `provision` made for this topic are looked at. Where nothing is published nothing can be known, so
keep `killswitch beacon` running.

Exit codes: 0 listed, or removed, 1 not confirmed, 64 usage, 69 AWS does not answer, 78 AWS refuses.
"""
_HOUR: Final = 3600.0
# Queues keep messages for four days, and none is ever seen to be older.
_LONGEST: Final = 72 * _HOUR
_HEADER: Final = ("QUEUE", "OLDEST MESSAGE", "MESSAGES")

OlderThan = Annotated[
    str, typer.Option("--older-than", metavar="TIME", help="From 1h to 72h; shorter than hosts are ever off.")
]


def gc(
    context: typer.Context,
    *,
    topic: TopicArn = None,
    older_than: OlderThan = "24h",
    yes: Yes = False,
    json: Json = False,
) -> int:
    """List the queues that nobody has read for long; remove them with --yes or when asked."""
    edge = edge_of(context)
    seconds = span("--older-than", older_than).total_seconds()
    if not _HOUR <= seconds <= _LONGEST:
        raise UsageError(f"--older-than `{older_than}` is not from 1h to 72h")
    to = topic_of(edge, topic)
    found = find_gone(to, seconds, time.time())
    if json:
        return _collect_as_json(edge, to, found, yes=yes)
    _list(edge, found)
    if not found:
        return Exit.OK
    if not confirmed(edge, f"Remove these {len(found)} queues and their subscriptions?", yes=yes):
        edge.complain("nothing was removed")
        return Exit.DENIED
    # Somebody may have come back while the question was open.
    still = found if yes else find_gone(to, seconds, time.time())
    for gone in still:
        if any(gone.url == one.url for one in found):
            remove(to, gone)
            edge.say(f"removed {gone.name}")
    return Exit.OK


def _collect_as_json(edge: Edge, to: Topic, found: Sequence[Gone], *, yes: bool) -> Exit:
    """A program is not asked: without --yes it gets the list alone."""
    for gone in found if yes else ():
        remove(to, gone)
    told = [{"queue": gone.name, "oldest_seconds": gone.age, "messages": gone.messages} for gone in found]
    edge.emit({"gone": told, "removed": yes})
    return Exit.OK


def _list(edge: Edge, found: Sequence[Gone]) -> None:
    if found:
        rows = [(gone.name, f"{gone.age / _HOUR:.1f}h", str(gone.messages)) for gone in found]
        Screen(edge).table(_HEADER, rows)
    else:
        Screen(edge).line("ok", "no queue is known to be without a reader")
