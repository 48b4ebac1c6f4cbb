"""Provisioning: a queue of its own for one daemon, subscribed to the topic, made once and the same ever after.

1. The queue for dead letters, then the queue, each with its policy from the first moment: attributes that are changed
   later take up to a minute to count.
2. The topic signs with SHA-256.
3. The subscription, last: what arrives finds everything in its place.

Nothing is ever deleted and made again: for sixty seconds SQS would refuse the name, and halts of that time were lost.
"""

import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from sidecar.adapters.aws.client import aws_client, code_of
from sidecar.adapters.aws.halt_queue import Node
from sidecar.core.errors import RemoteRefused
from sidecar.core.loopback import is_loopback

_MISSING: Final = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})
_JSON: Final = frozenset({"Policy", "RedrivePolicy"})


@dataclass(frozen=True, slots=True)
class Provisioned:
    """`changes` says what was made or altered, in order; empty where all was as it should be."""

    queue_url: str
    subscription_arn: str
    changes: tuple[str, ...]


class Provisioner:
    """Of one node. Each call raises RemoteRefused and RemoteUnreachable."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def provision(self, *, raw: bool) -> Provisioned:
        """Make what is missing and put right what differs. `raw`: without the envelope of SNS."""
        node, changes = self._node, list[str]()
        with aws_client("sqs", node.queue, node.topic.region) as sqs:
            tls = not is_loopback(urlsplit(sqs.meta.endpoint_url).hostname or "")
            self._queue(sqs, node.dead_letters, node.dead_attributes(tls=tls), changes)
            url = self._queue(sqs, node.queue, node.attributes(tls=tls), changes)
        with aws_client("sns", node.topic.arn, node.topic.region) as sns:
            self._sign_well(sns, changes)
            subscription = self._subscription(sns, raw=raw, changes=changes)
        return Provisioned(url, subscription, tuple(changes))

    def deprovision(self) -> tuple[str, ...]:
        """What was removed. First the subscription: SNS does not try again for a queue that is gone."""
        node, changes = self._node, list[str]()
        with aws_client("sqs", node.queue, node.topic.region) as sqs:
            queues = {name: url_of(sqs, name) for name in (node.queue, node.dead_letters)}
            for name, url in queues.items():
                if url is not None:
                    self._check_tags(sqs, name, url)
            with aws_client("sns", node.topic.arn, node.topic.region) as sns:
                arn = subscription_of(sns, node.topic.arn, node.arn(node.queue))
                if arn is not None:
                    sns.unsubscribe(SubscriptionArn=arn)
                    changes.append(f"unsubscribed {arn}")
            for name, url in queues.items():
                if url is not None:
                    sqs.delete_queue(QueueUrl=url)
                    changes.append(f"deleted queue {name}")
        return tuple(changes)

    def _queue(self, sqs: Any, name: str, wanted: dict[str, str], changes: list[str]) -> str:
        """Its URL."""
        url = url_of(sqs, name)
        if url is None:
            made = sqs.create_queue(QueueName=name, Attributes=wanted, tags=self._node.tags)
            changes.append(f"made queue {name}")
            self._check_arn(sqs, made["QueueUrl"], name)
            return str(made["QueueUrl"])
        self._check_tags(sqs, name, url)
        found = self._check_arn(sqs, url, name)
        differing = {key: text for key, text in wanted.items() if not _is_same(key, found.get(key), text)}
        if differing:
            sqs.set_queue_attributes(QueueUrl=url, Attributes=differing)
            changes.append(f"set {', '.join(sorted(differing))} of queue {name}")
        return url

    def _check_tags(self, sqs: Any, name: str, url: str) -> None:
        tags = sqs.list_queue_tags(QueueUrl=url).get("Tags", {})
        if any(tags.get(key) != text for key, text in self._node.tags.items()):
            told = ", ".join(f"{key}={text}" for key, text in sorted(self._node.tags.items()))
            raise RemoteRefused(
                f"queue {name} is there, and not tagged as ours: {told}; choose another --name"
            )

    def _check_arn(self, sqs: Any, url: str, name: str) -> dict[str, str]:
        """The attributes. A policy that names another account's queue would let nothing in."""
        found: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        arn = found.get("QueueArn", "")
        if arn != self._node.arn(name):
            raise RemoteRefused(f"queue {name} is {arn}; give --account with the account of that")
        return found

    def _sign_well(self, sns: Any, changes: list[str]) -> None:
        topic = self._node.topic.arn
        found = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
        if found.get("SignatureVersion") != "2":
            sns.set_topic_attributes(TopicArn=topic, AttributeName="SignatureVersion", AttributeValue="2")
            changes.append("set SignatureVersion 2 of the topic")

    def _subscription(self, sns: Any, *, raw: bool, changes: list[str]) -> str:
        """Its ARN. Without a filter policy: a new one takes a quarter of an hour to count."""
        node = self._node
        endpoint = node.arn(node.queue)
        wanted = {"RedrivePolicy": node.redrive(), "RawMessageDelivery": "true" if raw else "false"}
        arn = subscription_of(sns, node.topic.arn, endpoint)
        if arn is None:
            made = sns.subscribe(
                TopicArn=node.topic.arn,
                Protocol="sqs",
                Endpoint=endpoint,
                Attributes=wanted,
                ReturnSubscriptionArn=True,
            )
            changes.append(f"subscribed queue {node.queue}")
            return str(made["SubscriptionArn"])
        found = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        if found.get("FilterPolicy", "{}") != "{}":
            wanted["FilterPolicy"] = "{}"
        for key, text in wanted.items():
            if not _is_same(key, found.get(key), text):
                sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName=key, AttributeValue=text)
                changes.append(f"set {key} of the subscription")
        return arn


def url_of(sqs: Any, name: str) -> str | None:
    """None where there is no such queue."""
    try:
        return str(sqs.get_queue_url(QueueName=name)["QueueUrl"])
    except sqs.exceptions.ClientError as error:
        if code_of(error) in _MISSING:
            return None
        raise


def subscriptions(sns: Any, topic: str) -> dict[str, str]:
    """The queues that are subscribed to the topic, by ARN, each with the subscription's."""
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    found = [one for page in pages for one in page["Subscriptions"] if one["Protocol"] == "sqs"]
    return {
        one["Endpoint"]: one["SubscriptionArn"] for one in found if one["SubscriptionArn"].startswith("arn:")
    }


def subscription_of(sns: Any, topic: str, queue: str) -> str | None:
    """None where the queue is not subscribed."""
    return subscriptions(sns, topic).get(queue)


def _is_same(key: str, found: str | None, wanted: str) -> bool:
    if key not in _JSON or found is None:
        return found == wanted
    try:
        return bool(json.loads(found) == json.loads(wanted))
    except ValueError:
        return False
