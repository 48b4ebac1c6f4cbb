"""Scopes: whom an order is for, as it is typed. Exactly one option says so."""

from collections.abc import Mapping
from typing import Annotated

import typer

from sidecar.cli.exits import UsageError
from sidecar.cli.moments import moment, span
from sidecar.core.killswitch import Kind, Scope
from sidecar.core.killswitch import scope as make_scope

Agent = Annotated[
    str | None,
    typer.Option("--agent", metavar="NAME", help="An agent and all that acts for it, by id or type:id."),
]
Agents = Annotated[
    str | None, typer.Option("--agents", metavar="GLOB", help="All agents that match, such as 'agent:pay-*'.")
]
Group = Annotated[str | None, typer.Option("--group", metavar="NAME", help="All agents of a group.")]
Server = Annotated[str | None, typer.Option("--server", metavar="NAME", help="An MCP server.")]
Tool = Annotated[str | None, typer.Option("--tool", metavar="NAME", help="A tool of any MCP server.")]
Session = Annotated[
    str | None,
    typer.Option("--session", metavar="ID", help="An orchestration session, or an agent with all below it."),
]
Host = Annotated[str | None, typer.Option("--host", metavar="NAME", help="A host.")]
Organization = Annotated[
    str | None, typer.Option("--organization", metavar="NAME", help="All of an organization.")
]
Everything = Annotated[bool, typer.Option("--everything", help="All there is.")]
For = Annotated[
    str | None,
    typer.Option("--for", metavar="TIME", help="Over after this, such as 30m. [default: until released]"),
]
Expires = Annotated[
    str | None, typer.Option("--expires", metavar="TIME", help="Over then, such as 2026-01-31T09:00:00Z.")
]
Names = Mapping[Kind, str | None]

_OPTIONS = "--agent, --agents, --group, --server, --tool, --session, --host, --organization or --everything"


def chosen(names: Names, everything: Scope | None) -> Scope:
    """Raises UsageError unless exactly one was given, with a name that can be one."""
    given = [(kind, name) for kind, name in names.items() if name is not None]
    if len(given) + (everything is not None) != 1:
        raise UsageError(f"say whom it is for, by one of {_OPTIONS}")
    if everything is not None:
        return everything
    kind, name = given[0]
    try:
        return make_scope(kind, name)
    except ValueError as error:
        raise UsageError(str(error)) from error


def names_of(
    agent: str | None,
    agents: str | None,
    group: str | None,
    server: str | None,
    tool: str | None,
    session: str | None,
    host: str | None,
    organization: str | None,
) -> Names:
    """The options by the kind of scope that each names."""
    return {
        Kind.AGENT: agent,
        Kind.AGENTS: agents,
        Kind.GROUP: group,
        Kind.MCP_SERVER: server,
        Kind.TOOL: tool,
        Kind.ORCHESTRATION: session,
        Kind.HOST: host,
        Kind.ORGANIZATION: organization,
    }


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
