"""Gone: queues that nobody reads any more, told from what lies in them.

A daemon deletes what it has received, so a message that is older than some hours proves that none reads the queue.
Where somebody receives without deleting, messages have been received over and over: such a daemon is broken, but it
listens. A queue without messages proves nothing and stays; beacons fill those that nobody reads.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sidecar.adapters.aws.client import aws_client, code_of
from sidecar.adapters.aws.halt_queue import DEAD, PREFIX, TAG_TOPIC
from sidecar.adapters.aws.provisioning import subscriptions, url_of
from sidecar.adapters.aws.topic import Topic

# Looks at a queue count as receiving too; so often nobody looks while a message is kept.
_LOOKS: Final = 100
_LOOKED_AT: Final = 10


@dataclass(frozen=True, slots=True)
class Gone:
    """A queue with the age in seconds of a message that should long be gone, and about how many there are."""

    name: str
    url: str
    subscription_arn: str
    age: float
    messages: int


def find_gone(topic: Topic, older_than: float, now: float) -> tuple[Gone, ...]:
    """Of the topic's subscribers. Raises RemoteRefused, RemoteUnreachable."""
    with aws_client("sns", topic.arn, topic.region) as sns:
        subscribed = subscriptions(sns, topic.arn)
    with aws_client("sqs", topic.arn, topic.region) as sqs:
        found = [
            gone
            for queue, arn in subscribed.items()
            for gone in _look(sqs, topic, queue, arn, older_than, now)
        ]
    return tuple(sorted(found, key=lambda gone: gone.name))


def remove(topic: Topic, gone: Gone) -> None:
    """The subscription first. What it leaves of dead letters goes too. Raises RemoteRefused, RemoteUnreachable."""
    with aws_client("sns", topic.arn, topic.region) as sns:
        sns.unsubscribe(SubscriptionArn=gone.subscription_arn)
    with aws_client("sqs", gone.name, topic.region) as sqs:
        for url in (gone.url, url_of(sqs, gone.name + DEAD)):
            if url is not None:
                sqs.delete_queue(QueueUrl=url)


def _look(sqs: Any, topic: Topic, queue: str, arn: str, older_than: float, now: float) -> Iterator[Gone]:
    name = queue.rpartition(":")[2]
    if not name.startswith(PREFIX) or name.endswith(DEAD):
        return
    url = url_of(sqs, name)
    if url is None or not _is_ours(sqs, url, topic):
        return
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    messages = int(attributes["Attributes"]["ApproximateNumberOfMessages"])
    age = max(_ages(sqs, url, now), default=0.0) if messages else 0.0
    if age > older_than:
        yield Gone(name, url, arn, age, messages)


def _is_ours(sqs: Any, url: str, topic: Topic) -> bool:
    """Made by `provision`, for this topic."""
    try:
        return bool(sqs.list_queue_tags(QueueUrl=url).get("Tags", {}).get(TAG_TOPIC) == topic.arn)
    except sqs.exceptions.ClientError as error:
        if code_of(error) == "AccessDenied":
            return False
        raise


def _ages(sqs: Any, url: str, now: float) -> Iterator[float]:
    """Of messages that hardly anybody has received. A look hides none of them from whoever reads the queue.

    With a wait all servers of SQS are asked, and not a sample of them.
    """
    answer = sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=_LOOKED_AT,
        VisibilityTimeout=0,
        WaitTimeSeconds=1,
        AttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
    )
    for message in answer.get("Messages", ()):
        told = message["Attributes"]
        if int(told["ApproximateReceiveCount"]) < _LOOKS:
            yield now - int(told["SentTimestamp"]) / 1000
