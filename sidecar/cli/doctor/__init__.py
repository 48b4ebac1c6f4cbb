"""`doctor`: why it does not work, with or without a running daemon: permissions, clocks, keys, bundle, queue."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import typer

from sidecar.cli.doctor.asking import curl_lines
from sidecar.cli.doctor.clocks import check_clock
from sidecar.cli.doctor.files import check_secrets, check_state
from sidecar.cli.doctor.finding import Found, Patient, Standing, finding, ok
from sidecar.cli.doctor.halts import check_halts
from sidecar.cli.doctor.policies import check_policies
from sidecar.cli.doctor.running import check_daemon
from sidecar.cli.doctor.sockets import check_sockets
from sidecar.cli.doors import listening_at
from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.exits import Exit
from sidecar.cli.options import ConfigFile, Json, RunDir, StateDir, given
from sidecar.cli.screen import Screen
from sidecar.config import load, resolve
from sidecar.core.errors import ConfigError

_EXAMPLES: Final = """\b
Examples:
  ascend-sidecar doctor
  ascend-sidecar doctor --config /etc/ascend-sidecar/config.yaml --json

Exit codes: 0 nothing was found, 1 something was, 64 usage.
"""
_FAMILIES: Final[tuple[Callable[[Patient], Iterator[Found]], ...]] = (
    check_daemon,
    check_sockets,
    check_state,
    check_secrets,
    check_clock,
    check_policies,
    check_halts,
)


def build() -> typer.Typer:
    app = typer.Typer(rich_markup_mode=None)
    app.command(epilog=_EXAMPLES)(doctor)
    return app


def doctor(
    context: typer.Context,
    *,
    config: ConfigFile = None,
    state_dir: StateDir = None,
    run_dir: RunDir = None,
    json: Json = False,
) -> int:
    """Explain what keeps the daemon of this host from deciding, and print a curl line that asks it.

    Nothing is changed, and no secret is shown. Run it as root or as the daemon's user to see everything.
    """
    edge = edge_of(context)
    found, patient = _examined(config, edge.environ, given(state_dir=state_dir, run_dir=run_dir))
    lines = () if patient is None else curl_lines(patient)
    is_well = all(one.standing is not Standing.FINDING for one in found)
    if json:
        edge.emit({"status": "ok" if is_well else "findings", "checks": found, "curl": lines})
    else:
        _show(edge, found, lines)
    return Exit.OK if is_well else Exit.DENIED


def _examined(
    file: Path | None, environ: Mapping[str, str], flags: Mapping[str, str]
) -> tuple[list[Found], Patient | None]:
    """Without a config that can be read there is nothing to look at."""
    try:
        config = resolve(file, environ, flags).config
    except ConfigError as error:
        return [finding("config", str(one)) for one in error.diagnostics], None
    patient = Patient(config, dict(environ), listening_at(config.listen_file), time.time())
    found = [_startable(file, environ, flags)]
    for family in _FAMILIES:
        found += family(patient)
    return found, patient


def _startable(file: Path | None, environ: Mapping[str, str], flags: Mapping[str, str]) -> Found:
    try:
        load(file, environ, flags)
    except ConfigError as error:
        return finding("config", str(error.diagnostics[0]))
    return ok("config", "a daemon can start with it")


def _show(edge: Edge, found: list[Found], lines: tuple[str, ...]) -> None:
    screen = Screen(edge)
    for one in found:
        screen.line(one.standing, f"{one.check}: {one.detail}")
        if one.hint:
            edge.say(f"  {one.hint}")
    for line in lines:
        edge.say(f"\n{line}")
