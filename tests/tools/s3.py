"""A real S3 endpoint in this process, and the environment in which it is the only AWS there is."""

import contextlib
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import urlsplit
from uuid import uuid4

import boto3
from moto.server import ThreadedMotoServer

BUCKET = "bundles"
KEY = "prod/bundle.dsse"
ADDRESS = f"s3://{BUCKET}/{KEY}"


def environment(endpoint: str) -> dict[str, str]:
    """What the standard chain reads; nothing of the machine's own configuration is left."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "test-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }


@contextlib.contextmanager
def s3_server() -> Iterator[str]:
    """Its URL."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()
        server._server.server_close()


def s3_client(endpoint: str):
    """A client of the test's own."""
    return _client("s3", endpoint)


def user_without_rights(endpoint: str) -> dict[str, str]:
    """The environment of a new user that may do nothing. Users are those of all servers in this process."""
    iam, name = _client("iam", endpoint), f"nobody-{uuid4()}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    iam.close()
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


@contextlib.contextmanager
def access_control(endpoint: str) -> Iterator[None]:
    """Meanwhile the endpoint looks at who asks, and whether they may."""
    _look_after(endpoint, "0")
    try:
        yield
    finally:
        _look_after(endpoint, "inf")


def _look_after(endpoint: str, requests: str) -> None:
    connection = HTTPConnection(urlsplit(endpoint).netloc)
    connection.request("POST", "/moto-api/reset-auth", requests, {"Content-Type": "text/plain"})
    assert connection.getresponse().status == 200
    connection.close()


def _client(service: str, endpoint: str):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="test-secret",
    )
