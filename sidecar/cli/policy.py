"""`policy`: what a folder or a signed bundle is worth before a daemon gets it: lint, test, explain, diff."""

from typing import Annotated, Final

import typer

from sidecar.cli import verdicts
from sidecar.cli.diff import diff
from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.exits import Exit
from sidecar.cli.lint import lint
from sidecar.cli.local import open_place
from sidecar.cli.options import (
    Json,
    Labels,
    Place,
    PubKeys,
    Threshold,
    TrustedName,
    trust_words,
)
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
from sidecar.cli.testing import run_tests
from sidecar.core.policy import RuleFinding
from sidecar.core.policy.schema import policy_schema, suite_schema

_LINT: Final = """\b
Examples:
  ascend-sidecar policy lint ./policies
  ascend-sidecar policy lint ./policies --json

\b
Errors keep the folder from being loaded; warnings are what loads, but was surely not meant:
  unreachable-rule       a deny rule without a condition denies all that the rule matches
  never-allows           all that an allow rule matches needs approval by another rule
  duplicate-rule         two rules differ in nothing but id and reason
  unused-data            no condition reads a data document
  missing-reason         a deny or approve rule has no reason
  condition-always-errs  part of a condition errs, whatever the request holds
  nobody-to-approve      data/people.yaml has nobody, or too few, for a stage of an approval

Exit codes: 0 no findings, 1 findings.
"""
_DIFF: Final = """\b
Examples:
  ascend-sidecar policy diff ./policies.old ./policies
  ascend-sidecar policy diff default ./policies --json
  ascend-sidecar policy diff prod.dsse ./policies --pub release.pub

Exit codes: 0 no difference, 1 differences, 78 one of them cannot be loaded.
"""
_SCHEMA: Final = """\b
Examples:
  ascend-sidecar policy schema > policy.schema.json
  ascend-sidecar policy schema --tests > policy-test.schema.json

\b
Editors with the YAML language server check a file that begins with
  # yaml-language-server: $schema=policy.schema.json
"""
_TEST: Final = """\b
Examples:
  ascend-sidecar policy test ./policies
  ascend-sidecar policy test default --json
  ascend-sidecar policy test prod.dsse --pub release.pub

Exit codes: 0 all passed, 1 a test failed, 78 the folder cannot be loaded.
"""
_EXPLAIN: Final = """\b
Examples:
  ascend-sidecar policy explain ./policies agent:bot-1 file.read file:/srv/report.txt
  ascend-sidecar policy explain default --request request.json --matched
"""

Tests = Annotated[bool, typer.Option("--tests", help="Of a document of tests, not of policies.")]
MatchedOnly = Annotated[bool, typer.Option("--matched", help="Only the rules that matched.")]


def build() -> typer.Typer:
    app = typer.Typer(name="policy", help="Check, test, explain and compare policies.", rich_markup_mode=None)
    app.command(epilog=_LINT)(lint)
    app.command("test", epilog=_TEST)(run_tests)
    app.command(epilog=_EXPLAIN)(explain)
    app.command(epilog=_DIFF)(diff)
    app.command(epilog=_SCHEMA)(schema)
    app.command(epilog=REPLAY)(replay)
    return app


def explain(
    context: typer.Context,
    place: Place,
    subject: SubjectWord = None,
    action: ActionWord = None,
    resource: ResourceWord = None,
    *,
    properties: Properties = None,
    context_json: ContextJson = None,
    request: RequestFile = None,
    matched: MatchedOnly = False,
    pub: PubKeys = None,
    threshold: Threshold = None,
    name: TrustedName = None,
    audience: Labels = None,
    json: Json = False,
) -> int:
    """Show what every rule makes of a request, matched or not and why, and the decision that follows."""
    edge = edge_of(context)
    words = Words(subject, action, resource, tuple(properties or ()), context_json, request)
    asked = question(words, edge.stdin)
    local = open_place(edge, place, trust_words(pub, threshold, name, audience))
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


def schema(context: typer.Context, *, tests: Tests = False, _json: Json = True) -> int:
    """Print a JSON Schema of a policy document, for editors. It is always JSON."""
    edge_of(context).emit(suite_schema() if tests else policy_schema())
    return Exit.OK
