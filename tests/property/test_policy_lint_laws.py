"""Laws of lint: what is said to cover does, what is said to have no effect has none, what is said to err errs."""

import msgspec
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from sidecar.core.document import parse_documents
from sidecar.core.model import JSON, Verdict
from sidecar.core.policy import Data, PolicySet, PolicyTable, compile_policies, parse_policies
from sidecar.core.policy.condition import ConditionError, ConditionRefusedError, compile_condition
from sidecar.core.policy.context import build_context, union_of_needs
from sidecar.core.policy.cover import covers
from sidecar.core.policy.globs import compile_glob, some_text
from sidecar.core.policy.lint import Check, lint
from sidecar.core.policy.lint.erring import erring_conditions
from sidecar.core.policy.lint.operands import operands
from tests.fakes.policies import HEADER, PATHS, inputs, request

APPROVAL = "defaults: {approval: {stages: [{approvers: ['group:on-call']}]}}\n"
DATA = Data({"users": {"a": {"level": 3}}})

globs = st.text(alphabet="ab*?", min_size=1, max_size=5)
texts = st.text(alphabet="abx", max_size=7)
# Few words and paths to normalise, so that rules often lie under others.
ids = st.sampled_from(["*:*", "file:*", "file:/a*", "file:/a/b", "f*:/a/?", "db:t"])
lists = lambda patterns: st.lists(patterns, min_size=1, max_size=3)  # noqa: E731 - a strategy, not a rule
rule = st.fixed_dictionaries(
    {
        "effect": st.sampled_from(["allow", "approve", "deny"]),
        "match": st.fixed_dictionaries(
            {},
            optional={
                "actions": lists(st.sampled_from(["*", "a*", "a", "a?", "?", "ab*"])),
                "resources": lists(ids),
                "subjects": lists(st.sampled_from(["a:*", "a:x", "*:x"])),
            },
        ),
    },
    optional={"when": st.sampled_from(["action.properties.n > 3", "context.x == 'a'", "subject.id > 3"])},
)
requests = st.builds(
    lambda subject, action, resource, did, context: request(
        f"a:{subject}", action, resource, did=did, context=context
    ),
    st.sampled_from(["x", "y"]),
    st.sampled_from(["a", "ab", "abc", "b"]),
    st.sampled_from(["file:/a/b", "file:/c/../a/b", "file:/a/../c", "db:t", "file:/a"]),
    st.fixed_dictionaries({}, optional={"n": st.sampled_from([1, 5, "five"])}),
    st.fixed_dictionaries({}, optional={"x": st.sampled_from(["a", 1])}),
)


def loaded(rules: list[dict]) -> tuple[PolicySet, PolicyTable]:
    named = [{"id": f"r{number}", **one} for number, one in enumerate(rules)]
    text = HEADER + APPROVAL + "rules: " + msgspec.json.encode(named).decode()
    policies = parse_policies(parse_documents("p.yaml", text.encode()))
    return policies, compile_policies(policies, DATA, PATHS)


def told(rules: list[dict], *checks: Check) -> tuple[set[int], PolicyTable]:
    """The numbers of the rules that these checks speak of."""
    policies, table = loaded(rules)
    findings = [one for one in lint(policies, table, DATA, []) if one.check in checks]
    return {int(one.diagnostic.message.split("`")[1][1:]) for one in findings}, table


@st.composite
def pairs(draw):
    """A pattern and one that was made from it by putting wildcards for and between its characters, or any other."""
    narrow = draw(globs)
    made = "".join(draw(st.sampled_from([piece, piece, "*", f"*{piece}", "*?"])) for piece in narrow)
    return draw(st.sampled_from([made, draw(globs)])), narrow


@given(pairs(), st.lists(texts, max_size=20))
def test_what_covers_matches_all_that_the_other_does(patterns: tuple[str, str], some: list[str]):
    wide, narrow = map(compile_glob, patterns)
    if covers(wide, narrow):
        assert all(wide.matches(text) for text in [some_text(narrow), *some] if narrow.matches(text))


@given(globs)
def test_a_pattern_covers_itself_and_matches_its_own_text(pattern: str):
    glob = compile_glob(pattern)
    assert covers(glob, glob)
    assert glob.matches(some_text(glob))


@given(st.lists(rule, min_size=2, max_size=6), st.lists(requests, min_size=1, max_size=6))
def test_taking_unreachable_rules_away_changes_no_verdict(rules: list[dict], asked: list):
    rules = [*rules, {"effect": "deny", "match": {"actions": ["a*"], "resources": ["file:*"]}}]
    numbers, table = told(rules, Check.UNREACHABLE_RULE)
    fewer = [one for number, one in enumerate(rules) if number not in numbers]
    _, without = loaded(fewer)
    for one in asked:
        assert without.evaluate(inputs(one)).verdict is table.evaluate(inputs(one)).verdict
        assert not {f"r{number}" for number in numbers} & set(table.evaluate(inputs(one)).rules)


@given(st.lists(rule, min_size=2, max_size=6), st.lists(requests, min_size=1, max_size=6))
def test_a_rule_that_never_allows_never_does(rules: list[dict], asked: list):
    hold = {"effect": "approve", "match": {"actions": ["a*"]}}
    numbers, table = told([*rules, hold], Check.NEVER_ALLOWS)
    for one in asked:
        result = table.evaluate(inputs(one))
        assert result.verdict is not Verdict.ALLOW or not {f"r{n}" for n in numbers} & set(result.rules)


@given(st.lists(rule, min_size=1, max_size=3), requests)
def test_of_duplicates_one_suffices(rules: list[dict], asked):
    numbers, table = told([*rules, *rules], Check.DUPLICATE_RULE)
    assert numbers >= set(range(len(rules), 2 * len(rules)))
    _, once = loaded(rules)
    assert once.evaluate(inputs(asked)).verdict is table.evaluate(inputs(asked)).verdict


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, width=32)
    | st.text(max_size=4) | st.sampled_from(["2026-02-03T04:05:06Z", "90s", "17", "1.5"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["p", "q"]), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip
paths = st.sampled_from(["context.x", "context.y", "context.deep.z", "subject.id", "action.properties.n"])
literals = st.sampled_from(
    ["1", "0", "2.5", "'a'", "true", "null", "['a']", "{'p': 1}", "5u", "now", "risk.score"]
)
operand = st.recursive(
    paths | literals,
    lambda inner: st.one_of(
        st.builds(
            "({} {} {})".format, inner, st.sampled_from(["<", "==", "+", "-", "*", "in", "&&", "||"]), inner
        ),
        st.builds(
            "{}({})".format, st.sampled_from(["size", "int", "timestamp", "duration", "string", "!"]), inner
        ),
        st.builds("{}.{}({})".format, paths, st.sampled_from(["startsWith", "contains"]), inner),
        st.builds("{}.exists(i, i.p == {})".format, paths, literals),
    ),
    max_leaves=4,
)


def with_values(x: JSON, y: JSON, z: JSON, n: JSON, name: str):
    context = {"x": x, "y": y, "deep": {"z": z}}
    return request(f"agent:{name}", did={"n": n}, context=context)


def is_refused(when: str) -> bool:
    try:
        compile_condition(when, DATA.names)
    except ConditionRefusedError:
        return True
    return False


def erring(when: str) -> list[str]:
    """The parts that are found to err always."""
    parsed = loaded([{"effect": "allow", "when": when}])[0]
    columns = {one.diagnostic.place.column for one in erring_conditions(parsed, DATA)}
    inside = parsed.rules[0].inside
    return [text for offset, text in operands(when) if inside("when", offset).column in columns]


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(
    operand,
    st.lists(st.builds(with_values, values, values, values, values, st.text(max_size=3)), max_size=40),
)
def test_what_errs_on_every_sample_errs_on_other_requests_too(when: str, asked: list):
    assume(not is_refused(when))
    for source in erring(when):
        event("errs")
        condition = compile_condition(source, DATA.names)
        for one in asked:
            with pytest.raises(ConditionError):
                condition.holds(build_context(inputs(one), one, union_of_needs(condition), DATA))


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(operand)
def test_a_condition_taken_apart_is_made_of_conditions(when: str):
    assume(not is_refused(when))
    for offset, source in operands(when):
        assert when[offset:].startswith(source)
        assert not is_refused(source)
