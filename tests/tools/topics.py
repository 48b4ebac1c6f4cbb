"""A topic with a queue behind it, so that a test can read what was published."""

import contextlib
import json
from collections.abc import Iterator

import boto3

from tests.tools.s3 import environment, s3_server


class Topic:
    """`heard` gives all that was published up to now, in order; `endpoint` is that of the AWS it stands in."""

    def __init__(self, endpoint: str, name: str = "replies") -> None:
        self.endpoint = endpoint
        self._sns, self._sqs = (_client(service, endpoint) for service in ("sns", "sqs"))
        self.arn = self._sns.create_topic(Name=name)["TopicArn"]
        self._queue = self._sqs.create_queue(QueueName=f"{name}-read")["QueueUrl"]
        wanted = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        arn = wanted["Attributes"]["QueueArn"]
        self._sns.subscribe(
            TopicArn=self.arn, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
        )
        self._heard: list[dict] = []

    @property
    def heard(self) -> list[dict]:
        while True:
            found = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages")
            if not found:
                return self._heard
            for message in found:
                self._heard.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])

    def delete(self) -> None:
        self._sns.delete_topic(TopicArn=self.arn)

    def close(self) -> None:
        self._sns.close()
        self._sqs.close()


@contextlib.contextmanager
def topic() -> Iterator[Topic]:
    with s3_server() as endpoint:
        one = Topic(endpoint)
        try:
            yield one
        finally:
            one.close()


def _client(service: str, endpoint: str):
    given = environment(endpoint)
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=given["AWS_DEFAULT_REGION"],
        aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
    )
