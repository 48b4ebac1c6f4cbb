"""`serve`: run the daemon."""

from typing import Final

import typer

from sidecar.cli.edge import edge_of
from sidecar.cli.options import (
    AcceptClock,
    AcceptFork,
    Bundle,
    ConfigFile,
    Listen,
    OpsListen,
    Policies,
    RequireBundle,
    RunDir,
    StateDir,
    given,
    policy_flags,
)
from sidecar.cli.plain import PlainCommand
from sidecar.config import load
from sidecar.daemon import serve as run_daemon

_EXAMPLES: Final = """\b
Examples:
  ascend-sidecar serve --policies default
  ascend-sidecar serve --config /etc/ascend-sidecar/config.yaml
  ascend-sidecar serve --policies ./policies --listen 127.0.0.1:0 --state-dir ./state
  ASCEND_SIDECAR_TRUST_KEYS=release.pub ascend-sidecar serve --bundle https://policy.example/prod.dsse
"""


def build() -> typer.Typer:
    app = typer.Typer(rich_markup_mode=None)
    app.command(cls=PlainCommand, epilog=_EXAMPLES)(serve)
    return app


def serve(
    context: typer.Context,
    *,
    config: ConfigFile = None,
    listen: Listen = None,
    ops_listen: OpsListen = None,
    state_dir: StateDir = None,
    run_dir: RunDir = None,
    policies: Policies = None,
    bundle: Bundle = None,
    require_bundle: RequireBundle = False,
    accept_fork: AcceptFork = False,
    accept_clock: AcceptClock = False,
) -> int:
    """Run the daemon in the foreground until SIGTERM.

    Every setting can also stand in the config file or in the environment; `config explain` shows them all.
    """
    flags = given(listen=listen, ops_listen=ops_listen, state_dir=state_dir, run_dir=run_dir)
    flags |= policy_flags(policies, bundle, require=require_bundle)
    environ = edge_of(context).environ
    return run_daemon(
        load(config, environ, flags), environ, accept_fork=accept_fork, accept_clock=accept_clock
    )
