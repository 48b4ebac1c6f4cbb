"""Queues of a test's own, and feeds from them."""

import os
import time
import uuid
from collections.abc import Mapping

import boto3

from sidecar.adapters.killswitch_sqs import SqsFeed, endpoint_of

REGION = "us-east-1"
QUEUE = f"https://sqs.{REGION}.amazonaws.com/123456789012/host"


class Queue:
    """One queue of the endpoint. Its calls block."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.client = boto3.client(
            "sqs",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
            aws_secret_access_key="test-secret",
        )
        self.name = f"host-{uuid.uuid4().hex}"
        self.create()

    def create(self) -> None:
        self.url = self.client.create_queue(QueueName=self.name)["QueueUrl"]

    def delete(self) -> None:
        self.client.delete_queue(QueueUrl=self.url)

    def send(self, body: str) -> None:
        self.client.send_message(QueueUrl=self.url, MessageBody=body)

    def count(self) -> int:
        asked = {"QueueUrl": self.url, "AttributeNames": ["ApproximateNumberOfMessages"]}
        return int(self.client.get_queue_attributes(**asked)["Attributes"]["ApproximateNumberOfMessages"])

    def close(self) -> None:
        self.client.close()


def feed_of(queue_url: str, endpoint: str, environ: Mapping[str, str] = os.environ, **more) -> SqsFeed:
    """A feed from that queue by way of an endpoint, which may be a proxy before it."""
    return SqsFeed(endpoint_of(queue_url, environ, endpoint_url=endpoint, region=REGION), time.time, **more)
