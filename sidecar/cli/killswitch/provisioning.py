"""`killswitch provision` and `deprovision`: the queue of one daemon, for those who have no platform that makes it."""

from typing import Annotated, Final

import msgspec
import typer

from sidecar.adapters.aws.halt_queue import Node
from sidecar.adapters.aws.provisioning import Provisioned, Provisioner
from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.exits import Exit, UsageError
from sidecar.cli.killswitch.topics import TopicArn, Yes, confirmed, topic_of
from sidecar.cli.options import Json
from sidecar.cli.screen import Screen

PROVISION: Final = """\b
Examples:
  ascend-sidecar killswitch provision --name node-7 --topic arn:aws:sns:eu-west-1:123456789012:halts
  ascend-sidecar killswitch provision --name node-7 --organization acme --json \\
    --topic arn:aws:sns:eu-west-1:123456789012:halts

Each daemon needs a queue of its own, under a name that stays: run it again as often as you like, nothing is made
twice and nothing is lost.

Exit codes: 0 all is there, 64 usage, 69 AWS does not answer, 78 AWS refuses.
"""
DEPROVISION: Final = """\b
Examples:
  ascend-sidecar killswitch deprovision --name node-7 --topic arn:aws:sns:eu-west-1:123456789012:halts

Do not remove and make again: for a minute AWS refuses the name, and halts of that time are lost.

Exit codes: 0 nothing is left, 1 not confirmed, 64 usage, 69 AWS does not answer, 78 AWS refuses.
"""
_DEFAULT: Final = "default"
_NAME_CHARS: Final = 200

NodeName = Annotated[str, typer.Option("--name", metavar="NODE", help="The host, by a name that it keeps.")]
Organization = Annotated[
    str, typer.Option("--organization", metavar="NAME", help="Whose host it is; part of the queue's name.")
]
Account = Annotated[
    str | None,
    typer.Option("--account", metavar="ID", help="Account of the queue. [default: that of the topic]"),
]
Raw = Annotated[
    bool, typer.Option("--raw", help="Without the envelope of SNS; killswitch.delivery is then `raw`.")
]


def provision(
    context: typer.Context,
    *,
    name: NodeName,
    topic: TopicArn = None,
    organization: Organization = _DEFAULT,
    account: Account = None,
    raw: Raw = False,
    json: Json = False,
) -> int:
    """Make the queue of a host and subscribe it; print what goes into its config and its IAM policy."""
    edge = edge_of(context)
    node = _node(edge, name, topic, organization, account)
    _tell(edge, node, Provisioner(node).provision(raw=raw), raw=raw, json=json)
    return Exit.OK


def deprovision(
    context: typer.Context,
    *,
    name: NodeName,
    topic: TopicArn = None,
    organization: Organization = _DEFAULT,
    account: Account = None,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Unsubscribe the queue of a host that is gone for good, and delete it."""
    edge = edge_of(context)
    node = _node(edge, name, topic, organization, account)
    question = f"Delete queues {node.queue} and {node.dead_letters}? A daemon that reads it will be blind."
    if not confirmed(edge, question, yes=yes):
        edge.complain("nothing was removed")
        return Exit.DENIED
    changes = Provisioner(node).deprovision()
    if json:
        edge.emit({"queue": node.queue, "changes": changes})
    else:
        Screen(edge).line("ok", f"nothing is left of {node.queue}")
        for change in changes:
            edge.say(f"  {change}")
    return Exit.OK


def _node(edge: Edge, name: str, topic: str | None, organization: str, account: str | None) -> Node:
    for option, text in (("--name", name), ("--organization", organization)):
        if not text or len(text) > _NAME_CHARS or not text.isprintable():
            raise UsageError(f"{option} must have 1 to {_NAME_CHARS} printable characters")
    to = topic_of(edge, topic)
    if account is not None and not (len(account) == 12 and account.isascii() and account.isdigit()):
        raise UsageError(f"--account `{account}` is not twelve digits")
    return Node(to, organization, name, account or to.account)


def _tell(edge: Edge, node: Node, made: Provisioned, *, raw: bool, json: bool) -> None:
    config = {"queue_url": made.queue_url, "topic_arn": node.topic.arn} | ({"delivery": "raw"} if raw else {})
    if json:
        told = {"queue": node.queue, "subscription_arn": made.subscription_arn, "changes": made.changes}
        edge.emit({**told, "config": {"killswitch": config}, "iam_policy": node.daemon_policy()})
        return
    Screen(edge).line("ok", f"{node.queue} receives what is published on {node.topic.arn}")
    for change in made.changes or ("nothing had to be changed",):
        edge.say(f"  {change}")
    edge.say("\n# config of the daemon\nkillswitch:")
    for key, text in config.items():
        edge.say(f"  {key}: {text}")
    policy = msgspec.json.format(msgspec.json.encode(node.daemon_policy()), indent=2).decode()
    edge.say(f"\n# IAM policy of the daemon's identity\n{policy}")
