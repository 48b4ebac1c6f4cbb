"""Targets: places that signed files are put at, where hosts fetch them."""

from pathlib import Path
from typing import Final, Protocol

from sidecar.adapters.aws.s3 import NotAnObject, parse_s3
from sidecar.adapters.whole_files import WholeFile
from sidecar.cli.exits import UsageError
from sidecar.cli.outputs import STDOUT

_S3: Final = "s3://"
_OTHER: Final = "://"


class Target(Protocol):
    """A place for one signed file."""

    @property
    def name(self) -> str: ...

    def read(self, most: int) -> tuple[bytes, str] | None:
        """What lies there, of which a byte over `most` is enough, and its mark; None for nothing."""
        ...

    def write(self, raw: bytes, mark: str | None, *, guarded: bool) -> None:
        """Replace it whole; `guarded`: not if it is known to be no longer as `mark` says."""
        ...


def target_of(option: str, text: str) -> Target:
    """Raises UsageError, which begins with the option."""
    if text.startswith(_S3):
        try:
            return parse_s3(text)
        except NotAnObject as error:
            raise UsageError(f"{option}: {error}") from error
    if _OTHER in text or text == STDOUT or not Path(text).name:
        raise UsageError(f"{option} `{text}` is neither a file nor such as s3://bucket/key")
    return WholeFile(text)
