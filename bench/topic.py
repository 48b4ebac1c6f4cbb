"""SNS and SQS on loopback: moto in a process of its own, one topic, a queue for each who reads it; and who orders.

moto does not look at who asks, so what is asked here is signed by nobody.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3

from bench.processes import accepts, free_port, running, wait_until
from sidecar.core.killswitch import Command, Kind, Order, scope
from sidecar.core.killswitch.wire import Beacon, write_beacon, write_order
from sidecar.core.trust.keys import PrivateKey

REGION: Final = "us-east-1"
CREDENTIALS: Final = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_EC2_METADATA_DISABLED": "true",
}
BEACONS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue that is subscribed to the topic."""

    url: str
    subscription: str


@dataclass(frozen=True, slots=True)
class Topic:
    """The topic at its endpoint, and the key by which all that is published on it is signed."""

    endpoint: str
    arn: str
    sns: Any
    sqs: Any
    signer: PrivateKey

    def queue(self, name: str) -> Queue:
        """A queue of its own, in whose envelopes SNS signs by SHA-256."""
        url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        return Queue(url, self._subscribe(name))

    def last(self, queue: Queue) -> Queue:
        """Has SNS deliver to that queue after all others: it delivers in the order of subscription."""
        self.sns.unsubscribe(SubscriptionArn=queue.subscription)
        return Queue(queue.url, self._subscribe(queue.url.rpartition("/")[2]))

    def settings(self, queue: Queue) -> str:
        """The config of a daemon that reads this queue."""
        return (
            f"killswitch: {{queue_url: '{queue.url}', topic_arn: '{self.arn}', region: {REGION}, "
            f"endpoint_url: '{self.endpoint}'}}\n"
        )

    def halt(self, agent: str, seq: int) -> tuple[str, str]:
        """A signed order that halts one agent: its id, and the message."""
        order = Order(
            Command.BLOCK,
            scope(Kind.AGENT, agent),
            f"halt-{seq}",
            seq=seq,
            issued_at=time.time(),
            reason="halted for a measurement",
            issued_by="operator",
        )
        return order.command_id, write_order(order, (self.signer,)).decode()

    def beacon(self) -> None:
        """Publishes a signed beacon."""
        now = time.time()
        message = write_beacon(Beacon(now, f"beacon-{now}"), (self.signer,)).decode()
        self.sns.publish(TopicArn=self.arn, Message=message)

    @contextmanager
    def beacons(self) -> Iterator[None]:
        """Publishes one at once and one every 10 s, as a platform does."""
        leave = threading.Event()
        beating = threading.Thread(target=self._beat, args=(leave,))
        beating.start()
        try:
            yield
        finally:
            leave.set()
            beating.join()

    def _beat(self, leave: threading.Event) -> None:
        self.beacon()
        while not leave.wait(BEACONS):
            self.beacon()

    def _subscribe(self, name: str) -> str:
        arn = f"arn:aws:sqs:{REGION}:{self.arn.split(':')[4]}:{name}"
        made: dict[str, str] = self.sns.subscribe(
            TopicArn=self.arn, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True
        )
        return made["SubscriptionArn"]


@contextmanager
def topic(work: Path, signer: PrivateKey) -> Iterator[Topic]:
    """A fresh server with one topic, on which all is signed by that key."""
    port, output = free_port(), work / "moto.log"
    line = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(line, output) as process:
        wait_until(accepts(port), process, output)
        endpoint = f"http://127.0.0.1:{port}"
        sns, sqs = _client("sns", endpoint), _client("sqs", endpoint)
        arn = sns.create_topic(Name="halts", Attributes={"SignatureVersion": "2"})["TopicArn"]
        yield Topic(endpoint, arn, sns, sqs, signer)


def environment() -> dict[str, str]:
    """That of a child which reads a queue: nothing of this machine's own AWS settings."""
    ours = os.environ.items()  # noqa: TID251 - for children
    plain = {name: value for name, value in ours if not name.startswith("AWS_")}
    return {**plain, **CREDENTIALS}


def _client(service: str, endpoint: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
