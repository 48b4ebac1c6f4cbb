"""The entry point: finds the noun, runs its verb, turns every ending into an exit code.

Each noun is a module of this package with a `build()` that returns its typer application. Only the noun that
the command line begins with is imported, so that `status` does not pay for the policy compiler, nor `serve`
for tables and progress bars; without a noun (help, a typing mistake, shell completion) all are.
"""

import os
import sys
from collections.abc import Sequence
from traceback import format_exc
from typing import Annotated, Final, NoReturn

import typer

from sidecar import __version__
from sidecar.adapters.state_dir import StateInUseError
from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.exits import Exit, UnreachableError, UsageError
from sidecar.cli.plain import PlainGroup
from sidecar.cli.rooms import NOUNS, enter
from sidecar.core.errors import RemoteUnreachable, SidecarError

_NAME: Final = "ascend-sidecar"
# What is not here is something that the operator set up: config, policies, state.
_CODES: Final = (
    (UnreachableError, Exit.UNREACHABLE),
    (RemoteUnreachable, Exit.UNREACHABLE),
    (StateInUseError, Exit.IN_USE),
)


def main() -> NoReturn:
    """The console script `ascend-sidecar`."""
    environ = os.environ  # noqa: TID251 - the edge of the command line, from which it is handed in everywhere
    edge = Edge(environ, sys.stdin.buffer, sys.stdout, sys.stderr)
    sys.exit(run(sys.argv[1:], edge))


def run(arguments: Sequence[str], edge: Edge) -> int:
    """Run one verb and return the exit code. Bad input never ends in a traceback."""
    try:
        result = build(arguments)(list(arguments), prog_name=_NAME, standalone_mode=False, obj=edge)
    except (typer.TyperException, UsageError) as error:
        return _usage(error, arguments, edge)
    except typer.Abort:
        return Exit.INTERRUPTED
    except SidecarError as error:
        return _complain(error, edge)
    except Exception as error:  # noqa: BLE001 - the last line of defence: one line for people, the rest on request
        return _unexpected(error, edge)
    return int(result or Exit.OK)


def build(arguments: Sequence[str]) -> typer.Typer:
    """The application, with as many nouns as the command line can mean."""
    app = typer.Typer(
        name=_NAME,
        cls=PlainGroup,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for noun in _meant(arguments):
        app.add_typer(enter(noun).build())
    return app


def _meant(arguments: Sequence[str]) -> Sequence[str]:
    first = arguments[0] if arguments else ""
    if first == "--version":
        return ()
    return (first,) if first in NOUNS else NOUNS


def _show_version(context: typer.Context, wanted: bool) -> None:
    if wanted:
        edge_of(context).say(f"{_NAME} {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and stop."),
    ] = False,
) -> None:
    """A local authorization daemon for AI agents: ask it before you act.

    \b
    Exit codes:
      0   allowed, or all is well
      1   denied, or a check failed
      2   pending: a human must approve
      64  usage error
      69  no daemon answers, or no other service that is needed
      75  another daemon holds the state folder
      78  bad configuration or policy
    """


def _usage(error: Exception, arguments: Sequence[str], edge: Edge) -> int:
    message = error.format_message() if isinstance(error, typer.TyperException) else str(error)
    edge.complain(f"{_NAME}: {message}")
    noun = f" {arguments[0]}" if arguments and arguments[0] in NOUNS else ""
    edge.complain(f"Try '{_NAME}{noun} --help'.")
    return Exit.USAGE


def _complain(error: SidecarError, edge: Edge) -> int:
    for line in str(error).splitlines():
        edge.complain(f"{_NAME}: {line}")
    return next((code for kind, code in _CODES if isinstance(error, kind)), Exit.CONFIG)


def _unexpected(error: Exception, edge: Edge) -> int:
    if edge.environ.get("ASCEND_DEBUG", "").lower() in {"1", "true"}:
        edge.stderr.write(format_exc())
    else:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        edge.complain(f"{_NAME}: internal error: {what} (ASCEND_DEBUG=1 shows where)")
    return Exit.INTERNAL
