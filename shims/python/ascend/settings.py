"""Where settings come from: the argument, else the environment, else `.env` in the working directory."""

import logging
import os
import re
from typing import Dict
from urllib.parse import urlsplit

from ascend.errors import ConfigurationError

logger = logging.getLogger("ascend")
_LINE = re.compile(r"\s*(?:export\s+)?(ASCEND_[A-Z0-9_]+)\s*=\s*(.*?)\s*\Z")
_LOOPBACK = re.compile(r"localhost|127(\.[0-9]{1,3}){3}|::1")


def settings() -> Dict[str, str]:
    """The variables that begin with ASCEND_; the environment wins over the file."""
    found = {name: value for name, value in _dotenv().items() if value}
    found.update({name: value for name, value in os.environ.items() if name.startswith("ASCEND_") and value})
    if os.environ.get("ASCEND_SIDECAR"):
        found["ASCEND_SIDECAR"] = os.environ["ASCEND_SIDECAR"]
    return found


def _dotenv() -> Dict[str, str]:
    try:
        with open(".env", encoding="utf-8") as file:
            lines = [_LINE.match(line) for line in file]
    except (OSError, UnicodeDecodeError):
        return {}
    return {line.group(1): _plain(line.group(2)) for line in lines if line}


def _plain(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value.split(" #", maxsplit=1)[0].rstrip()


def address_of(api_url: str, sidecar: str) -> str:
    """Where the daemon is; an https URL is the platform's, whom only the daemon asks. Raises ConfigurationError."""
    if sidecar:
        return sidecar
    url = urlsplit(api_url)
    if not api_url or url.scheme == "https":
        return ""
    if url.scheme == "unix" or (url.scheme == "http" and _LOOPBACK.fullmatch(url.hostname or "")):
        return api_url
    raise ConfigurationError(f"api_url `{api_url}` is neither unix:/PATH nor on this host, nor https")


def debugging(debug: bool) -> None:
    """Show what the client does on standard error."""
    if debug:
        logger.setLevel(logging.DEBUG)
        if not logger.handlers:
            logger.addHandler(logging.StreamHandler())
