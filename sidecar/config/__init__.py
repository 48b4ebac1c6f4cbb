"""Config: file, environment and command line, read once into one frozen value."""

from sidecar.config.folders import DEFAULT_POLICIES, SYSTEM_RUN_DIR, policies_folder
from sidecar.config.forward_auth import ForwardAuth, SubjectFrom
from sidecar.config.loading import Resolved, load, resolve
from sidecar.config.model import Config, Fsync, LogFormat, LogLevel, SameUid
from sidecar.config.platform import read_platform_key, read_signing_secret
from sidecar.config.tokens import read_tokens

__all__ = [
    "DEFAULT_POLICIES",
    "SYSTEM_RUN_DIR",
    "Config",
    "ForwardAuth",
    "Fsync",
    "LogFormat",
    "LogLevel",
    "Resolved",
    "SameUid",
    "SubjectFrom",
    "load",
    "policies_folder",
    "read_platform_key",
    "read_signing_secret",
    "read_tokens",
    "resolve",
]
