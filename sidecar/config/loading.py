"""Loading: the effective config, read once, with where each of its values came from.

Defaults give way to the config file, that to the environment, that to the command line.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sidecar.config.checks import check, check_start
from sidecar.config.folders import default_run_dir, default_state_dir
from sidecar.config.keys import with_value
from sidecar.config.model import Config
from sidecar.config.settings import Findings, Setting, typed
from sidecar.config.sources import config_file, from_environment, from_file, from_flags, read_file
from sidecar.core.errors import Place


@dataclass(frozen=True, slots=True)
class Resolved:
    """A config and the place that each key was set at; a key that is not there has its built-in default."""

    config: Config
    origins: Mapping[str, Place]


def load(path: Path | None, environ: Mapping[str, str], flags: Mapping[str, str]) -> Config:
    """The config of a daemon that can start. Raises ConfigError with every finding.

    `flags` are texts by dotted key; `path` is the config file asked for, None for the one found.
    """
    resolved = resolve(path, environ, flags)
    findings = Findings()
    check_start(resolved.config, resolved.origins, findings)
    findings.settle()
    return resolved.config


def resolve(path: Path | None, environ: Mapping[str, str], flags: Mapping[str, str]) -> Resolved:
    """The effective config, also of one that could not start for want of policies. Raises ConfigError."""
    findings = Findings()
    config, origins = Config(), dict[str, Place]()
    for setting, value in typed(_settings(path, environ, flags, findings), findings):
        config, origins[setting.key.name] = with_value(config, setting.key.path, value), setting.place
    findings.settle()
    config = _housed(config, origins, environ)
    check(config, origins, findings)
    findings.settle()
    return Resolved(config, origins)


def _settings(
    path: Path | None, environ: Mapping[str, str], flags: Mapping[str, str], findings: Findings
) -> Iterator[Setting]:
    file = config_file(path, environ)
    if file is not None:
        yield from from_file(str(file), read_file(file), findings)
    yield from from_environment(environ, findings)
    yield from from_flags(flags)


def _housed(config: Config, origins: dict[str, Place], environ: Mapping[str, str]) -> Config:
    """With the folders that depend on who runs us, where nobody set them."""
    uid = os.geteuid()
    if "state_dir" not in origins:
        folder, origins["state_dir"] = default_state_dir(environ, uid)
        config = msgspec.structs.replace(config, state_dir=folder)
    if "run_dir" not in origins:
        folder, origins["run_dir"] = default_run_dir(environ, uid, config.state_dir)
        config = msgspec.structs.replace(config, run_dir=folder)
    return config
