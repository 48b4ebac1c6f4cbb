"""Settings: what the operator decides about the platform, as the client takes it."""

from dataclasses import dataclass
from pathlib import Path

from sidecar.core.secret import Secret

Credential = Secret | Path


@dataclass(frozen=True, slots=True)
class PlatformSettings:
    """`key` and `signing_secret`: the text, or the file that holds it and is read again when it changes.

    `host_id` tells this daemon from every other one, so that a request of its own that comes back is known. `timeout`
    is in seconds, for a whole call with its repeats. `ca_file` holds the authorities that alone are trusted.
    """

    url: str
    key: Credential
    host_id: str
    environment: str = "production"
    timeout: float = 3.0
    signing_secret: Credential | None = None
    ca_file: Path | None = None
