"""Topics: the one that a verb is about, and the questions that it asks before it removes something."""

from typing import Annotated

import typer

from sidecar.adapters.aws.topic import NotATopic, Topic, parse_topic
from sidecar.cli.edge import Edge
from sidecar.cli.exits import UsageError
from sidecar.cli.options import config_of

_ANSWER = 64

TopicArn = Annotated[
    str | None,
    typer.Option(
        "--topic", metavar="ARN", help="The SNS topic. [default: killswitch.topic_arn of the config]"
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def topic_of(edge: Edge, text: str | None) -> Topic:
    """Raises UsageError, ConfigError."""
    text = text or config_of(edge).killswitch.topic_arn
    if text is None:
        raise UsageError("give --topic ARN, or set killswitch.topic_arn in the config of this host")
    try:
        return parse_topic(text)
    except NotATopic as error:
        raise UsageError(f"--topic: {error}") from error


def confirmed(edge: Edge, question: str, *, yes: bool) -> bool:
    """Whether to go on. No answer is a no."""
    if yes:
        return True
    edge.stderr.write(f"{question} [y/N] ")
    edge.stderr.flush()
    return edge.stdin.readline(_ANSWER).strip().lower() in {b"y", b"yes"}
