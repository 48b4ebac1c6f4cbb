"""Options that several verbs share, and the config that they add up to."""

from pathlib import Path
from typing import Annotated

import typer

from sidecar.cli.edge import Edge
from sidecar.config import Config, resolve

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Config file. [default: $ASCEND_SIDECAR_CONFIG, else "
        "/etc/ascend-sidecar/config.yaml if there is one]",
    ),
]
Listen = Annotated[
    str | None, typer.Option("--listen", metavar="HOST:PORT", help="TCP address that decides.")
]
OpsListen = Annotated[
    str | None, typer.Option("--ops-listen", metavar="HOST:PORT", help="TCP address of probes and metrics.")
]
StateDir = Annotated[
    str | None, typer.Option("--state-dir", metavar="DIR", help="Folder of the decision log and the keys.")
]
AcceptFork = Annotated[
    bool,
    typer.Option(
        "--accept-fork", help="Go on after a damaged decision log; what happened is signed and kept."
    ),
]
RunDir = Annotated[
    str | None,
    typer.Option("--run-dir", metavar="DIR", help="Folder of the sockets that are meant for others."),
]
Policies = Annotated[
    str | None,
    typer.Option(
        "--policies", metavar="DIR", help="Trusted folder of policies, or `default` for the built-in ones."
    ),
]
Bundle = Annotated[
    str | None,
    typer.Option("--bundle", metavar="FILE|URL", help="Signed bundle; trust.keys say by whom. s3:// too."),
]
RequireBundle = Annotated[
    bool, typer.Option("--require-bundle", help="Do not start without a verified bundle (exit 78).")
]
Folder = Annotated[
    str, typer.Argument(metavar="DIR", help="Folder of policies, or `default` for the built-in ones.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def policy_flags(policies: str | None, bundle: str | None, *, require: bool) -> dict[str, str]:
    """The flags that say where policies come from, by config key."""
    flags = {"policies": policies, "bundle.source": bundle, "bundle.require": "true" if require else None}
    return {name: text for name, text in flags.items() if text is not None}


def given(**flags: str | None) -> dict[str, str]:
    """The flags that were given, by config key."""
    return {name: text for name, text in flags.items() if text is not None}


def config_of(edge: Edge, state_dir: str | None = None, run_dir: str | None = None) -> Config:
    """The config of the daemon that a verb is about; it need not be able to start."""
    return resolve(None, edge.environ, given(state_dir=state_dir, run_dir=run_dir)).config
