"""The SNS topic that orders are published on."""

import re
from dataclasses import dataclass
from typing import Final

from sidecar.adapters.aws.client import aws_client
from sidecar.core.errors import SidecarError

_ARN: Final = re.compile(
    r"arn:(?P<partition>aws[a-z-]{0,16}):sns:(?P<region>[a-z0-9-]{1,32}):(?P<account>[0-9]{12}):"
    r"(?P<name>[A-Za-z0-9_-]{1,256})"
)


class NotATopic(SidecarError):
    """Text that is no ARN of a standard topic."""


@dataclass(frozen=True, slots=True)
class Topic:
    """Its region is that of every call."""

    arn: str
    partition: str
    region: str
    account: str

    def publish(self, message: str) -> str:
        """The id that SNS gave the message. Raises RemoteRefused, RemoteUnreachable.

        Never with a subject: nothing reads it, and not all that stands in for SNS signs it as SNS does.
        """
        with aws_client("sns", self.arn, self.region) as client:
            return str(client.publish(TopicArn=self.arn, Message=message)["MessageId"])


def parse_topic(text: str) -> Topic:
    """Raises NotATopic. A FIFO topic has a hundred subscriptions at most, which is no fleet."""
    match = _ARN.fullmatch(text)
    if match is None:
        raise NotATopic(f"`{text[:128]}` is not such as arn:aws:sns:REGION:ACCOUNT:NAME, of a standard topic")
    return Topic(text, match["partition"], match["region"], match["account"])
