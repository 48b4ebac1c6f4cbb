"""The default bundle: what it must decide, and that each of its rules is tested and explained."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from ascend.models import ActionType

from sidecar.core.bundle import load_folder
from sidecar.core.document import parse_documents
from sidecar.core.judge import judge
from sidecar.core.model import Caller
from sidecar.core.policy import compile_policies, parse_policies
from sidecar.core.policy.suite import run_suite
from sidecar.core.snapshot import Snapshot
from tests.fakes.default_risk import ask

FOLDER = Path(__file__).parents[2] / "policies"
FILES = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*.yaml")}
BUNDLE = load_folder(FILES, {}, "policies")
RULES = parse_policies(
    [document for name, raw in FILES.items() if "/" not in name for document in parse_documents(name, raw)]
)
TESTS = [
    document
    for name, raw in sorted(FILES.items())
    if name.startswith("tests/")
    for document in parse_documents(name, raw)
]


def decide(action, resource="resource:customer_profiles", bundle=BUNDLE, **parts):
    return judge(Snapshot(bundle), ask(action, resource, **parts), Caller(), 0.0)


def suite(bundle):
    return run_suite(TESTS, partial(judge, Snapshot(bundle)), bundle.policies.rule_ids)


def test_every_table_test_passes_and_every_rule_decides_one():
    report = suite(BUNDLE)
    assert [(str(result.place), result.name, result.differences) for result in report.failed] == []
    assert report.uncovered == ()


@pytest.mark.parametrize("rule", BUNDLE.policies.rule_ids)
def test_without_any_one_rule_a_table_test_fails(rule):
    fewer = replace(RULES, rules=tuple(parsed for parsed in RULES.rules if parsed.rule.id != rule))
    assert suite(replace(BUNDLE, policies=compile_policies(fewer, BUNDLE.data, BUNDLE.risk.paths))).failed


def test_every_rule_says_why_in_a_sentence():
    for rule in (parsed.rule for parsed in RULES.rules):
        assert rule.reason.endswith("."), rule.id
        assert len(rule.reason) > 20, rule.id


@pytest.mark.parametrize(
    ("action", "resource", "verdict"),
    [
        ("database.read", "resource:customer_profiles", "allow"),
        ("write_file", "file:/srv/app/notes.md", "allow"),
        ("write_file", "file:/etc/config.yaml", "pending"),
        ("delete_file", "file:/srv/app/notes.md", "pending"),
        ("bash", "resource:host", "pending"),
        ("send_email", "mailbox:customer", "pending"),
        ("file.read", "file:/root/.ssh/id_rsa", "deny"),
        ("file.read", "file:/srv/app/.env", "deny"),
        ("file.read", "file:/srv/app/tls.key", "deny"),
        ("file.read", "file:/var/lib/ascend-sidecar/audit/0.jsonl", "deny"),
        ("file.write", "file:/run/ascend-sidecar/sidecar.sock", "deny"),
        ("file.write", "file:/etc/ascend-sidecar/policies/data.yaml", "deny"),
        ("frobnicate", "resource:x", "deny"),
    ],
)
def test_what_a_new_user_tries_first(action, resource, verdict):
    assert decide(action, resource).verdict.word == verdict


def test_the_quick_start_of_the_sdk_is_allowed_with_a_score_below_the_limit():
    decision = decide("database.read", context={"risk_indicators": {"pii_involved": True}})
    assert decision.verdict.word == "allow"
    assert 0 < decision.risk.score < 60


def test_an_external_transfer_needs_approval():
    decision = decide("data_access", context={"risk_indicators": {"external_transfer": True}})
    assert (decision.verdict.word, decision.code) == ("pending", "risk_needs_approval")


@pytest.mark.parametrize("action_type", ActionType)
def test_no_action_type_of_the_sdk_is_refused_as_unknown(action_type):
    held = {"transaction", "system_operation"}
    assert decide(action_type.value).verdict.word == ("pending" if action_type.value in held else "allow")


@pytest.mark.parametrize("action", ["tools/call", "frobnicate", "data_access", "file.read", "list_directory"])
def test_no_way_of_asking_reads_a_secret(action):
    for path in ("/home/ann/.ssh/id_rsa", "/home/ann/.aws/credentials", "/srv/app/.env"):
        for parts in ({"resource": f"file:{path}"}, {"properties": {"arguments": {"path": path}}}):
            assert decide(action, **parts).verdict.word == "deny"


@pytest.mark.parametrize("indicator", ["pii_involved", "financial_data", "external_transfer"])
@pytest.mark.parametrize("action", ["database.read", "write_file", "communication", "data_modification"])
def test_no_risk_indicator_loosens_a_decision(action, indicator):
    declared = decide(action, context={"risk_indicators": {indicator: True}})
    assert declared.verdict >= decide(action).verdict


def test_whoever_holds_a_request_names_who_may_approve_it():
    for case in suite(BUNDLE).results:
        if case.decision.verdict.word == "pending":
            assert case.decision.stages, case.name
