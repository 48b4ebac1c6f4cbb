"""Platform: where its API key comes from, which is never a value of the config, and which address is our own.

The key: `platform.key_file`, else ASCEND_SIDECAR_PLATFORM_KEY, else the systemd credential `platform_key`, else
ASCEND_API_KEY, which is of the SDK. The signing secret: `platform.signing_secret_file`, else the credential
`platform_signing_secret`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sidecar.config.model import Platform
from sidecar.core.errors import ConfigError, Diagnostic, Place
from sidecar.core.loopback import is_loopback
from sidecar.core.secret import Secret

KEY_VARIABLE: Final = "ASCEND_SIDECAR_PLATFORM_KEY"
API_VARIABLE: Final = "ASCEND_API_URL"
_SDK_VARIABLE: Final = "ASCEND_API_KEY"
_CREDENTIALS_VARIABLE: Final = "CREDENTIALS_DIRECTORY"


def read_platform_key(platform: Platform, environ: Mapping[str, str]) -> Secret | Path:
    """The key, or the file that will hold it. Raises ConfigError where there is none, or two were set for us."""
    ours = environ.get(KEY_VARIABLE)
    if platform.key_file is not None and ours:
        finding = Diagnostic(Place(KEY_VARIABLE), "a key beside platform.key_file", "leave one of them out")
        raise ConfigError(finding)
    if platform.key_file is not None:
        return platform.key_file
    credential = None if ours else _credential("platform_key", environ)
    text = ours or environ.get(_SDK_VARIABLE)
    if credential is None and not text:
        hint = f"set platform.key_file, {KEY_VARIABLE} or {_SDK_VARIABLE}"
        raise ConfigError(Diagnostic(Place("platform.key_file"), "a platform without an API key", hint))
    return credential or Secret(text or "")


def read_signing_secret(platform: Platform, environ: Mapping[str, str]) -> Path | None:
    """The file that holds it; None where calls are not signed."""
    return platform.signing_secret_file or _credential("platform_signing_secret", environ)


def is_ours(url: str) -> bool:
    """Whether an agent's ASCEND_API_URL is of this machine: then it points at the daemon, not at the platform."""
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False


def _credential(name: str, environ: Mapping[str, str]) -> Path | None:
    """systemd.exec(5), CREDENTIALS: one file each in $CREDENTIALS_DIRECTORY."""
    folder = environ.get(_CREDENTIALS_VARIABLE)
    path = Path(folder) / name if folder else None
    return path if path is not None and path.is_file() else None
