"""Folders: where state and sockets live when nobody says so. It depends on who runs us."""

import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import sidecar
from sidecar.core.errors import ConfigError, Diagnostic, Place

DEFAULT_POLICIES: Final = "default"
_NAME: Final = "ascend-sidecar"
SYSTEM_RUN_DIR: Final = Path("/run") / _NAME
_ROOT: Final = 0


def default_state_dir(environ: Mapping[str, str], uid: int) -> tuple[Path, Place]:
    """/var/lib for root, else below the home folder. Raises ConfigError for a user without one."""
    if uid == _ROOT:
        return Path("/var/lib") / _NAME, Place("default")
    return _home(environ, uid) / ".local/state" / _NAME, Place("default")


def default_run_dir(environ: Mapping[str, str], uid: int, state_dir: Path) -> tuple[Path, Place]:
    """systemd.exec(5): $RUNTIME_DIRECTORY is a list separated by colons if the unit names several folders."""
    runtime = environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if runtime:
        return Path(runtime), Place("RUNTIME_DIRECTORY")
    if uid == _ROOT:
        return SYSTEM_RUN_DIR, Place("default")
    session = environ.get("XDG_RUNTIME_DIR")
    if session:
        return Path(session) / _NAME, Place("XDG_RUNTIME_DIR")
    return state_dir / "run", Place("default")


def policies_folder(policies: str) -> Path:
    """The folder that the setting `policies` means: `default` is the one in the package."""
    if policies == DEFAULT_POLICIES:
        return Path(sidecar.__path__[0]) / "defaults"
    return Path(policies)


def _home(environ: Mapping[str, str], uid: int) -> Path:
    try:
        return Path(environ.get("HOME") or pwd.getpwuid(uid).pw_dir)
    except KeyError as error:
        found = Diagnostic(Place("state_dir"), f"uid {uid} has no home folder", "give --state-dir DIR")
        raise ConfigError(found) from error
