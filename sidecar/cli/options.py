"""Options that several verbs share, and the config that they add up to."""

from pathlib import Path
from typing import Annotated

import msgspec
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
AcceptClock = Annotated[
    bool,
    typer.Option(
        "--accept-clock",
        help="Go back to this machine's time where the log is ahead of it; that is recorded.",
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
Place = Annotated[
    str,
    typer.Argument(
        metavar="DIR|FILE", help="Folder of policies, `default` for the built-in ones, or a signed bundle."
    ),
]
PubKeys = Annotated[
    list[str] | None,
    typer.Option(
        "--pub",
        metavar="KEY",
        help="Public key that signed bundles are verified by, a file or base64; repeat it for several. "
        "[default: trust.keys of the config]",
    ),
]
Threshold = Annotated[
    int | None,
    typer.Option("--threshold", metavar="N", min=1, help="How many of these keys must have signed."),
]
TrustedName = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="Name that the bundle must have.")
]
Labels = Annotated[
    list[str] | None,
    typer.Option("--audience", metavar="LABEL", help="Label of a host that the bundle must be for."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class TrustWords(msgspec.Struct, frozen=True):
    """What was typed of whom to trust."""

    pub: tuple[str, ...] = ()
    threshold: int | None = None
    name: str | None = None
    audience: tuple[str, ...] = ()


def trust_words(
    pub: list[str] | None, threshold: int | None, name: str | None, audience: list[str] | None
) -> TrustWords:
    """Options that can be repeated are None where they were not given."""
    return TrustWords(tuple(pub or ()), threshold, name, tuple(audience or ()))


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
