"""Laws of the risk score: facts only raise it, and its lines sum to it."""

import itertools
import random
from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.risk.account import TOP, share
from sidecar.core.risk.cvss import METRICS, VECTORS, base_score, render
from sidecar.core.risk.score import Scorer
from tests.fakes.default_risk import MODEL, TABLE, ask, points

SCORER = Scorer(TABLE, lru_cache(VECTORS)(base_score))
FACTS = tuple(TABLE.facts)
VERBS = tuple(TABLE.verbs)
# One fact of each kind of effect: added, in a group, floor, vector, likelihood, impact, another verb.
KINDS = (
    "system_path",
    "secret_file",
    "credential_store",
    "metadata_service",
    "own_files",
    "external",
    "pii",
    "objects_1000",
    "tainted",
    "command_deletes_tree",
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def score(verb, names):
    return SCORER.risk(verb, {FACTS.index(name): "x" for name in names}).score


@pytest.mark.parametrize("verb", VERBS)
def test_no_fact_of_any_kind_lowers_a_score_whatever_others_there_are(verb):
    """Every subset of one fact of each kind; the other facts differ from these in numbers only."""
    scores = {subset: score(verb, subset) for n in range(len(KINDS) + 1) for subset in _subsets(n)}
    for subset, here in scores.items():
        for fact in set(KINDS) - set(subset):
            more = tuple(name for name in KINDS if name in subset or name == fact)
            assert scores[more] >= here, (verb, subset, fact)


def _subsets(size):
    return itertools.combinations(KINDS, size)


@pytest.mark.parametrize("verb", VERBS)
def test_no_second_fact_lowers_what_a_first_one_made(verb):
    alone = {name: score(verb, [name]) for name in FACTS}
    assert all(alone[name] >= score(verb, []) for name in FACTS)
    for first, second in itertools.combinations(FACTS, 2):
        assert score(verb, [first, second]) >= max(alone[first], alone[second]), (verb, first, second)


@pytest.mark.parametrize("verb", VERBS)
def test_a_score_never_falls_while_all_facts_come_together(verb):
    shuffled = random.Random(verb)
    for _ in range(4):
        facts = shuffled.sample(FACTS, len(FACTS))
        scores = [score(verb, facts[:n]) for n in range(len(facts) + 1)]
        assert scores == sorted(scores)
        assert scores[-1] <= TOP


def test_a_share_takes_no_more_than_what_makes_a_higher_total_stay_higher():
    for weight, rise in itertools.product((0, 1, 35, 99, 100), range(101)):
        reached = [total + share(total, weight, rise) for total in range(TOP + 1)]
        assert reached == sorted(reached)
    for total in range(TOP + 1):
        shares = [share(total, 35, rise) for rise in range(101)]
        assert shares == sorted(shares)


def test_no_single_step_of_a_cvss_metric_lowers_the_base_score():
    scores = {}
    for values in itertools.product(*METRICS.values()):
        scores[values] = base_score(render(dict(zip(METRICS, values, strict=True))))
    for values, here in scores.items():
        for position, order in enumerate(METRICS.values()):
            worse = order[order.index(values[position]) + 1 :][:1]
            assert not worse or scores[(*values[:position], worse, *values[position + 1 :])] >= here


@pytest.mark.parametrize("verb", VERBS)
def test_the_lines_sum_to_the_score(verb):
    shuffled = random.Random(verb)
    for _ in range(40):
        facts = shuffled.sample(range(len(FACTS)), shuffled.randrange(len(FACTS) + 1))
        risk = SCORER.risk(verb, dict.fromkeys(facts, "x"))
        assert points(risk) == risk.score


@given(
    st.text(max_size=40),
    st.text(max_size=40),
    st.dictionaries(st.sampled_from(["path", "command", "sql", "labels", "count", "url", "x"]), JSON),
)
def test_any_request_gets_a_score(action, resource, properties):
    risk = MODEL.assess(ask(action, f"file:{resource}", properties=properties, context=properties))
    assert 0 <= risk.score <= TOP
    assert points(risk) == risk.score


@given(
    st.sampled_from(["database.read", "write_file", "tools/call", "frobnicate", "bash"]),
    st.dictionaries(
        st.sampled_from(["path", "command", "sql", "labels", "count", "external_transfer"]), JSON
    ),
    st.dictionaries(st.text(max_size=12), JSON, max_size=3),
)
def test_whatever_a_caller_adds_to_a_request_never_lowers_its_score(action, properties, context):
    plain = MODEL.assess(ask(action, properties=properties)).score
    assert MODEL.assess(ask(action, properties=properties, context=context)).score >= plain
    assert MODEL.assess(ask(action)).score <= plain
