"""Translate: what boto3 and what lies below it raise, in the words of the port."""

from typing import Final

from botocore import exceptions as aws
from urllib3 import exceptions as below

from sidecar.core.errors import BundleError, BundleTruncated, SourceRefused, SourceTimeout, SourceUnavailable

_LATER: Final = frozenset({"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException"})


def is_unchanged(error: aws.ClientError) -> bool:
    """Whether this is S3's way to say that the object still has the ETag that was named."""
    return _status(error) == 304


def of_answer(name: str, error: aws.ClientError) -> BundleError:
    """An answer that is no object; S3's code says why."""
    code = str(error.response.get("Error", {}).get("Code", "")) or "no code"
    sentence = f"{name}: S3 answers {_status(error)} ({code})"
    if _status(error) >= 500 or _status(error) == 429 or code in _LATER:
        return SourceUnavailable(sentence)
    return SourceRefused(sentence)


def of_trouble(name: str, error: aws.BotoCoreError) -> BundleError:
    """No answer at all: the network, the credentials, or an environment that boto3 cannot work with."""
    if isinstance(error, aws.ConnectTimeoutError | aws.ReadTimeoutError):
        return SourceTimeout(f"{name}: S3 does not answer in time")
    if isinstance(error, aws.ConnectionError | aws.HTTPClientError):
        return SourceUnavailable(f"{name}: {error}")
    if isinstance(error, aws.NoCredentialsError):
        return SourceRefused(f"{name}: there are no AWS credentials in the environment")
    return SourceRefused(f"{name}: the AWS environment cannot be used: {error}")


def of_body(name: str, error: below.HTTPError) -> BundleError:
    """The object began to come."""
    if isinstance(error, below.ReadTimeoutError):
        return SourceTimeout(f"{name}: the bundle stopped coming")
    return BundleTruncated(f"{name}: the connection ended before the bundle did")


def _status(error: aws.ClientError) -> int:
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
