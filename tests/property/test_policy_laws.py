"""Laws: the index changes nothing, a deny only adds strictness, what is missing never allows."""

import itertools
import re

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.document import parse_documents
from sidecar.core.model import Caller, Request, Verdict
from sidecar.core.policy import Data, Effect, Inputs, PathRules, PolicyTable, compile_policies, parse_policies
from sidecar.core.policy.condition import Condition, ConditionError, compile_condition
from sidecar.core.policy.context import build_context, union_of_needs
from sidecar.core.policy.engine import cel
from sidecar.core.policy.globs import compile_glob
from tests.fakes.policies import HEADER, NO_PATHS, PATHS, inputs, request

DATA = Data({"users": {"a": {"level": 3}}})
DEFAULTS = "defaults: {approval: {stages: [{approvers: ['group:on-call']}]}}\n"

letters = st.text(alphabet="ab/", min_size=0, max_size=4)
globs = st.text(alphabet="ab/*?", min_size=1, max_size=5)
typed = st.builds("{}:{}".format, st.sampled_from(["a", "b", "a*", "*", "?"]), globs)
lists = lambda patterns: st.none() | st.lists(patterns, min_size=1, max_size=10)  # noqa: E731 - a strategy, not a rule

COMPARISONS = (
    "action.properties.n < 5",
    "action.properties.n >= 5",
    "context.x == 'a'",
    "context.list.exists(e, e == 'a')",
    "resource.properties.deep.n > 2",
    "resource.id.startsWith('a')",
    "subject.properties.path == '/a'",
    "lookup('users', context.x).level == 3",
    "'n' in action.properties",
)
comparisons = st.sampled_from(COMPARISONS)
conditions = st.recursive(
    comparisons,
    lambda inner: st.builds("({} && {})".format, inner, inner) | st.builds("({} || {})".format, inner, inner),
    max_leaves=4,
)

numbers = st.integers(0, 9) | st.just("odd")
requests = st.builds(
    lambda subject, action, resource, did, of, on, context: request(
        f"a:{subject}", action, f"b:{resource}", did=did, of=of, on=on, context=context
    ),
    letters,
    letters,
    letters,
    st.fixed_dictionaries({}, optional={"n": numbers, "path": st.sampled_from(["/a", "/b/../a", "x"])}),
    st.fixed_dictionaries({}, optional={"path": st.sampled_from(["/a", "//a", "b"])}),
    st.fixed_dictionaries({}, optional={"deep": st.fixed_dictionaries({}, optional={"n": numbers})}),
    st.fixed_dictionaries(
        {}, optional={"x": st.sampled_from(["a", "b", 5]), "list": st.lists(letters, max_size=3)}
    ),
)
written_rules = st.fixed_dictionaries(
    {
        "effect": st.sampled_from(["allow", "approve", "deny"]),
        "match": st.fixed_dictionaries(
            {}, optional={"subjects": lists(typed), "actions": lists(globs), "resources": lists(typed)}
        ),
    },
    optional={"when": conditions},
)
rule_lists = st.lists(written_rules, max_size=24)


def compiled(rules: list[dict], paths: PathRules = NO_PATHS) -> PolicyTable:
    named = [{"id": f"r{number}", **rule} for number, rule in enumerate(rules)]
    text = HEADER + DEFAULTS + "rules: " + msgspec.json.encode(named).decode()
    return compile_policies(parse_policies(parse_documents("p.yaml", text.encode())), DATA, paths)


def without_nones(rules: list[dict]) -> list[dict]:
    return [{**rule, "match": {k: v for k, v in rule["match"].items() if v}} for rule in rules]


def glob_matches(pattern: str, text: str) -> bool:
    """The reference: what a glob means, said as plainly as possible."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(glob_matches(pattern[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and glob_matches(pattern[1:], text[1:])


def typed_matches(pattern: str, kind: str, identity: str) -> bool:
    of_kind, _, of_identity = pattern.partition(":")
    return glob_matches(of_kind, kind) and glob_matches(of_identity, identity)


def fits(rule: dict, asked: Request) -> bool:
    match = rule["match"]
    return (
        any(glob_matches(p, asked.action.name) for p in match.get("actions", ["*"]))
        and any(
            typed_matches(p, asked.subject.type, asked.subject.id) for p in match.get("subjects", ["*:*"])
        )
        and any(
            typed_matches(p, asked.resource.type, asked.resource.id) for p in match.get("resources", ["*:*"])
        )
    )


@given(globs, st.text(alphabet="ab/\n", max_size=8))
def test_a_glob_means_what_the_reference_says(pattern: str, text: str):
    assert bool(compile_glob(pattern).matches(text)) is glob_matches(pattern, text)


@given(st.text(max_size=8))
def test_an_escaped_text_matches_itself_and_nothing_else(text: str):
    glob = compile_glob(re.sub(r"([*?\\])", r"\\\1", text))
    assert glob.is_literal
    assert glob.matches(glob.prefix)
    assert not glob.matches(glob.prefix + "x")


@given(rule_lists, st.lists(requests, min_size=1, max_size=4))
def test_the_index_finds_exactly_the_rules_that_looking_at_all_would(rules: list[dict], asked: list[Request]):
    plain = [{**rule, "effect": "deny"} for rule in without_nones(rules)]
    for rule in plain:
        rule.pop("when", None)
    table = compiled(plain)
    for one in asked:
        expected = tuple(f"r{number}" for number, rule in enumerate(plain) if fits(rule, one))
        assert table.evaluate(inputs(one)).rules == expected


@given(rule_lists, requests)
def test_explaining_every_rule_agrees_with_evaluating(rules: list[dict], asked: Request):
    table = compiled(without_nones(rules), PATHS)
    result = table.evaluate(inputs(asked))
    matched = [finding for finding in table.explain(inputs(asked)) if finding.matched]
    deciding = {Verdict.DENY: Effect.DENY, Verdict.PENDING: Effect.APPROVE, Verdict.ALLOW: Effect.ALLOW}
    effect = deciding[result.verdict]
    assert result.rules == tuple(finding.rule for finding in matched if finding.effect is effect)


@given(rule_lists, written_rules, requests, st.integers(0, 24))
def test_adding_a_deny_rule_never_loosens(rules: list[dict], extra: dict, asked: Request, position: int):
    before = without_nones(rules)
    after = [*before[:position], *without_nones([{**extra, "effect": "deny"}]), *before[position:]]
    assert (
        compiled(after, PATHS).evaluate(inputs(asked)).verdict
        >= compiled(before, PATHS).evaluate(inputs(asked)).verdict
    )


def poorer(asked: Request) -> list[Request]:
    """The request with one attribute less, in each way."""
    found = []
    for part in ("subject", "action", "resource"):
        holder = getattr(asked, part)
        for name in holder.properties:
            rest = {key: value for key, value in holder.properties.items() if key != name}
            found.append(
                msgspec.structs.replace(asked, **{part: msgspec.structs.replace(holder, properties=rest)})
            )
    for name in asked.context:
        rest = {key: value for key, value in asked.context.items() if key != name}
        found.append(msgspec.structs.replace(asked, context=rest))
    return found


@given(st.lists(written_rules, max_size=8), requests)
def test_taking_an_attribute_away_never_loosens_what_a_rule_decided(rules: list[dict], asked: Request):
    """What no rule spoke of may become a hold: an approve rule that errs counts as matched."""
    # `in` asks whether something is there, as has() does: such conditions are their author's.
    kept = [rule for rule in without_nones(rules) if "'n' in" not in rule.get("when", "")]
    table = compiled(kept, PATHS)
    before = table.evaluate(inputs(asked))
    for less in poorer(asked):
        after = table.evaluate(inputs(less))
        floor = before.verdict if before.rules else Verdict.PENDING
        assert after.verdict >= floor


@given(conditions, requests)
def test_handing_over_only_what_is_read_changes_no_outcome(when: str, asked: Request):
    """As written over the whole request, and as compiled over flat variables and what else it reads."""
    condition = compile_condition(when, DATA.names)
    as_written = Condition(when, cel.compile(when), {}, {}, calls_data=True)
    whole = cel.Context(msgspec.to_builtins(asked), {"lookup": DATA.lookup, "known": DATA.known})
    assert outcome(as_written, whole) == outcome(
        condition, build_context(inputs(asked), asked, union_of_needs(condition), DATA)
    )


@given(st.lists(conditions, min_size=2, max_size=4), requests)
def test_conditions_that_share_a_context_do_not_disturb_each_other(whens: list[str], asked: Request):
    several = [compile_condition(when, DATA.names) for when in whens]
    shared = build_context(inputs(asked), asked, union_of_needs(*several), DATA)
    for condition in several:
        alone = build_context(inputs(asked), asked, union_of_needs(condition), DATA)
        assert outcome(condition, shared) == outcome(condition, alone)


def outcome(condition: Condition, context: cel.Context) -> bool | None:
    try:
        return condition.holds(context)
    except ConditionError:
        return None


@given(st.lists(st.sampled_from(["allow", "approve", "deny"]), max_size=5), conditions, requests)
def test_an_error_matches_in_every_rule_but_an_allow(effects: list[str], when: str, asked: Request):
    rules = [{"effect": effect, "match": {}, "when": when} for effect in effects]
    result = compiled(rules).evaluate(inputs(asked))
    condition = compile_condition(when, DATA.names)
    held = outcome(condition, build_context(inputs(asked), asked, union_of_needs(condition), DATA))
    matched = {e for e in effects if held or (held is None and e != "allow")}
    verdicts = {"deny": Verdict.DENY, "approve": Verdict.PENDING, "allow": Verdict.ALLOW}
    expected = next((verdict for effect, verdict in verdicts.items() if effect in matched), Verdict.DENY)
    assert result.verdict is expected
    assert len(result.errors) == (len(effects) if held is None else 0)


@given(st.permutations(range(6)), requests)
def test_the_order_of_rules_does_not_change_the_verdict(order: list[int], asked: Request):
    effects = itertools.cycle(["allow", "approve", "allow", "deny"])
    rules = [
        {"effect": effect, "match": {}, "when": when}
        for effect, when in zip(effects, COMPARISONS[:6], strict=False)
    ]
    shuffled = [rules[number] for number in order]
    asked_for = Inputs(asked, None, Caller(), 0.0)
    assert compiled(shuffled).evaluate(asked_for).verdict == compiled(rules).evaluate(asked_for).verdict
