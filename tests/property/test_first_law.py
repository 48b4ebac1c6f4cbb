"""Verdicts only tighten: over all combinations of rulings, and over random policies, requests and callers."""

from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.case import Case
from sidecar.core.judge import conclude, judge
from sidecar.core.model import Caller, Code, Control, Ruling, Verdict
from sidecar.core.snapshot import Snapshot
from tests.tools.bundles import request, snapshot

NOW = 1_700_000_000.0
EMPTY = Case(Snapshot(), request(), Caller(), 0.0, None, None, None)
COMBINATIONS = list(product(Verdict, repeat=len(Control)))


def decided(verdicts: tuple[Verdict, ...]) -> Verdict:
    rulings = [
        Ruling(control, verdict, Code.ALLOWED) for control, verdict in zip(Control, verdicts, strict=True)
    ]
    return conclude(EMPTY, rulings, NOW).verdict


def test_the_decision_is_the_strictest_of_its_rulings():
    for verdicts in COMBINATIONS:
        assert decided(verdicts) is max(verdicts)


@pytest.mark.parametrize("control", range(len(Control)))
def test_a_control_that_fails_never_loosens(control):
    for verdicts in COMBINATIONS:
        failed = (*verdicts[:control], Verdict.DENY, *verdicts[control + 1 :])
        assert decided(failed) >= decided(verdicts)


EFFECTS = st.sampled_from(["allow", "approve", "deny"])
ACTIONS = st.sampled_from(["read", "write", "*"])
RULES = st.lists(st.tuples(EFFECTS, ACTIONS), min_size=1, max_size=4)
LIMITS = st.fixed_dictionaries({}, optional={"approve": st.integers(1, 50), "deny": st.integers(51, 99)})
CALLERS = st.builds(Caller, uid=st.sampled_from([None, 1000, 1001]))
BOUND = '"agent:a": {uids: [1000]}\n'


def written(rules: list[tuple[str, str]], limits: dict[str, int]) -> str:
    stages = "approval: {stages: [{approvers: ['group:x']}]}"
    lines = [
        f'  - {{id: r{index}, match: {{actions: ["{action}"]}}, effect: {effect}, reason: x}}'
        for index, (effect, action) in enumerate(rules)
    ]
    told = (
        f", thresholds: {{{', '.join(f'{name}: {limit}' for name, limit in limits.items())}}}"
        if limits
        else ""
    )
    return "rules:\n" + "\n".join(lines) + f"\ndefaults: {{{stages}{told}}}\n"


@given(rules=RULES, limits=LIMITS, action=st.sampled_from(["read", "write", "delete"]), caller=CALLERS)
def test_what_is_added_or_taken_away_never_loosens(rules, limits, action, caller):
    asked = msgspec.structs.replace(request(action), context={"mcp_server": "crm"})
    before = judge(snapshot(written(rules, limits)), asked, caller, NOW).verdict
    stricter = {
        "a deny rule": snapshot(written([*rules, ("deny", action)], limits)),
        "a limit": snapshot(written(rules, limits | {"deny": 51})),
        "a binding": snapshot(written(rules, limits), agents=BOUND),
        "a registry": snapshot(written(rules, limits), mcp_servers="other: {}\n"),
        "no bundle": Snapshot(),
    }
    for what, shot in stricter.items():
        if what == "a deny rule" and before is Verdict.DENY:
            continue
        assert judge(shot, asked, caller, NOW).verdict >= before, what
