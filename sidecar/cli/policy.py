"""`policy`: what a folder of policies is worth before a daemon gets it: lint, test, explain."""

from typing import Annotated, Final

import typer

from sidecar.cli import verdicts
from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.exits import Exit
from sidecar.cli.local import Local, open_folder
from sidecar.cli.options import Json
from sidecar.cli.question import (
    ActionWord,
    ContextJson,
    Properties,
    RequestFile,
    ResourceWord,
    SubjectWord,
    Words,
    question,
)
from sidecar.cli.replay import EXAMPLES as REPLAY
from sidecar.cli.replay import replay
from sidecar.cli.screen import Screen
from sidecar.core.errors import Diagnostic, MalformedBundle
from sidecar.core.model import Object
from sidecar.core.policy import RuleFinding
from sidecar.core.policy.suite import CaseResult, SuiteReport

_LINT: Final = """\b
Examples:
  ascend-sidecar policy lint ./policies

Exit codes: 0 no findings, 1 findings.
"""
_TEST: Final = """\b
Examples:
  ascend-sidecar policy test ./policies
  ascend-sidecar policy test default --json

Exit codes: 0 all passed, 1 a test failed, 78 the folder cannot be loaded.
"""
_EXPLAIN: Final = """\b
Examples:
  ascend-sidecar policy explain ./policies agent:bot-1 file.read file:/srv/report.txt
  ascend-sidecar policy explain default --request request.json --matched
"""

Folder = Annotated[
    str, typer.Argument(metavar="DIR", help="Folder of policies, or `default` for the built-in ones.")
]
MatchedOnly = Annotated[bool, typer.Option("--matched", help="Only the rules that matched.")]


def build() -> typer.Typer:
    app = typer.Typer(name="policy", help="Check, test and explain policies.", rich_markup_mode=None)
    app.command(epilog=_LINT)(lint)
    app.command("test", epilog=_TEST)(run_tests)
    app.command(epilog=_EXPLAIN)(explain)
    app.command(epilog=REPLAY)(replay)
    return app


def lint(context: typer.Context, folder: Folder, *, json: Json = False) -> int:
    """Find every mistake in a folder, its tests included, with file, line and column."""
    edge = edge_of(context)
    found, rules = _findings(folder)
    if json:
        edge.emit([_as_json(one) for one in found])
    else:
        for one in found:
            edge.say(str(one))
        Screen(edge).line(
            "failed" if found else "ok", f"{len(found)} findings" if found else f"{rules} rules"
        )
    return Exit.DENIED if found else Exit.OK


def _findings(folder: str) -> tuple[tuple[Diagnostic, ...], int]:
    try:
        local = open_folder(folder)
        local.test()
    except MalformedBundle as error:
        return error.diagnostics, 0
    return (), len(local.bundle.policies.rule_ids)


def _as_json(found: Diagnostic) -> Object:
    place = found.place
    return {
        "path": place.path,
        "line": place.line,
        "column": place.column,
        "message": found.message,
        "hint": found.hint,
    }


def run_tests(context: typer.Context, folder: Folder, *, json: Json = False) -> int:
    """Run the test cases of a folder, and tell which rules none of them reaches."""
    edge = edge_of(context)
    local = open_folder(folder)
    report = local.test()
    if json:
        edge.emit(_report_json(local, report))
    else:
        _show_report(edge, local, report)
    return Exit.OK if _is_good(report) else Exit.DENIED


def _is_good(report: SuiteReport) -> bool:
    """A folder without a test has proven nothing."""
    return bool(report.passed) and not report.failed


def _show_report(edge: Edge, local: Local, report: SuiteReport) -> None:
    screen = Screen(edge)
    for result in report.failed:
        screen.line("FAILED", f"{result.name} ({local.folder}/{result.place})")
        for difference in result.differences:
            edge.say(f"  {difference}")
    for rule in report.uncovered:
        edge.say(f"no test reaches rule `{rule}`")
    total, rules = len(report.results), len(report.covered) + len(report.uncovered)
    word = "passed" if _is_good(report) else "failed"
    screen.line(
        word, f"{len(report.passed)} of {total} tests; {len(report.covered)} of {rules} rules covered"
    )


def _report_json(local: Local, report: SuiteReport) -> Object:
    return {
        "passed": len(report.passed),
        "failed": len(report.failed),
        "results": [_result_json(local, result) for result in report.results],
        "rules": {"covered": list(report.covered), "uncovered": list(report.uncovered)},
    }


def _result_json(local: Local, result: CaseResult) -> Object:
    return {
        "name": result.name,
        "place": f"{local.folder}/{result.place}",
        "passed": result.passed,
        "verdict": result.decision.verdict.word,
        "code": result.decision.code,
        "rules": result.decision.rules,
        "differences": list(result.differences),
    }


def explain(
    context: typer.Context,
    folder: Folder,
    subject: SubjectWord = None,
    action: ActionWord = None,
    resource: ResourceWord = None,
    *,
    properties: Properties = None,
    context_json: ContextJson = None,
    request: RequestFile = None,
    matched: MatchedOnly = False,
    json: Json = False,
) -> int:
    """Show what every rule makes of a request, matched or not and why, and the decision that follows."""
    edge = edge_of(context)
    words = Words(subject, action, resource, tuple(properties or ()), context_json, request)
    asked = question(words, edge.stdin)
    local = open_folder(folder)
    rules = [rule for rule in local.explain(asked) if rule.matched or not matched]
    answer = local.decide(asked)
    if json:
        edge.emit({"rules": rules, **answer})
    else:
        _show_rules(edge, rules)
        verdicts.show(edge, verdicts.told_of(answer))
    return Exit.OK


def _show_rules(edge: Edge, rules: list[RuleFinding]) -> None:
    rows = [(rule.rule, rule.effect, "yes" if rule.matched else "no", rule.place, rule.why) for rule in rules]
    Screen(edge).table(("RULE", "EFFECT", "MATCHED", "PLACE", "WHY"), rows)
    edge.say()
