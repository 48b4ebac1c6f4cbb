"""Scopes: whom an order is for, as it is typed. Exactly one option says so."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Final

import typer

from sidecar.cli.exits import UsageError
from sidecar.cli.moments import moment, span
from sidecar.core.killswitch import Kind, Scope
from sidecar.core.killswitch import scope as make_scope

_NAMED: Final = {
    Kind.AGENT: ("agent", "NAME", "An agent and all that acts for it, by id or type:id."),
    Kind.AGENTS: ("agents", "GLOB", "All agents that match, such as 'agent:pay-*'."),
    Kind.GROUP: ("group", "NAME", "All agents of a group."),
    Kind.MCP_SERVER: ("server", "NAME", "An MCP server."),
    Kind.TOOL: ("tool", "NAME", "A tool of any MCP server."),
    Kind.ORCHESTRATION: ("session", "ID", "An orchestration session, or an agent with all below it."),
    Kind.HOST: ("host", "NAME", "A host."),
    Kind.ORGANIZATION: ("organization", "NAME", "All of an organization."),
}
_EVERYTHING: Final = "everything"
_OPTIONS: Final = f"{', '.join(f'--{flag}' for flag, _, _ in _NAMED.values())} or --{_EVERYTHING}"
For = Annotated[
    str | None,
    typer.Option("--for", metavar="TIME", help="Over after this, such as 30m. [default: until released]"),
]
Expires = Annotated[
    str | None, typer.Option("--expires", metavar="TIME", help="Over then, such as 2026-01-31T09:00:00Z.")
]
Command = Callable[..., int]


def scoped(everything: Scope) -> Callable[[Command], Command]:
    """For a command with a parameter `scope`: it is typed by nine flags, which stand in that one's place.

    typer reads flags from a function's signature, so the command gets one that has them. `everything` is the scope
    that `--everything` means.
    """

    def typed_by_flags(command: Command) -> Command:
        @functools.wraps(command)
        def typed(context: typer.Context, **given: object) -> int:
            names = {kind: given.pop(flag) for kind, (flag, _, _) in _NAMED.items()}
            scope = chosen(names, everything if given.pop(_EVERYTHING) else None)
            return command(context, scope=scope, **given)

        parameters: list[inspect.Parameter] = []
        for one in inspect.signature(command).parameters.values():
            parameters += _flags() if one.name == "scope" else [one]
        vars(typed)["__signature__"] = inspect.Signature(parameters, return_annotation=int)
        typed.__annotations__ = {one.name: one.annotation for one in parameters}
        return typed

    return typed_by_flags


def _flags() -> list[inspect.Parameter]:
    flags = [
        _flag(flag, None, Annotated[str | None, typer.Option(f"--{flag}", metavar=metavar, help=text)])
        for flag, metavar, text in _NAMED.values()
    ]
    everything = Annotated[bool, typer.Option(f"--{_EVERYTHING}", help="All there is.")]
    return [*flags, _flag(_EVERYTHING, False, everything)]


def _flag(name: str, default: object, annotation: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def chosen(names: Mapping[Kind, object], everything: Scope | None) -> Scope:
    """Raises UsageError unless exactly one was given, with a name that can be one."""
    given = [(kind, str(name)) for kind, name in names.items() if name is not None]
    if len(given) + (everything is not None) != 1:
        raise UsageError(f"say whom it is for, by one of {_OPTIONS}")
    if everything is not None:
        return everything
    kind, name = given[0]
    try:
        return make_scope(kind, name)
    except ValueError as error:
        raise UsageError(str(error)) from error


def seconds_from(now: float, lasting: str | None, expires: str | None) -> float | None:
    """How long from `now`, an epoch time, the halt holds; None for ever. Raises UsageError."""
    if lasting is not None and expires is not None:
        raise UsageError("give --for or --expires, not both")
    if lasting is not None:
        return span("--for", lasting).total_seconds()
    if expires is None:
        return None
    seconds = moment("--expires", expires).timestamp() - now
    if seconds <= 0:
        raise UsageError(f"--expires `{expires}` is over")
    return seconds
