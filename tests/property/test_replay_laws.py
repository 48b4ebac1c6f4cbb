"""Laws of replays: under its own bundle nothing flips, and what a record tells is what its request would get."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.core.bundle import Bundle
from sidecar.core.flips import Flip
from sidecar.core.judge import judge
from sidecar.core.masks import masked_paths
from sidecar.core.model import Caller, Code, Request, Verdict
from sidecar.core.record import DecisionRecord
from sidecar.core.snapshot import Snapshot
from tests.fakes.policies import request, table
from tests.fakes.replaying import NOW, recorded, replayed
from tests.tools.bundles import bundle

TOKEN = "ghp_" + "a1" * 18
STAGES = "defaults: {approval: {stages: [{approvers: ['group:x']}]}}\n"
USERS = {"users": {"/a": {"level": 1}, "secret1234": {"level": 2}}}
DENY_ALL = bundle("rules: [{id: never, effect: deny, reason: x}]\n")
ALLOW_ALL = bundle("rules: [{id: always, effect: allow, reason: x}]\n")

CONDITIONS = (
    "{part}.n < 5",
    "{part}.password == 'secret1234'",
    "has({part}.password)",
    "'password' in {part}",
    "size({part}.password) == 10",
    "{part}['password'] == 'secret1234'",
    "{part}.path.startsWith('/a')",
    "{part}.path.endsWith('" + TOKEN + "')",
    "{part}.deep.n == 1",
    "has({part}.deep.password) && {part}.deep.password != 'other'",
    "{part}.deep == {{'n': 1, 'password': 'other'}}",
    "{part}.list.exists(e, e == 'x " + TOKEN + "')",
    "size({part}.text) > 4999",
    "lookup('users', {part}.password).level == 2",
    "action.properties.password == {part}.password",
    "resource.id.contains('" + TOKEN + "')",
    "known('users', resource.id)",
    "resource['id'].startsWith('/a')",
    "resource.type == 'file' || {part}.text == 'a'",
    "risk.score > 30",
)
ANYTHING = {"actions": ["*"], "resources": ["*:*"]}
MATCHES = (
    *[ANYTHING] * 4,
    {"actions": ["read"]},
    {"resources": ["file:/a*"]},
    {"resources": ["*:*a1a1*"]},
    {"resources": ["db:t", "file:/b"]},
    {"resources": ["db:t", "file:*"]},
)
VALUES = st.sampled_from(
    ["a", "/a", "/b/../a", 1, f"/a/../{TOKEN}", f"x {TOKEN}", "x" * 5000, 4111111111111111, None]
)
SECRETS = st.sampled_from(["secret1234", "other", 5, None, ["a"]])
PARTS = st.fixed_dictionaries(
    {"n": st.integers(0, 9), "password": SECRETS, "path": VALUES, "text": VALUES},
    optional={
        "list": st.lists(VALUES, max_size=2),
        "deep": st.fixed_dictionaries({"n": st.integers(0, 2)}, optional={"password": SECRETS}),
    },
)
FEW_OR_NO = PARTS | st.just({}) | st.just({"blob": {str(n): "x" * 4000 for n in range(9)}, "n": 1})
IDS = st.sampled_from(["/a", "/b/../a", "/b", "t", f"/a?token={TOKEN}", f"/a/../b?token={TOKEN}"])
REQUESTS = st.builds(
    lambda action, kind, identity, did, of, on, context: request(
        "agent:a", action, f"{kind}:{identity}", did=did, of=of, on=on, context=context
    ),
    st.sampled_from(["read", "write"]),
    st.sampled_from(["file", "db"]),
    IDS,
    *[FEW_OR_NO] * 4,
)
READ = ("action.properties", "subject.properties", "resource.properties", "context")
EVERY_WHEN = [when.format(part=part) for when in CONDITIONS for part in READ]
WHENS = st.sampled_from(EVERY_WHEN)
RULES = st.lists(
    st.fixed_dictionaries(
        {
            "effect": st.sampled_from(["allow", "approve", "deny"]),
            "match": st.sampled_from(MATCHES),
        },
        optional={"when": WHENS},
    ),
    min_size=1,
    max_size=4,
)


def bundle_of(rules: list[dict]) -> Bundle:
    """The rules under the tables of the package, which are read once."""
    named = [{"id": f"r{number}", "reason": "x", **rule} for number, rule in enumerate(rules)]
    body = STAGES + "rules: " + msgspec.json.encode(named).decode()
    return replace(ALLOW_ALL, policies=table(body, USERS, ALLOW_ALL.risk.paths))


@given(rules=RULES, asked=REQUESTS)
def test_under_the_bundle_that_made_them_nothing_flips_and_only_what_a_mask_hides_is_undecidable(
    rules, asked
):
    made_by = bundle_of(rules)
    record = recorded(made_by, asked)
    found = replayed(made_by, record)
    assert found.same == (not found.undecidable)
    assert not found.undecidable or masked_paths(record.request)
    assert [found.others, len(found.skipped), *map(len, found.flips.values())] == [0] * 8


def tells_the_truth(record: DecisionRecord, candidate: Bundle, asked: Request) -> bool:
    """Whether what a replay tells of the record, if anything, is what the candidate makes of the request itself."""
    found = replayed(candidate, record)
    if found.undecidable:
        return True
    told = [one.after for flips in (*found.flips.values(), found.other_reasons) for one in flips]
    itself = judge(Snapshot(candidate), asked, Caller(), NOW, record.decision.risk)
    outcome = told[0] if told else record.decision
    return (outcome.verdict, outcome.code, outcome.rules) == (itself.verdict, itself.code, itself.rules)


@settings(max_examples=400)
@given(before=RULES, after=RULES, asked=REQUESTS)
def test_what_is_told_from_a_masked_record_is_what_the_request_itself_would_get(before, after, asked):
    assert tells_the_truth(recorded(bundle_of(before), asked), bundle_of(after), asked)


SECRET = {
    "n": 1,
    "password": "secret1234",
    "path": f"/a/../{TOKEN}",
    "text": "x" * 5000,
    "list": [f"x {TOKEN}"],
    "deep": {"n": 1, "password": "other"},
}
LONG = SECRET | {"blob": {str(number): "x" * 4000 for number in range(9)}}


@pytest.mark.parametrize("part", [SECRET, LONG], ids=["masked", "left out"])
def test_it_is_for_every_way_in_which_a_condition_reads(part):
    asked = request(resource=f"file:/a?token={TOKEN}", did=part, of=part, on=part, context=part)
    record, kept = recorded(DENY_ALL, asked), 0
    for when in EVERY_WHEN:
        for effect in ("allow", "deny"):
            candidate = bundle_of([{"effect": effect, "match": ANYTHING, "when": when}])
            assert tells_the_truth(record, candidate, asked), when
            kept += not replayed(candidate, record).undecidable
    assert kept > 0


@given(rules=RULES, asked=st.lists(REQUESTS, min_size=1, max_size=5))
def test_a_bundle_that_denies_everything_flips_every_allow_and_nothing_is_undecidable(rules, asked):
    records = [recorded(bundle_of(rules), one) for one in asked]
    found = replayed(DENY_ALL, *records)
    allowed = [seq for seq, record in enumerate(records) if record.decision.verdict is Verdict.ALLOW]
    assert [flip.seq for flip in found.flips[Flip.ALLOW_TO_DENY]] == allowed
    assert (found.allow_flips, found.undecidable) == (0, [])


@given(rules=RULES, asked=st.lists(REQUESTS, min_size=1, max_size=5))
def test_a_bundle_that_allows_everything_flips_all_that_was_not_allowed(rules, asked):
    records = [recorded(bundle_of(rules), one) for one in asked]
    found = replayed(ALLOW_ALL, *records)
    assert found.allow_flips == sum(record.decision.code is not Code.ALLOWED for record in records)
