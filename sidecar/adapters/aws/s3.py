"""S3 as a place where bundles are pushed to: an object is replaced whole, and only if nobody else did meanwhile."""

import re
from dataclasses import dataclass
from typing import Any, Final

from sidecar.adapters.aws.client import aws_client, code_of
from sidecar.core.errors import RemoteRefused, SidecarError

CONTENT_TYPE: Final = "application/vnd.dsse.envelope.v1+json"
_PLACE: Final = re.compile(r"s3://([A-Za-z0-9][A-Za-z0-9._-]{1,62})/([^\x00-\x1f\x7f]{1,1024})")
_MISSING: Final = "NoSuchKey"
_CHANGED: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


class NotAnObject(SidecarError):
    """Text that is no address of an object."""


class Changed(RemoteRefused):
    """Somebody else has replaced the object since it was read."""


@dataclass(frozen=True, slots=True)
class S3Object:
    """`name` is its address, s3://bucket/key."""

    name: str
    bucket: str
    key: str

    def read(self, most: int) -> tuple[bytes, str] | None:
        """At most one byte more than `most`, and its mark; None if there is none. Raises RemoteRefused,
        RemoteUnreachable."""
        with aws_client("s3", self.name) as client:
            try:
                answer = client.get_object(Bucket=self.bucket, Key=self.key)
            except client.exceptions.ClientError as error:
                if code_of(error) == _MISSING:
                    return None
                raise
            with answer["Body"] as body:
                return body.read(most + 1), answer["ETag"]

    def write(self, raw: bytes, mark: str | None, *, guarded: bool) -> None:
        """Replace it; `guarded`: only what is still as `mark` says, None being nothing.

        Raises RemoteRefused, among them Changed, and RemoteUnreachable.
        """
        condition: dict[str, Any] = {"IfMatch": mark} if mark else {"IfNoneMatch": "*"}
        asked = {"Bucket": self.bucket, "Key": self.key, "Body": raw, "ContentType": CONTENT_TYPE}
        with aws_client("s3", self.name) as client:
            try:
                client.put_object(**asked, **(condition if guarded else {}))
            except client.exceptions.ClientError as error:
                if code_of(error) not in _CHANGED:
                    raise
                raise Changed(f"{self.name} was changed by somebody else meanwhile") from error


def parse_s3(text: str) -> S3Object:
    """Raises NotAnObject."""
    match = _PLACE.fullmatch(text)
    if match is None:
        raise NotAnObject(f"`{text}` is not such as s3://bucket/key")
    return S3Object(text, match[1], match[2])
