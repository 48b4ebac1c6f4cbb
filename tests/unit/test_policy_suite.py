"""Table tests of policies: what a case may say, how differences are told, and which rules are covered."""

import pytest

from sidecar.core.document import parse_documents
from sidecar.core.errors import MalformedBundle
from sidecar.core.model import Attack, Caller, Code, Cvss, Decision, Nist, Request, Risk, Verdict
from sidecar.core.policy.suite import SuiteReport, run_suite

HEADER = "apiVersion: ascend.sidecar/v1\nkind: PolicyTest\ntests:\n"
RISK = Risk(40, "medium", "read", (), Cvss("", 5.0), Nist("", "", ""), Attack("", ""))


class Judge:
    """Allows reading by rule `reads`, denies the rest by rule `rest`; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Request, Caller, float]] = []

    def __call__(self, request: Request, caller: Caller, now: float) -> Decision:
        self.asked.append((request, caller, now))
        if request.action.name == "read":
            return Decision(Verdict.ALLOW, Code.ALLOWED, "Reading.", now, rules=("reads",), risk=RISK)
        return Decision(Verdict.DENY, Code.POLICY_DENIED, "No.", now, rules=("rest",), risk=RISK)


def run(cases: str, judge: Judge | None = None) -> SuiteReport:
    documents = parse_documents("a_test.yaml", (HEADER + cases).encode())
    return run_suite(documents, judge or Judge(), ("reads", "rest", "never"))


def case(given: str, expect: str) -> str:
    return f"  - name: case\n    given: {{subject: 'agent:a', {given}}}\n    expect: {{{expect}}}\n"


def test_a_case_that_gets_what_it_expects_passes():
    report = run(
        case(
            "action: read, resource: 'db:t'",
            "verdict: allow, code: allowed, rules: [reads], risk: {min: 40, max: 40}",
        )
    )
    assert [result.name for result in report.passed] == ["case"]
    assert report.failed == ()


@pytest.mark.parametrize(
    ("expect", "difference"),
    [
        ("verdict: deny", "verdict: expected deny, got allow (Reading.)"),
        ("verdict: allow, code: policy_denied", "code: expected policy_denied, got allowed"),
        ("verdict: allow, rules: []", "rules: expected none, got reads"),
        ("verdict: allow, rules: [rest, reads]", "rules: expected rest, reads, got reads"),
        ("verdict: allow, risk: {max: 39}", "risk: expected 0 to 39, got 40"),
    ],
)
def test_a_difference_is_told_with_its_place(expect: str, difference: str):
    (failed,) = run(case("action: read, resource: 'db:t'", expect)).failed
    assert failed.differences == (difference,)
    assert str(failed.place) == "a_test.yaml:4:5"


def test_a_rule_that_does_not_exist_is_named():
    (failed,) = run(case("action: read, resource: 'db:t'", "verdict: allow, rules: [read]")).failed
    assert failed.differences[0] == "rules: there is no rule `read`; did you mean `reads`?"


def test_the_whole_request_reaches_the_judge():
    judge = Judge()
    given = (
        "action: {name: x, properties: {n: 1}}, resource: {type: db, id: 'a:b', properties: {p: 2}}, "
        "context: {c: 3}, caller: {uid: 1000, gid: 5}, now: 2026-01-01T01:00:00+01:00"
    )
    run(case(given, "verdict: deny"), judge)
    ((request, caller, now),) = judge.asked
    assert (request.subject.type, request.subject.id) == ("agent", "a")
    assert (request.action.properties, request.resource.id, request.resource.properties) == (
        {"n": 1},
        "a:b",
        {"p": 2},
    )
    assert (request.context, caller, now) == ({"c": 3}, Caller(uid=1000, gid=5), 1767225600.0)


def test_rules_that_decided_nothing_are_uncovered():
    report = run(case("action: read, resource: 'db:t'", "verdict: allow"))
    assert (report.covered, report.uncovered) == (("reads",), ("rest", "never"))


@pytest.mark.parametrize(
    ("given", "expect", "finding"),
    [
        ("action: read, resource: db", "verdict: allow", "expected `type:id`, or a mapping with type and id"),
        ("action: read, resource: 'db:t', user: x", "verdict: allow", "unknown key `user`"),
        ("action: {nam: x}, resource: 'db:t'", "verdict: allow", "unknown key `nam` (did you mean `name`?)"),
        ("action: read, resource: 'db:t'", "verdict: alow", "`alow` is not one of allow, pending, deny"),
        ("action: read, resource: 'db:t'", "code: allowed", "missing key `verdict`"),
        ("action: read, resource: 'db:t'", "verdict: allow, code: alowed", "did you mean `allowed`?"),
        (
            "action: read, resource: 'db:t', now: 2026-01-01T00:00:00",
            "verdict: allow",
            "`now` needs a time zone",
        ),
        ("action: read, resource: 'db:t', caller: {uid: -1}", "verdict: allow", "expected an integer >= 0"),
    ],
)
def test_a_case_that_is_not_well_formed_is_refused(given: str, expect: str, finding: str):
    with pytest.raises(MalformedBundle) as caught:
        run(case(given, expect))
    assert finding in str(caught.value)


def test_a_document_without_tests_is_refused():
    with pytest.raises(MalformedBundle, match="at least one test"):
        run_suite(parse_documents("a_test.yaml", (HEADER.strip() + " []").encode()), Judge(), ())
