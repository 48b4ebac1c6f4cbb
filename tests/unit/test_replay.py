"""A replay: what is left out, what is undecidable, what flips which way, and that only records' own inputs count."""

import msgspec
import pytest

from sidecar.core.delegation import DEPTH, PARENT, Foreign, Lineage
from sidecar.core.flips import Flip, Logged, Outcome
from sidecar.core.judge import judge
from sidecar.core.masking import Masker
from sidecar.core.masks import is_masked
from sidecar.core.model import Caller, Code, Subject, Verdict
from sidecar.core.policy import Unseen
from sidecar.core.record import MAX_BYTES, encode_decision, is_shortened
from sidecar.core.replay import Replay
from sidecar.core.snapshot import Snapshot
from tests.fakes.policies import request
from tests.fakes.replaying import NOW, TIME, logged, recorded, replayed
from tests.tools.bundles import bundle

EFFECTS = {Verdict.ALLOW: "allow", Verdict.PENDING: "approve", Verdict.DENY: "deny"}
STAGES = "defaults: {approval: {stages: [{approvers: ['group:x']}]}}\n"
replace = msgspec.structs.replace


def one_rule(verdict: Verdict, name: str = "r", when: str = ""):
    condition = f", when: '{when}'" if when else ""
    return bundle(f"rules: [{{id: {name}, effect: {EFFECTS[verdict]}, reason: x{condition}}}]\n{STAGES}")


ALLOW, PENDING, DENY = (one_rule(verdict) for verdict in Verdict)
ALLOWED = recorded(ALLOW, request())


@pytest.mark.parametrize("flip", Flip)
def test_a_change_of_verdict_is_a_flip_of_its_kind(flip):
    before, after = flip.value
    found = replayed(one_rule(after), recorded(one_rule(before), request()))
    assert {kind: len(flips) for kind, flips in found.flips.items() if flips} == {flip: 1}
    assert found.allow_flips == (after is Verdict.ALLOW)
    assert (found.replayed, found.same, found.others) == (1, 0, 0)


def test_new_allows_come_first_and_new_denies_last():
    after = [flip.value[1] for flip in Flip]
    assert after == sorted(after)


def test_a_flip_tells_the_request_and_both_outcomes():
    asked = request("agent:bot", "file.read", "file:/srv/a")
    (flip,) = replayed(one_rule(Verdict.ALLOW, "new"), recorded(DENY, asked)).flips[Flip.DENY_TO_ALLOW]
    assert (flip.seq, flip.time) == (0, TIME)
    assert (flip.subject, flip.action, flip.resource) == ("agent:bot", "file.read", "file:/srv/a")
    assert flip.before == Outcome(Verdict.DENY, Code.POLICY_DENIED, ("r",))
    assert flip.after == Outcome(Verdict.ALLOW, Code.ALLOWED, ("new",))
    assert flip.unseen == ()


def test_another_rule_with_the_same_verdict_is_no_flip_but_counted_and_kept_if_wanted():
    other = one_rule(Verdict.ALLOW, "other")
    kept, uncounted = replayed(other, ALLOWED), replayed(other, ALLOWED, keeps_others=False)
    assert (kept.same, kept.others, uncounted.others) == (0, 1, 1)
    assert [found.seq for found in kept.other_reasons] == [0]
    assert uncounted.other_reasons == []


def test_another_code_with_the_same_verdict_and_rules_is_another_reason():
    bound = bundle("rules: [{id: r, effect: allow, reason: x}]\n", agents='"agent:a": {uids: [1000]}\n')
    risky = bundle("rules: [{id: r, effect: allow, reason: x, thresholds: {deny: 0}}]\n")
    (found,) = replayed(risky, recorded(bound, request())).other_reasons
    assert found.before == Outcome(Verdict.DENY, Code.CALLER_NOT_BOUND, ("r",))
    assert found.after == Outcome(Verdict.DENY, Code.RISK_TOO_HIGH, ("r",))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"repeats": 3}, "repeat"),
        *(
            ({"decision": replace(ALLOWED.decision, verdict=Verdict.DENY, code=code)}, f"code:{code}")
            for code in (
                Code.APPROVAL_EXPIRED,
                Code.EXPIRED,
                Code.OVERLOADED,
                Code.INTERNAL_ERROR,
                Code.AUDIT_UNAVAILABLE,
                Code.NO_BUNDLE,
                Code.MISSING_RULING,
            )
        ),
        ({"decision": replace(ALLOWED.decision, risk=None)}, "no_risk"),
    ],
)
def test_what_the_judgement_alone_did_not_decide_is_skipped_by_its_name(changed, why):
    found = replayed(DENY, replace(ALLOWED, **changed))
    assert found.skipped == {why: 1}
    assert found.replayed == 0


def test_a_void_record_is_skipped():
    found = Replay(DENY)
    found.take(logged(ALLOWED, is_void=True))
    assert (found.skipped, found.replayed) == ({"void": 1}, 0)


def test_what_is_no_decision_is_skipped_by_its_type():
    found = Replay(DENY)
    found.take(Logged(0, TIME, "outcome"))
    assert found.skipped == {"record:outcome": 1}


def test_the_risk_of_the_record_is_used_and_not_assessed_again():
    riskless = replace(ALLOWED.decision, risk=replace(ALLOWED.decision.risk, score=77))
    strict = bundle(
        "rules: [{id: r, effect: allow, reason: x}]\n"
        "defaults: {thresholds: {deny: 77}, approval: {stages: [{approvers: ['group:x']}]}}\n"
    )
    assert replayed(strict, ALLOWED).same == 1
    assert len(replayed(strict, replace(ALLOWED, decision=riskless)).flips[Flip.ALLOW_TO_DENY]) == 1


def test_a_risk_that_is_handed_in_is_the_one_that_rules_read_and_the_decision_tells():
    risk = replace(ALLOWED.decision.risk, score=77)
    reading = one_rule(Verdict.ALLOW, when="risk.score == 77")
    decision = judge(Snapshot(reading), request(), Caller(), NOW, risk)
    assert (decision.verdict, decision.risk) == (Verdict.ALLOW, risk)
    assert judge(Snapshot(reading), request(), Caller(), NOW).verdict is Verdict.DENY


def test_the_caller_of_the_record_is_judged():
    bound = bundle("rules: [{id: r, effect: allow, reason: x}]\n", agents='"agent:a": {uids: [1000]}\n')
    records = [recorded(ALLOW, request(), Caller(uid=uid)) for uid in (1000, 1001)]
    assert [flip.seq for flip in replayed(bound, *records).flips[Flip.ALLOW_TO_DENY]] == [1]


def test_the_time_of_the_record_is_now():
    hours = one_rule(Verdict.ALLOW, when="now.getHours() == 22")
    records = [recorded(ALLOW, request(), now=now) for now in (NOW, NOW + 3600)]
    assert [flip.seq for flip in replayed(hours, *records).flips[Flip.ALLOW_TO_DENY]] == [1]


APPROVED = recorded(PENDING, request(), granted=("rule:r",))


def test_what_people_granted_is_an_input_and_not_asked_for_again():
    assert APPROVED.decision.code is Code.APPROVED
    assert replayed(PENDING, APPROVED).same == 1
    (flip,) = replayed(PENDING, replace(APPROVED, granted=())).flips[Flip.ALLOW_TO_PENDING]
    assert flip.before == Outcome(Verdict.ALLOW, Code.APPROVED, ("r",))


def test_what_people_granted_is_judged_by_the_rules_of_the_candidate():
    assert len(replayed(one_rule(Verdict.PENDING, "new"), APPROVED).flips[Flip.ALLOW_TO_PENDING]) == 1
    assert len(replayed(DENY, APPROVED).flips[Flip.ALLOW_TO_DENY]) == 1
    (other,) = replayed(ALLOW, APPROVED).other_reasons
    assert other.after == Outcome(Verdict.ALLOW, Code.ALLOWED, ("r",))


def test_a_hold_that_was_left_when_another_was_granted_is_judged_again_as_it_was():
    two = "rules: [{id: r, effect: approve, reason: x}, {id: s, effect: approve, reason: x}]\n"
    record = recorded(bundle(two + STAGES), request(), granted=("rule:r",))
    assert record.decision.rules == ("s",)
    assert replayed(bundle(two + STAGES), record).same == 1


SECRET = request(did={"password": "hunter2", "text": "x" * 5000, "n": 1})


@pytest.mark.parametrize("name", ["password", "text"])
def test_a_request_whose_masked_part_a_rule_could_look_at_is_undecidable_and_never_same_or_flipped(name):
    looking = one_rule(Verdict.DENY, "looks", f'action.properties.{name} == "x"')
    for recording in (ALLOW, looking):
        found = replayed(looking, recorded(recording, SECRET))
        (one,) = found.undecidable
        assert one.after is None
        assert one.unseen == (Unseen("looks", f"action.properties.{name}"),)
        assert (found.replayed, found.allow_flips) == (0, 0)


def test_a_masked_part_that_no_rule_could_look_at_keeps_nothing_from_being_told():
    found = replayed(one_rule(Verdict.DENY, when="action.properties.n == 1"), recorded(ALLOW, SECRET))
    assert len(found.flips[Flip.ALLOW_TO_DENY]) == 1
    assert found.undecidable == []


def many(count: int):
    """A bundle whose rules all hold everything, each with stages of its own."""
    approval = "approval: {stages: [{approvers: ['group:%d']}]}"
    lines = (f"  - {{id: {long_id(n)}, effect: approve, reason: x, {approval % n}}}\n" for n in range(count))
    return bundle("rules:\n" + "".join(lines))


def long_id(number: int) -> str:
    return f"{'r' * 60}{number}"


def test_a_decision_that_was_shortened_for_its_record_is_compared_as_far_as_it_goes():
    record = recorded(many(400), request())
    assert is_shortened(record.decision)
    assert len(record.decision.rules) == 8
    assert replayed(many(400), record).same == 1
    assert not is_shortened(ALLOWED.decision)


def test_a_record_too_long_to_hold_what_people_granted_is_skipped():
    granted = tuple(f"rule:{long_id(n)}" for n in range(400))
    record = recorded(many(400), request(), granted=granted)
    assert (record.decision.code, record.granted) == (Code.APPROVED, ())
    assert len(encode_decision(record, Masker(ALLOW.masking, b"k" * 32))) < MAX_BYTES
    assert replayed(many(400), record).skipped == {"no_grants": 1}


def test_few_grants_are_kept_in_a_record_however_long_its_decision():
    granted = tuple(f"rule:{long_id(n)}" for n in range(8))
    record = recorded(many(400), request(), granted=granted)
    assert is_shortened(record.decision)
    assert record.granted == granted
    assert replayed(many(400), record).same == 1


def test_few_rules_that_were_recorded_whole_are_not_the_beginning_of_more():
    two = bundle("rules: [{id: r, effect: allow, reason: x}, {id: s, effect: allow, reason: x}]\n")
    assert replayed(two, ALLOWED).others == 1


def delegated(context, kin, by=ALLOW):
    return recorded(by, replace(request(), context=context), kin=kin)


BOSS = Subject("agent", "boss", {"password": "hunter2", "text": "x" * 600})
NOT_THE_BOSS = bundle(
    "rules: [{id: a, effect: allow}, {id: b, effect: deny, match: {subjects: ['agent:boss']}}]\n"
)


def test_the_agents_above_that_are_on_record_are_judged_again():
    record = delegated({PARENT: 3}, Lineage((BOSS,)))
    assert replayed(ALLOW, record).same == 1
    (flip,) = replayed(NOT_THE_BOSS, record).flips[Flip.ALLOW_TO_DENY]
    assert flip.after.code is Code.DELEGATION_EXCEEDS_PARENT


def test_the_agents_above_are_on_record_without_their_secrets():
    boss = replace(BOSS, properties={"password": "hunter2", "n": 1})
    record = delegated({PARENT: 3}, Lineage((boss,)))
    (above,) = record.delegated.lineage.ancestors
    assert above.properties["n"] == 1
    assert is_masked(above.properties["password"])
    assert b"hunter2" not in msgspec.json.encode(record)


@pytest.mark.parametrize("name", ["password", "text"])
def test_what_is_masked_of_an_agent_above_is_undecidable_where_a_rule_could_look_at_it(name):
    looking = one_rule(Verdict.DENY, "looks", f'subject.properties.{name} == "x"')
    (one,) = replayed(looking, delegated({PARENT: 3}, Lineage((BOSS,)))).undecidable
    assert {unseen.rule for unseen in one.unseen} == {"looks"}


@pytest.mark.parametrize(
    ("context", "kin"),
    [
        ({PARENT: 3}, Foreign("no")),
        ({PARENT: True}, None),
        ({DEPTH: 2, "blob": {str(number): "x" * 4000 for number in range(9)}}, None),
    ],
    ids=["none", "no number", "left out"],
)
def test_where_it_stood_is_not_on_record(context, kin):
    found = replayed(ALLOW, delegated(context, kin))
    assert found.skipped.keys() <= {"no_lineage", "code:foreign_parent"}
    assert found.skipped.total() == 1


def test_a_foreign_parent_of_what_was_denied_anyway_is_told_of_nothing():
    assert replayed(ALLOW, delegated({PARENT: 3}, Foreign("no"), DENY)).skipped == {"no_lineage": 1}


def test_the_record_has_room_for_every_agent_that_there_can_be_above():
    above = tuple(replace(BOSS, id=str(number), properties={"t": "x" * 1900}) for number in range(6))
    long = {"blob": ["x" * 1000 for _ in range(9)]}
    asked = request(did=long, of=long, on=long, context={**long, PARENT: 3})
    record = recorded(ALLOW, asked, kin=Lineage(above))
    assert len(msgspec.json.encode(record)) < 31 * 1024
    assert [one.id for one in record.delegated.lineage.ancestors] == list("012345")
