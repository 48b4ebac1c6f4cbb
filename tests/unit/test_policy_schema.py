"""The schemas of the language: they take what loads, refuse what does not, and are JSON Schema to others too."""

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from sidecar.core.document import parse_documents
from sidecar.core.errors import MalformedBundle
from sidecar.core.policy import parse_policies
from sidecar.core.policy.cases import parse_cases
from sidecar.core.policy.schema import policy_schema, suite_schema

FOLDER = Path(__file__).parents[2] / "policies"
POLICY = Draft202012Validator(policy_schema())
TESTS = Draft202012Validator(suite_schema())
HEAD = "apiVersion: ascend.sidecar/v1\nkind: Policy\nmetadata: {name: test}\n"
ASK = "defaults: {approval: {stages: [{approvers: ['group:on-call']}]}}\n"
TEST_HEAD = "apiVersion: ascend.sidecar/v1\nkind: PolicyTest\n"

GOOD = (
    "rules: []",
    ASK,
    "rules: [{id: a, effect: deny}]",
    "rules: [{id: a, effect: allow, match: {subjects: ['a:*'], actions: [x], resources: [':']}}]",
    "rules: [{id: a, effect: allow, thresholds: {deny: 3}, valid_for: 30s, when: 'true', reason: Yes.}]",
    "rules: [{id: a, effect: allow, obligations: [{id: a, type: b, properties: {x: [1]}}], score: platform}]",
    "rules: [{id: a, effect: approve, valid_for: 1h, approval: {stages: [{approvers: ['g:a'], quorum: 2}]}}]",
    "rules: [{id: a, effect: approve, allow_when_blind: true, approval: {stages: [{approvers: ['g:a']}]}}]",
    "defaults: {thresholds: {deny: 100}, on_platform_unavailable: open, volatile: [nonce], max_depth: 0}",
)
BAD = (
    "rules: {}",
    "rule: []",
    "rules: [{id: a}]",
    "rules: [{effect: deny}]",
    "rules: [{id: 'a b', effect: deny}]",
    "rules: [{id: a, effect: refuse}]",
    "rules: [{id: a, effect: deny, whenn: 'true'}]",
    "rules: [{id: a, effect: deny, when: ''}]",
    "rules: [{id: a, effect: deny, when: true}]",
    "rules: [{id: a, effect: deny, match: {actions: []}}]",
    "rules: [{id: a, effect: deny, match: {actions: read}}]",
    "rules: [{id: a, effect: deny, match: {subjects: [agent]}}]",
    "rules: [{id: a, effect: deny, match: {resources: [file]}}]",
    "rules: [{id: a, effect: deny, match: {action: [read]}}]",
    "rules: [{id: a, effect: deny, valid_for: 30s}]",
    "rules: [{id: a, effect: deny, allow_when_blind: true}]",
    "rules: [{id: a, effect: allow, allow_when_blind: 'yes'}]",
    "rules: [{id: a, effect: allow, valid_for: 30}]",
    "rules: [{id: a, effect: allow, valid_for: 0s}]",
    "rules: [{id: a, effect: allow, valid_for: 1w}]",
    "rules: [{id: a, effect: allow, thresholds: {}}]",
    "rules: [{id: a, effect: allow, thresholds: {deny: 101}}]",
    "rules: [{id: a, effect: approve, thresholds: {deny: 10}}]\n" + ASK,
    "rules: [{id: a, effect: allow, approval: {stages: [{approvers: ['g:a']}]}}]",
    "rules: [{id: a, effect: approve, approval: {stages: []}}]",
    "rules: [{id: a, effect: approve, approval: {stages: [{approvers: [ann]}]}}]",
    "rules: [{id: a, effect: approve, approval: {stages: [{approvers: ['g:a'], quorum: 0}]}}]",
    "rules: [{id: a, effect: allow, obligations: [{id: a}]}]",
    "defaults: {score: remote}",
    "defaults: {volatile: nonce}",
    "defaults: {max_depth: 6}",
    "defaults: {max_depth: -1}",
    "defaults: {max_depth: none}",
    "kinds: x",
)
CASE = "tests: [{name: a, given: {subject: 's:a', action: x, resource: 'r:a'%s}, expect: {verdict: allow%s}}]"
GOOD_TESTS = (
    CASE % ("", ""),
    CASE % (", now: '2026-01-01T09:00:00Z', context: {a: 1}", ", code: allowed, rules: [a], risk: {max: 3}"),
    CASE % (", now: '2026-01-01T09:00:00+01:00', caller: {uid: 0}", ""),
    (CASE % ("", "")).replace("'s:a'", "{type: s, id: a}").replace("action: x", "action: {name: x}"),
)
BAD_TESTS = (
    "tests: []",
    "rules: []",
    CASE % (", now: '2026-01-01T09:00:00'", ""),
    CASE % (", caller: {uid: -1}", ""),
    CASE % (", uid: 1", ""),
    CASE % ("", ", code: fine"),
    CASE % ("", ", risk: {max: 101}"),
    (CASE % ("", "")).replace("'s:a'", "agent"),
    (CASE % ("", "")).replace("allow", "maybe"),
    (CASE % ("", "")).replace("name: a, ", ""),
)


def documents(kind):
    return [
        pytest.param(document.value, id=path.name)
        for path in sorted(FOLDER.glob(kind))
        for document in parse_documents(path.name, path.read_bytes())
    ]


def loads(parse, text):
    try:
        parse(parse_documents("x.yaml", text.encode()))
    except MalformedBundle:
        return False
    return True


@pytest.mark.parametrize("validator", [POLICY, TESTS])
def test_it_is_a_schema(validator):
    Draft202012Validator.check_schema(validator.schema)
    assert "\\Z" not in str(validator.schema)


@pytest.mark.parametrize("value", documents("*.yaml"))
def test_every_policy_of_the_default_bundle_is_valid(value):
    assert list(POLICY.iter_errors(value)) == []


@pytest.mark.parametrize("value", documents("tests/*.yaml"))
def test_every_test_of_the_default_bundle_is_valid(value):
    assert list(TESTS.iter_errors(value)) == []


@pytest.mark.parametrize(("body", "is_good"), [*((b, True) for b in GOOD), *((b, False) for b in BAD)])
def test_schema_and_loader_agree_on_policies(body, is_good):
    assert loads(parse_policies, HEAD + body) is is_good
    assert POLICY.is_valid(yaml.safe_load(HEAD + body)) is is_good


@pytest.mark.parametrize(
    ("body", "is_good"), [*((b, True) for b in GOOD_TESTS), *((b, False) for b in BAD_TESTS)]
)
def test_schema_and_loader_agree_on_tests(body, is_good):
    assert loads(parse_cases, TEST_HEAD + body) is is_good
    assert TESTS.is_valid(yaml.safe_load(TEST_HEAD + body)) is is_good


@pytest.mark.parametrize(
    "head",
    [
        HEAD.replace("v1", "v2"),
        HEAD.replace("Policy", "PolicyTest"),
        HEAD.replace("metadata: {name: test}\n", ""),
        HEAD.replace("name: test", "name: ''"),
        HEAD.replace("name: test", "title: test"),
    ],
)
def test_schema_and_loader_agree_on_heads(head):
    assert not loads(parse_policies, head)
    assert not POLICY.is_valid(yaml.safe_load(head))
