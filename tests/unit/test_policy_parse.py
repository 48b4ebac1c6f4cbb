"""The language as written: what a rule may say, and every mistake with its place."""

import pytest

from sidecar.core.document import parse_documents
from sidecar.core.errors import MalformedBundle
from sidecar.core.model import Obligation, Stage, Thresholds
from sidecar.core.policy import Effect, Score, WhenUnavailable, parse_policies
from tests.fakes.policies import HEADER, policy_set

FULL = """\
rules:
  - id: small-payments
    match:
      subjects: ["agent:payment-*"]
      actions: [transaction, "payments.*"]
      resources: ["payment_gateway:*"]
    when: action.properties.amount < 10000
    effect: allow
    thresholds: {approve: 95}
    valid_for: 30s
    score: platform
    on_platform_unavailable: open
  - id: large-payments
    effect: approve
    approval:
      stages:
        - {approvers: ["group:treasury"], quorum: 2, within: 15m, escalate: ["group:cfo"]}
    reason: Two people.
    obligations: [{id: receipt, type: notification, properties: {topic: payments}}]
  - {id: other-payments, effect: approve}
defaults:
  thresholds: {approve: 60, deny: 98}
  approval: {stages: [{approvers: ["group:on-call"], within: 2h}]}
  score: local
  on_platform_unavailable: local
  volatile: [nonce]
  max_depth: 2
"""


def findings(body: str) -> list[str]:
    with pytest.raises(MalformedBundle) as caught:
        policy_set(body)
    return [str(diagnostic) for diagnostic in caught.value.diagnostics]


def test_every_key_of_the_language_is_read():
    policies = policy_set(FULL)
    small, large, other = (parsed.rule for parsed in policies.rules)
    assert [glob.text for glob in small.subjects or ()] == ["agent:payment-*"]
    assert [glob.text for glob in small.actions or ()] == ["transaction", "payments.*"]
    assert (small.effect, small.thresholds, small.valid_for) == (Effect.ALLOW, Thresholds(approve=95), 30.0)
    assert (small.score, small.on_platform_unavailable) == (Score.PLATFORM, WhenUnavailable.OPEN)
    assert large.stages == (Stage(("group:treasury",), 2, 900.0, ("group:cfo",)),)
    assert large.obligations == (Obligation("receipt", "notification", {"topic": "payments"}),)
    assert (large.subjects, large.actions, large.resources, large.valid_for) == (None, None, None, 60.0)
    assert other.stages == policies.defaults.stages == (Stage(("group:on-call",), 1, 7200.0),)
    assert policies.defaults.thresholds == Thresholds(60, 98)
    assert policies.defaults.volatile == ("nonce",)
    assert policies.defaults.max_depth == 2
    assert policies.defaults.on_platform_unavailable is WhenUnavailable.LOCAL


def test_without_defaults_nothing_is_limited_and_the_platform_is_not_asked():
    defaults = policy_set("rules: []").defaults
    assert (defaults.thresholds, defaults.stages, defaults.score) == (None, (), Score.LOCAL)
    assert defaults.max_depth == 5
    assert "correlation_id" in defaults.volatile


@pytest.mark.parametrize(
    ("written", "seconds"), [("30s", 30.0), ("15m", 900.0), ("24h", 86400.0), ("7d", 604800.0)]
)
def test_durations_are_seconds(written: str, seconds: float):
    (parsed,) = policy_set(f"rules: [{{id: a, effect: allow, valid_for: {written}}}]").rules
    assert parsed.rule.valid_for == seconds


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("effect: permit", "`permit` is not one of allow, approve, deny"),
        ("effect: alow", "`alow` is not one of allow, approve, deny (did you mean `allow`?)"),
        ("effect: allow, valid_for: 30", "expected a duration such as 30s, 15m or 24h"),
        ("effect: allow, valid_for: 0s", "expected a duration such as 30s, 15m or 24h"),
        ("effect: allow, valid_for: 1h30m", "expected a duration such as 30s, 15m or 24h"),
        ("effect: allow, priority: 1", "unknown key `priority`"),
        ("effect: allow, match: {action: [x]}", "unknown key `action` (did you mean `actions`?)"),
        (
            "effect: allow, match: {actions: []}",
            "expected a list of 1 to 256 patterns; leave the key out for any",
        ),
        (
            "effect: allow, match: {actions: read}",
            "expected a list of 1 to 256 patterns; leave the key out for any",
        ),
        ("effect: allow, match: {actions: ['']}", "expected a pattern of 1 to 1024 characters"),
        (
            "effect: allow, match: {subjects: [agent]}",
            "`agent` has no colon; write `type:id`, for any id `agent:*`",
        ),
        ("effect: allow, match: {resources: ['a:\\']}", r"a lone `\` at the end escapes nothing; write `\\`"),
        ("effect: allow, thresholds: {}", "say `approve`, `deny` or both"),
        ("effect: allow, thresholds: {approve: 101}", "expected a risk score, 0 to 100"),
        ("effect: allow, thresholds: {approve: 60, deny: 60}", "`deny` must be above `approve`"),
        (
            "effect: allow, approval: {stages: [{approvers: ['group:a']}]}",
            "`approval` does nothing in a rule whose",
        ),
        ("effect: deny, thresholds: {deny: 60}", "`thresholds` does nothing in a rule whose effect is deny"),
        (
            "effect: deny, allow_when_blind: true",
            "`allow_when_blind` does nothing in a rule whose effect is deny",
        ),
        ("effect: allow, allow_when_blind: 1", "expected true or false"),
        ("effect: deny, valid_for: 3s", "`valid_for` does nothing in a rule whose effect is deny"),
        ("effect: approve, approval: {stages: []}", "expected a list of 1 to 16 stages"),
        ("effect: approve, approval: {stages: [{approvers: []}]}", "expected a list of 1 to 64 approvers"),
        (
            "effect: approve, approval: {stages: [{approvers: [ann]}]}",
            "expected an approver such as `group:on-call`",
        ),
        (
            "effect: approve, approval: {stages: [{approvers: ['group:a'], quorum: 0}]}",
            "expected a number of people",
        ),
        ("effect: allow, score: remote", "`remote` is not one of local, platform"),
        ("effect: allow, when: true", "expected a condition of 1 to 4096 characters"),
        ("effect: allow, obligations: [{id: a}]", "missing key `type`"),
    ],
)
def test_a_mistake_in_a_rule_is_named(rule: str, expected: str):
    body = f"rules: [{{id: a, {rule}}}]\ndefaults: {{approval: {{stages: [{{approvers: ['group:a']}}]}}}}\n"
    (finding,) = findings(body)
    assert expected in finding
    assert finding.startswith("policy.yaml:4:")


@pytest.mark.parametrize("name", ["a b", "", "-a", "a" * 129, "a:b"])
def test_a_rule_id_is_a_short_plain_name(name: str):
    (finding,) = findings(f"rules: [{{id: '{name}', effect: allow}}]")
    assert "expected a name of letters" in finding


def test_a_rule_id_is_taken_once_in_the_whole_bundle():
    raw = (HEADER + "rules: [{id: a, effect: allow}]\n").encode()
    documents = (*parse_documents("one.yaml", raw), *parse_documents("two.yaml", raw))
    with pytest.raises(
        MalformedBundle, match=r"two\.yaml:4:14: rule id `a` is taken by the rule at one\.yaml:4:14"
    ):
        parse_policies(documents)


def test_defaults_stand_once_in_the_whole_bundle():
    raw = (HEADER + "defaults: {score: local}\n").encode()
    documents = (*parse_documents("one.yaml", raw), *parse_documents("two.yaml", raw))
    with pytest.raises(
        MalformedBundle, match=r"two\.yaml:4:1: a bundle has one `defaults`; another is at one\.yaml:4:1"
    ):
        parse_policies(documents)


@pytest.mark.parametrize(
    ("body", "place", "message"),
    [
        ("rules: [{id: a, effect: approve}]", "4:25", "nobody is named to approve"),
        ("rules: [{id: a, effect: allow, thresholds: {approve: 60}}]", "4:54", "nobody to ask for approval"),
        ("defaults: {thresholds: {approve: 60}}", "4:34", "nobody to ask for approval"),
    ],
)
def test_approval_needs_somebody_to_ask(body: str, place: str, message: str):
    (finding,) = findings(body)
    assert finding.startswith(f"policy.yaml:{place}: ")
    assert message in finding


def test_a_limit_that_only_denies_needs_nobody():
    assert policy_set("rules: [{id: a, effect: allow, thresholds: {deny: 60}}]").rules


def test_another_kind_of_document_is_refused():
    with pytest.raises(MalformedBundle, match="`PolicyTest` is not one of Policy"):
        parse_policies(parse_documents("p.yaml", HEADER.replace("Policy", "PolicyTest").encode()))


def test_all_findings_of_a_bundle_come_at_once_and_in_order():
    body = (
        "rules:\n"
        "  - {id: a, effect: deny, valid_for: 3s}\n"
        "  - {id: a, effect: allow, match: {subjects: [x]}}\n"
    )
    assert [finding.split(": ")[0] for finding in findings(body)] == [
        "policy.yaml:5:27",
        "policy.yaml:6:10",
        "policy.yaml:6:47",
    ]
