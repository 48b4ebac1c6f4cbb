"""`policy lint`: every mistake in a folder, what does not load and what was surely not meant, each with its place."""

from typing import Final

import typer

from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.exits import Exit
from sidecar.cli.local import Local, open_place
from sidecar.cli.options import (
    Json,
    Labels,
    Place,
    PubKeys,
    Threshold,
    TrustedName,
    TrustWords,
    trust_words,
)
from sidecar.cli.screen import Screen
from sidecar.core.errors import MalformedBundle
from sidecar.core.model import Object
from sidecar.core.policy import compile_policies, parse_policies
from sidecar.core.policy.lint import Check, Finding, Severity
from sidecar.core.policy.lint import lint as lint_policies

_DATA: Final = "data/"
_PEOPLE: Final = "people"


def lint(
    context: typer.Context,
    place: Place,
    *,
    pub: PubKeys = None,
    threshold: Threshold = None,
    name: TrustedName = None,
    audience: Labels = None,
    json: Json = False,
) -> int:
    """Find every mistake in policies, their tests included, with file, line and column."""
    edge = edge_of(context)
    found, rules = _findings(edge, place, trust_words(pub, threshold, name, audience))
    if json:
        edge.emit([_as_json(one) for one in found])
    else:
        for one in found:
            edge.say(_line(one))
        Screen(edge).line(
            "failed" if found else "ok", f"{len(found)} findings" if found else f"{rules} rules"
        )
    return Exit.DENIED if found else Exit.OK


def _findings(edge: Edge, place: str, trusted: TrustWords) -> tuple[tuple[Finding, ...], int]:
    """Errors first. A folder that does not load is looked at no further."""
    try:
        local = open_place(edge, place, trusted)
    except MalformedBundle as error:
        return _errors(error), 0
    return (*_test_errors(local), *_warnings(local)), len(local.bundle.policies.rule_ids)


def _test_errors(local: Local) -> tuple[Finding, ...]:
    try:
        local.test()
    except MalformedBundle as error:
        return _errors(error)
    return ()


def _errors(error: MalformedBundle) -> tuple[Finding, ...]:
    return tuple(Finding(Check.DOES_NOT_LOAD, Severity.ERROR, one) for one in error.diagnostics)


def _warnings(local: Local) -> tuple[Finding, ...]:
    """Reads the policies anew: once loaded, a bundle no longer knows where in a file each part of a rule stood."""
    bundle = local.bundle
    policies = parse_policies(local.source.documents(lambda name: "/" not in name))
    table = compile_policies(policies, bundle.data, bundle.risk.paths)
    own = [
        name.removeprefix(_DATA).removesuffix(".yaml")
        for name in local.source.names()
        if name.startswith(_DATA)
    ]
    people = bundle.people if _PEOPLE in bundle.data.names else None
    return tuple(_located(one, local) for one in lint_policies(policies, table, bundle.data, own, people))


def _located(found: Finding, local: Local) -> Finding:
    (here,) = local.source.located(MalformedBundle(found.diagnostic)).diagnostics
    return Finding(found.check, found.severity, here)


def _line(found: Finding) -> str:
    """As compilers write it, so that editors find the place."""
    one = found.diagnostic
    hint = f" ({one.hint})" if one.hint else ""
    return f"{one.place}: {found.severity}: {one.message}{hint} [{found.check}]"


def _as_json(found: Finding) -> Object:
    one = found.diagnostic
    return {
        "path": one.place.path,
        "line": one.place.line,
        "column": one.place.column,
        "pointer": one.place.pointer,
        "severity": found.severity,
        "check": found.check,
        "message": one.message,
        "hint": one.hint,
    }
