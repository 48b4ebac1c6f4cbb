"""`killswitch beacon`: signed signs of life on the topic, so that each daemon knows that an order would reach it."""

import secrets
import time
from typing import Annotated, Final

import typer

from sidecar.adapters.aws.topic import Topic
from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.exits import Exit
from sidecar.cli.killswitch.fleet import Keys, Kms, myself, signers_of
from sidecar.cli.killswitch.topics import TopicArn, topic_of
from sidecar.cli.moments import span
from sidecar.core.errors import RemoteRefused, RemoteUnreachable
from sidecar.core.killswitch.wire import Beacon, write_beacon

BEACON: Final = """\b
Examples:
  ascend-sidecar killswitch beacon --key halt.key --topic arn:aws:sns:eu-west-1:123456789012:halts
  ascend-sidecar killswitch beacon --key halt.key --topic arn:aws:sns:eu-west-1:123456789012:halts --count 1

Keep one running for each topic. When AWS does not answer it says so and goes on, except at the first beacon.

Exit codes: 0 all sent, 130 interrupted, 64 usage, 69 AWS does not answer, 78 AWS refuses.
"""

Every = Annotated[str, typer.Option("--every", metavar="TIME", help="Time from one to the next.")]
Count = Annotated[
    int | None, typer.Option("--count", metavar="N", min=1, help="How many. [default: until interrupted]")
]


def beacon(
    context: typer.Context,
    *,
    topic: TopicArn = None,
    key: Keys = None,
    kms: Kms = None,
    every: Every = "10s",
    count: Count = None,
) -> int:
    """Publish signed beacons until interrupted."""
    edge = edge_of(context)
    seconds, to, signers = span("--every", every).total_seconds(), topic_of(edge, topic), signers_of(key, kms)
    by, sent = myself(), 0
    while True:
        one = Beacon(time.time(), f"beacon-{secrets.token_hex(8)}")
        _send(edge, to, write_beacon(one, signers, issued_by=by).decode(), is_first=sent == 0)
        sent += 1
        if count is not None and sent >= count:
            return Exit.OK
        time.sleep(seconds)


def _send(edge: Edge, to: Topic, message: str, *, is_first: bool) -> None:
    """What is wrong from the start is told by the exit; what comes later, such as new credentials, may pass."""
    try:
        message_id = to.publish(message)
    except (RemoteRefused, RemoteUnreachable) as error:
        if is_first:
            raise
        edge.complain(str(error))
    else:
        edge.say(f"sent {message_id}")
        edge.stdout.flush()
