"""`policy test`: the table tests that come with policies, and which rules they leave out."""

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
    trust_words,
)
from sidecar.cli.screen import Screen
from sidecar.core.model import Object
from sidecar.core.policy.suite import CaseResult, SuiteReport


def run_tests(
    context: typer.Context,
    place: Place,
    *,
    pub: PubKeys = None,
    threshold: Threshold = None,
    name: TrustedName = None,
    audience: Labels = None,
    json: Json = False,
) -> int:
    """Run the test cases of policies, and tell which rules none of them reaches."""
    edge = edge_of(context)
    local = open_place(edge, place, trust_words(pub, threshold, name, audience))
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
