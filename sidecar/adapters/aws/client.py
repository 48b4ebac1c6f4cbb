"""AWS through boto3: a client for one use, and each of its errors as one sentence of ours.

Region, credentials and endpoint are those of the standard AWS environment, `AWS_ENDPOINT_URL` included.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sidecar.core.errors import RemoteRefused, RemoteUnreachable

_FAILING: Final = 500


@contextmanager
def aws_client(service: str, what: str, region: str | None = None) -> Iterator[Any]:
    """A client; `what` begins the sentences of errors. Raises RemoteRefused and RemoteUnreachable, also inside."""
    # Loading it takes 0.3 s and 20 MB, which no command pays that does not speak with AWS.
    import boto3  # noqa: PLC0415 - an optional heavy part
    from botocore import exceptions as aws  # noqa: PLC0415 - a part of it
    from botocore.config import Config  # noqa: PLC0415 - a part of it
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - a part of it

    settings = Config(
        connect_timeout=5,
        read_timeout=30,
        retries={"total_max_attempts": 2, "mode": "standard"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    client = None
    try:
        client = boto3.session.Session().client(service, region_name=region, config=settings)
        yield client
    except aws.ClientError as error:
        raise _answered(what, error) from error
    except (aws.ConnectionError, aws.HTTPClientError, ResponseParserError) as error:
        raise RemoteUnreachable(f"{what}: AWS does not answer: {error}") from error
    except (aws.BotoCoreError, ValueError) as error:
        raise RemoteRefused(f"{what}: {error}") from error
    finally:
        if client is not None:
            client.close()


def code_of(error: Any) -> str:
    """AWS's word for what went wrong, such as `NoSuchKey`."""
    return str(error.response.get("Error", {}).get("Code", "no code given"))


def _answered(what: str, error: Any) -> RemoteRefused | RemoteUnreachable:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    told = f"{what}: AWS says {code_of(error)}: {error.response.get('Error', {}).get('Message', '')}"
    return RemoteUnreachable(told) if status >= _FAILING else RemoteRefused(told)
