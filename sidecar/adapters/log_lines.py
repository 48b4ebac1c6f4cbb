"""The daemon's own log lines on standard error: for eyes, or one JSON object a line."""

import logging
import sys
from typing import Final

import msgspec

from sidecar.core.times import rfc3339

_CONSOLE: Final = "%(asctime)s %(levelname)-7s %(message)s"


class JsonLines(logging.Formatter):
    """Time, level, logger, message, and the traceback of an error of ours."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": rfc3339(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def configure_logging(level: str, *, as_json: bool) -> None:
    """Set up the root logger once, at the start of the process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if as_json else logging.Formatter(_CONSOLE))
    # The package tells of every condition that errs, with values of the request; its rule's record says it already.
    logging.getLogger("cel").setLevel(logging.CRITICAL)
    # A source of credentials that does not answer is told of with a traceback; who asked says it in a sentence.
    logging.getLogger("botocore.credentials").setLevel(logging.CRITICAL)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
