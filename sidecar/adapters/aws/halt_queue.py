"""What one daemon's queue is in AWS: its name, attributes, tags and policies. Values only."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Final

from sidecar.adapters.aws.topic import Topic

PREFIX: Final = "ascend-ks-"
DEAD: Final = "-dlq"
TAG_NODE: Final = "ascend-sidecar:node"
TAG_ORGANIZATION: Final = "ascend-sidecar:organization"
TAG_TOPIC: Final = "ascend-sidecar:topic"
DAY: Final = 86_400
_NAME_CHARS: Final = 80
_OTHER: Final = re.compile(r"[^A-Za-z0-9_-]")
_MARK: Final = 8


@dataclass(frozen=True, slots=True)
class Node:
    """A host of an organization and the topic that it listens to; `account` is that of its queue."""

    topic: Topic
    organization: str
    name: str
    account: str

    @property
    def queue(self) -> str:
        """The same at each start. Where letters are left out, a mark keeps names apart that would fall together."""
        whole = f"{PREFIX}{self.organization}-{self.name}"
        plain = _OTHER.sub("-", whole)
        most = _NAME_CHARS - len(DEAD)
        if plain == whole and len(plain) <= most:
            return plain
        mark = hashlib.sha256(f"{self.organization}\0{self.name}".encode()).hexdigest()[:_MARK]
        return f"{plain[: most - _MARK - 1]}-{mark}"

    @property
    def dead_letters(self) -> str:
        """The queue for what SNS could not put into the first: the only sign that that one vanished."""
        return self.queue + DEAD

    @property
    def tags(self) -> dict[str, str]:
        """By which it is known whose a queue is: `a-b` of `c` and `b` of `c-a` would have one name."""
        return {TAG_NODE: self.name, TAG_ORGANIZATION: self.organization, TAG_TOPIC: self.topic.arn}

    def arn(self, queue: str) -> str:
        topic = self.topic
        return f"arn:{topic.partition}:sqs:{topic.region}:{self.account}:{queue}"

    def attributes(self, *, tls: bool) -> dict[str, str]:
        """Of the queue. Visible at once after a look: one that polls and dies, or a person who looks, hides no halt.

        No redrive: a daemon that starts over and over must not move a halt out of its own sight.
        """
        return {
            "VisibilityTimeout": "0",
            "ReceiveMessageWaitTimeSeconds": "5",
            "MessageRetentionPeriod": str(4 * DAY),
            "SqsManagedSseEnabled": "true",
            "Policy": self._policy(self.queue, tls=tls),
        }

    def dead_attributes(self, *, tls: bool) -> dict[str, str]:
        """Of the other one, for people to look into."""
        return {
            "MessageRetentionPeriod": str(14 * DAY),
            "SqsManagedSseEnabled": "true",
            "Policy": self._policy(self.dead_letters, tls=tls),
        }

    def redrive(self) -> str:
        return json.dumps({"deadLetterTargetArn": self.arn(self.dead_letters)})

    def daemon_policy(self) -> dict[str, Any]:
        """All that the daemon's own identity needs."""
        actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage"]
        return {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": actions, "Resource": self.arn(self.queue)}],
        }

    def _policy(self, queue: str, *, tls: bool) -> str:
        """An identity of the account may send without any policy of the queue: only the Deny shuts it out."""
        arn, of_topic = self.arn(queue), {"aws:SourceArn": self.topic.arn}
        send: dict[str, Any] = {"Action": "sqs:SendMessage", "Resource": arn}
        ours = {"ArnEquals": of_topic, "StringEquals": {"aws:SourceAccount": self.topic.account}}
        statements: list[dict[str, Any]] = [
            {"Sid": "OnlyOurTopic", "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}}
            | send
            | {"Condition": ours},
            {"Sid": "NobodyElse", "Effect": "Deny", "Principal": "*"}
            | send
            | {"Condition": {"ArnNotEquals": of_topic}},
        ]
        if tls:
            plain = {"Bool": {"aws:SecureTransport": "false"}}
            statements.append({
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sqs:*",
                "Resource": arn,
                "Condition": plain,
            })  # fmt: skip
        return json.dumps({"Version": "2012-10-17", "Statement": statements})
