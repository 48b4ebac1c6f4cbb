"""The topic and the queues of the kill switch in moto, seen by the test's own clients."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from moto.sqs.models import sqs_backends

ACCOUNT = "123456789012"
REGION = "us-east-1"


@dataclass(frozen=True)
class Fleet:
    """One topic, and all that is subscribed to it."""

    topic: str
    clients: dict[str, Any]

    def sns(self, verb, **words):
        return getattr(self.clients["sns"], verb)(**words)

    def sqs(self, verb, **words):
        return getattr(self.clients["sqs"], verb)(**words)

    def publish(self, text):
        return self.sns("publish", TopicArn=self.topic, Message=text)

    def subscribed(self):
        """The attributes of each subscription, by the name of its queue."""
        found = self.sns("list_subscriptions_by_topic", TopicArn=self.topic)["Subscriptions"]
        arns = {one["Endpoint"].rpartition(":")[2]: one["SubscriptionArn"] for one in found}
        told = {
            name: self.sns("get_subscription_attributes", SubscriptionArn=arn) for name, arn in arns.items()
        }
        return {name: one["Attributes"] for name, one in told.items()}

    def queues(self, prefix):
        urls = self.sqs("list_queues", QueueNamePrefix=prefix).get("QueueUrls", ())
        return sorted(url.rpartition("/")[2] for url in urls)

    def attributes(self, queue):
        url = self.sqs("get_queue_url", QueueName=queue)["QueueUrl"]
        return self.sqs("get_queue_attributes", QueueUrl=url, AttributeNames=["All"])["Attributes"]

    def messages(self, queue):
        """The bodies, which stay where they are."""
        url = self.sqs("get_queue_url", QueueName=queue)["QueueUrl"]
        answer = self.sqs(
            "receive_message", QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, WaitTimeSeconds=0
        )
        return [one["Body"] for one in answer.get("Messages", ())]

    def texts(self, queue):
        """What was published."""
        return [json.loads(body)["Message"] for body in self.messages(queue)]

    def age(self, queue, seconds, received=0):
        """Make its messages that much older, and received that often."""
        for message in sqs_backends[ACCOUNT][REGION].get_queue(queue)._messages:
            message.sent_timestamp -= int(seconds * 1000)
            message.approximate_receive_count = received


@contextmanager
def fleets() -> Iterator[Any]:
    """Makes fleets, by the name of their topic, in the AWS of the environment."""
    with closing(boto3.client("sns")) as sns, closing(boto3.client("sqs")) as sqs:
        clients = {"sns": sns, "sqs": sqs}
        yield lambda name: Fleet(sns.create_topic(Name=name)["TopicArn"], clients)
