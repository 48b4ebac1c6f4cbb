"""GetObject by boto3, which blocks. With `translate` the only module that imports it."""

import time
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from sidecar.adapters.bundle_s3.translate import is_unchanged, of_answer, of_body, of_trouble
from sidecar.core.errors import (
    BundleError,
    BundleTooLarge,
    BundleTruncated,
    SourceRefused,
    SourceTimeout,
    SourceUnavailable,
    UnaskedNotModified,
)
from sidecar.core.inflate import Inflater
from sidecar.service.ports import Fetched

_PIECE: Final = 64 * 1024


class S3Object:
    """One object. Its client keeps the credentials that it found, so after any error a new one is made."""

    def __init__(
        self, name: str, bucket: str, key: str, max_download: int, max_size: int, timeout: float
    ) -> None:
        self._name = name
        self._where = {"Bucket": bucket, "Key": key}
        self._max_download = max_download
        self._max_size = max_size
        self._timeout = timeout
        self._client: Any = None

    def get(self, tag: str | None, until: float) -> Fetched | None:
        """As `fetch` of the port. `until` is of the monotonic clock, and looked at after each piece."""
        try:
            return self._get(tag, until)
        except ClientError as error:
            if is_unchanged(error):
                self._check_asked(tag)
                return None
            self.close()
            raise of_answer(self._name, error) from error
        except BotoCoreError as error:
            self.close()
            raise of_trouble(self._name, error) from error
        except (ResponseParserError, ValueError) as error:
            raise SourceUnavailable(f"{self._name}: what answers there is not S3") from error
        except HTTPError as error:
            raise of_body(self._name, error) from error
        except BundleError:
            raise
        except Exception as error:
            # A token file that is not there, or a source of credentials that answers something else.
            self.close()
            raise SourceUnavailable(
                f"{self._name}: the AWS environment cannot be used: {type(error).__name__}"
            ) from error

    def close(self) -> None:
        """Let the connections go."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _get(self, tag: str | None, until: float) -> Fetched | None:
        if self._client is None:
            self._client = self._connect()
        condition = {"IfNoneMatch": tag} if tag else {}
        answer = self._client.get_object(**self._where, **condition)
        # The stream below botocore's own gives what has come; botocore's waits until a piece is full.
        with answer["Body"] as stream:
            return Fetched(self._read(answer.get("ContentLength"), stream, until), answer.get("ETag", ""))

    def _read(self, length: int | None, stream: Any, until: float) -> bytes:
        if length is not None and length > self._max_download:
            most = f"a bundle has at most {self._max_download} as sent"
            raise BundleTooLarge(f"{self._name}: {length} bytes are announced, {most}")
        inflater = Inflater(self._name, self._max_download, self._max_size)
        came = 0
        while piece := stream.read1(_PIECE, decode_content=False):
            inflater.take(piece)
            came += len(piece)
            if time.monotonic() > until:
                raise SourceTimeout(f"{self._name}: not done within {self._timeout:g} s")
        if length is not None and came < length:
            raise BundleTruncated(f"{self._name}: {came} of {length} bytes came")
        return inflater.finish()

    def _check_asked(self, tag: str | None) -> None:
        if not tag:
            raise UnaskedNotModified(f"{self._name}: the server says `not modified` without being asked")

    def _connect(self) -> Any:
        """One attempt a fetch: who fetches knows when to try again."""
        config = Config(
            connect_timeout=self._timeout,
            read_timeout=self._timeout,
            retries={"mode": "standard", "total_max_attempts": 1},
            response_checksum_validation="when_required",
        )
        try:
            return boto3.Session().client("s3", config=config)
        except ValueError as error:
            raise SourceRefused(f"{self._name}: the AWS environment cannot be used: {error}") from error
