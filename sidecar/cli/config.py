"""`config`: what is in effect and where it came from, and what could be."""

from typing import Final

import typer

from sidecar.cli.edge import edge_of
from sidecar.cli.exits import Exit
from sidecar.cli.options import (
    Bundle,
    ConfigFile,
    Json,
    Listen,
    OpsListen,
    Policies,
    RequireBundle,
    RunDir,
    StateDir,
    given,
    policy_flags,
)
from sidecar.cli.screen import Screen
from sidecar.config import resolve
from sidecar.config.describe import explain as explain_config
from sidecar.config.describe import schema as config_schema
from sidecar.core.model import JSON

_EXPLAIN: Final = """\b
Examples:
  ascend-sidecar config explain
  ASCEND_SIDECAR_AUDIT_FSYNC=interval ascend-sidecar config explain --config sidecar.yaml --json
"""
_SCHEMA: Final = """\b
Examples:
  ascend-sidecar config schema > sidecar.schema.json
"""


def build() -> typer.Typer:
    app = typer.Typer(name="config", help="Show the configuration.", rich_markup_mode=None)
    app.command(epilog=_EXPLAIN)(explain)
    app.command(epilog=_SCHEMA)(schema)
    return app


def explain(
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
    json: Json = False,
) -> int:
    """Show each setting and where it came from: file and line, variable or flag."""
    edge = edge_of(context)
    flags = given(listen=listen, ops_listen=ops_listen, state_dir=state_dir, run_dir=run_dir)
    flags |= policy_flags(policies, bundle, require=require_bundle)
    settings = explain_config(resolve(config, edge.environ, flags))
    if json:
        edge.emit([{"key": s.key, "value": s.value, "from": str(s.origin), "env": s.env} for s in settings])
    else:
        Screen(edge).table(
            ("KEY", "VALUE", "FROM"), [(s.key, _shown(s.value), str(s.origin)) for s in settings]
        )
    return Exit.OK


def schema(context: typer.Context, *, _json: Json = True) -> int:
    """Print a JSON Schema of the config file. It is always JSON."""
    edge_of(context).emit(config_schema())
    return Exit.OK


def _shown(value: JSON) -> str:
    if value is None or value == []:
        return "-"
    return ", ".join(value) if isinstance(value, list) else str(value)
