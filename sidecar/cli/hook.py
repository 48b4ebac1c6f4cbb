"""`hook`: what people see of it. A hook that a host starts is answered by `sidecar.cli.hosts`, without all this."""

from pathlib import Path
from shutil import which
from typing import Annotated, Final

import typer

from sidecar.cli.doors import listening_at
from sidecar.cli.edge import edge_of
from sidecar.cli.exits import Exit, UsageError
from sidecar.cli.hosts.calls import CannotTell
from sidecar.cli.hosts.dialects import HOSTS
from sidecar.cli.hosts.snippets import snippet
from sidecar.cli.hosts.words import DEFAULT_TIMEOUT, words_of
from sidecar.cli.options import StateDir, config_of
from sidecar.config import SYSTEM_RUN_DIR, Config

_NAME: Final = "ascend-sidecar"
_EXAMPLES: Final = """\b
Examples:
  ascend-sidecar hook claude-code --print-config
  ascend-sidecar hook codex --agent agent:ann-codex --wait 120 --timeout 130 --print-config
  ascend-sidecar hook copilot --socket /run/ascend-sidecar/sidecar.sock <tool-call.json

Exit codes: 0 no objection, or one in Cursor's form; 2 blocked, whatever the cause; 64 usage error with
--print-config. Which host does what: docs/hooks.md.
"""

HostName = Annotated[str, typer.Argument(metavar="HOST", help=" | ".join(HOSTS))]
Agent = Annotated[
    str | None,
    typer.Option("--agent", metavar="ID", help="Who asks. [default: $ASCEND_AGENT_ID, else agent:HOST]"),
]
Socket = Annotated[
    str | None,
    typer.Option(
        "--socket", metavar="PATH", help="Ask here. [default: $ASCEND_SIDECAR, else the host's daemon]"
    ),
]
Url = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="Ask here, as http://HOST:PORT, over TCP.")
]
TokenFile = Annotated[
    str | None,
    typer.Option("--token-file", metavar="FILE", help="File with the bearer token. [default: $ASCEND_TOKEN]"),
]
Timeout = Annotated[
    str | None,
    typer.Option(
        "--timeout", metavar="S", help=f"Answer within so many seconds. [default: {DEFAULT_TIMEOUT:g}]"
    ),
]
Wait = Annotated[
    str | None,
    typer.Option(
        "--wait", metavar="S", help="Wait so long for approval. [default: as long as there is time]"
    ),
]
PrintConfig = Annotated[
    bool, typer.Option("--print-config", help="Print what goes into the host's settings, and stop.")
]


def build() -> typer.Typer:
    app = typer.Typer(rich_markup_mode=None)
    app.command(epilog=_EXAMPLES)(hook)
    return app


def hook(
    context: typer.Context,
    host: HostName,
    *,
    agent: Agent = None,
    socket: Socket = None,
    url: Url = None,
    token_file: TokenFile = None,
    timeout: Timeout = None,
    wait: Wait = None,
    state_dir: StateDir = None,
    print_config: PrintConfig = False,
) -> int:
    """Answer a coding agent's hook before each of its tool calls.

    The host writes the tool call to standard input. What is allowed goes on to the host's own prompts.
    """
    edge = edge_of(context)
    if host not in HOSTS:
        raise UsageError(f"HOST `{host}` is none of {', '.join(HOSTS)}")
    if not print_config:
        raise UsageError("a host starts this; --print-config tells how")
    given = {
        "--agent": agent,
        "--socket": socket,
        "--url": url,
        "--token-file": token_file,
        "--timeout": timeout,
        "--wait": wait,
    }
    said = {name: text for name, text in given.items() if text is not None}
    if socket is None and url is None and "ASCEND_SIDECAR" not in edge.environ:
        said["--socket"] = str(_socket_of(config_of(edge, state_dir)))
    try:
        words = words_of(said, edge.environ, host)
    except CannotTell as error:
        raise UsageError(str(error)) from error
    command = [which(_NAME, path=edge.environ.get("PATH")) or _NAME, "hook", host]
    told = snippet(host, [*command, *(part for pair in said.items() for part in pair)], words.timeout)
    edge.emit(told.settings)
    for line in (f"Put this into {' or '.join(told.places)}.", *told.notes):
        edge.complain(line)
    return Exit.OK


def _socket_of(config: Config) -> Path:
    """Where the daemon of this config listens, or else that of the host: the first of them that is there."""
    listening = listening_at(config.listen_file).decision_socket
    own = Path(listening) if listening else config.decision_socket
    return next((path for path in (own, SYSTEM_RUN_DIR / own.name) if path.exists()), own)
