"""Laws of diff: nothing differs from itself, what is undone goes the other way, and a direction is kept to."""

from dataclasses import replace

import msgspec
from hypothesis import event, given
from hypothesis import strategies as st

from sidecar.core.bundle import Bundle
from sidecar.core.diff import Direction, Kind, diff_bundles
from sidecar.core.document import parse_documents
from sidecar.core.judge import judge
from sidecar.core.model import Caller, Request
from sidecar.core.policy import Data, compile_policies, parse_policies
from sidecar.core.snapshot import Snapshot
from tests.fakes.policies import HEADER, request
from tests.tools.bundles import bundle

DEFAULTS = {
    "approval": {"stages": [{"approvers": ["group:on-call"]}]},
    "thresholds": {"approve": 60, "deny": 95},
}
BASE = bundle("rules: []\n")
UNDONE = {Direction.LOOSENS: Direction.TIGHTENS, Direction.TIGHTENS: Direction.LOOSENS}
ACTIONS = ["read_*", "read_a", "*", "delete_file", "delete_*", "?ead_a", "run_command"]

lists = lambda patterns: st.lists(st.sampled_from(patterns), min_size=1, max_size=3)  # noqa: E731 - a strategy, not a rule
matches = st.fixed_dictionaries(
    {}, optional={"actions": lists(ACTIONS), "resources": lists(["file:*", "file:/srv/*", "*:*", "db:t"])}
)
limit = st.sampled_from([{"approve": 20}, {"approve": 40, "deny": 70}, {"deny": 30}, {"deny": 99}])
conditions = st.sampled_from(["context.x > 3", "context.x  > 3", "has(context.x)", "resource.id == '/srv/a'"])
obligations = st.lists(st.sampled_from([{"id": "a", "type": "b"}, {"id": "c", "type": "d"}]), max_size=2)


def written(effect: str):
    """A rule of this effect with all that may stand beside it."""
    beside = {"when": conditions, "obligations": obligations, "reason": st.sampled_from(["One.", "Two."])}
    if effect == "allow":
        beside |= {"thresholds": limit, "valid_for": st.sampled_from(["30s", "2m"])}
    return st.fixed_dictionaries({"effect": st.just(effect), "match": matches}, optional=beside)


rules = st.sampled_from(["allow", "approve", "deny"]).flatmap(written)


@st.composite
def changed(draw):
    """A rule, and the same with one part of it replaced, added or taken away."""
    old, other = draw(rules), draw(rules)
    part = draw(st.sampled_from(["effect", "match", "when", "thresholds", "valid_for", "obligations"]))
    new = {name: value for name, value in old.items() if name != part}
    new |= {part: other[part]} if part in other else {}
    if new["effect"] != "allow":
        new = {name: value for name, value in new.items() if name not in {"thresholds", "valid_for"}}
    return old, new


requests = st.builds(
    lambda action, resource, context: request(action=action, resource=resource, context=context),
    st.sampled_from(["read_a", "read_b", "delete_file", "run_command", "wire"]),
    st.sampled_from(["file:/srv/a", "file:/x/../srv/a", "file:/etc/passwd", "db:t"]),
    st.fixed_dictionaries({}, optional={"x": st.sampled_from([1, 5, "five"])}),
)


def made(*some: dict, defaults: dict = DEFAULTS) -> Bundle:
    named = [{"id": f"r{number}", **one} for number, one in enumerate(some)]
    text = f"{HEADER}rules: {_text(named)}\ndefaults: {_text(defaults)}\n"
    policies = parse_policies(parse_documents("p.yaml", text.encode()))
    return replace(BASE, policies=compile_policies(policies, Data({}), BASE.risk.paths))


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def verdicts(bundle_: Bundle, asked: list[Request]):
    return [judge(Snapshot(bundle_), one, Caller(), 0.0).verdict for one in asked]


def assert_kept(direction: Direction, old: Bundle, new: Bundle, asked: list[Request]) -> None:
    event(direction.value)
    for before, after in zip(verdicts(old, asked), verdicts(new, asked), strict=True):
        assert direction in {Direction.TIGHTENS, Direction.EITHER} or after <= before
        assert direction in {Direction.LOOSENS, Direction.EITHER} or after >= before


@given(st.lists(rules, max_size=5), st.randoms(use_true_random=False))
def test_nothing_differs_from_itself_in_any_order(some: list[dict], random):
    named = [{"id": f"r{number}", **one} for number, one in enumerate(some)]
    shuffled = random.sample(named, len(named))
    assert diff_bundles(made(*named), made(*shuffled)) == ()


@given(changed(), st.lists(rules, max_size=3), st.lists(requests, min_size=1, max_size=8))
def test_a_changed_rule_keeps_to_its_direction(
    pair: tuple[dict, dict], others: list[dict], asked: list[Request]
):
    old, new = (made(rule, *others) for rule in pair)
    changes = diff_bundles(old, new)
    direction = changes[0].direction if changes else Direction.NEITHER
    assert len(changes) <= 1
    assert_kept(direction, old, new, asked)
    back = diff_bundles(new, old)
    assert [change.direction for change in back] == [UNDONE.get(c.direction, c.direction) for c in changes]


@given(rules, rules, st.lists(rules, max_size=3), st.lists(requests, min_size=1, max_size=8))
def test_a_rule_that_becomes_another_keeps_to_its_direction(
    before: dict, after: dict, others: list[dict], asked: list[Request]
):
    old, new = made(before, *others), made(after, *others)
    for change in diff_bundles(old, new):
        assert_kept(change.direction, old, new, asked)


@given(rules, st.lists(rules, max_size=3), st.lists(requests, min_size=1, max_size=8))
def test_an_added_and_a_removed_rule_keep_to_their_directions(
    rule: dict, others: list[dict], asked: list[Request]
):
    less, more = made(*others), made(*others, rule)
    (added,), (removed,) = diff_bundles(less, more), diff_bundles(more, less)
    assert (added.kind, removed.kind) == (Kind.ADDED, Kind.REMOVED)
    assert_kept(added.direction, less, more, asked)
    assert_kept(removed.direction, more, less, asked)


@given(limit, limit, st.lists(rules, max_size=3), st.lists(requests, min_size=1, max_size=8))
def test_changed_defaults_keep_to_their_direction(
    before: dict, after: dict, others: list[dict], asked: list[Request]
):
    old, new = (made(*others, defaults=DEFAULTS | {"thresholds": limits}) for limits in (before, after))
    for change in diff_bundles(old, new):
        assert_kept(change.direction, old, new, asked)
