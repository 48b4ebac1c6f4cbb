"""The platform can only tighten, is asked once for all who wait; its silence is a deny unless policy says else."""

import asyncio

import pytest

from sidecar.core.approval import Choice
from sidecar.core.model import Caller, Code, Verdict
from sidecar.core.platform import Reason, Unavailable
from tests.fakes.audit import until
from tests.fakes.house import House, asked
from tests.fakes.platform_book import Judged

DEFAULTS = "defaults: {thresholds: {approve: 60, deny: 90}, approval: {stages: [{approvers: ['group:x']}]}}\n"
DENY, LOCAL, OPEN = (
    f"rules: [{{id: r, effect: allow, score: platform, on_platform_unavailable: {mode}, reason: fine}}]\n"
    + DEFAULTS
    for mode in ("deny", "local", "open")
)
CACHED = DENY.replace("reason: fine", "cache: 30s, reason: fine")
PLAIN = "rules: [{id: r, effect: allow, reason: fine}]\n" + DEFAULTS
NO = "rules: [{id: no, effect: deny, reason: no}]\n"
READ = {"action": "file.read"}  # a low score of our own


def house(rules: str, judged: Judged | None = None, **more) -> House:
    one = House(rules, platform=True, **more)
    if judged is not None:
        one.platform.book.rule = lambda body: judged
    return one


async def decide(one: House, **parts):
    return (await one.decider.decide(asked(**(READ | parts)))).decision


async def test_the_higher_of_both_scores_counts_and_is_explained():
    decision = await decide(house(DENY, Judged("allowed", 70)))
    assert (decision.verdict, decision.code) == (Verdict.PENDING, Code.RISK_NEEDS_APPROVAL)
    assert (decision.risk.score, decision.risk.level) == (70, "high")
    assert "the platform's score 70" in decision.risk.because[-1]


async def test_a_low_score_of_the_platform_lowers_nothing():
    decision = await decide(house(DENY, Judged("allowed", 0)))
    assert decision.verdict is Verdict.ALLOW
    assert decision.risk.score > 0


@pytest.mark.parametrize(
    ("said", "verdict", "code"),
    [
        ("allowed", Verdict.ALLOW, Code.ALLOWED),
        ("pending", Verdict.PENDING, Code.PLATFORM_HOLD),
        ("denied", Verdict.DENY, Code.PLATFORM_DENIED),
    ],
)
async def test_the_platform_allows_nothing_by_itself_and_can_hold_and_deny(said, verdict, code):
    decision = await decide(house(DENY, Judged(said, 20, "because")))
    assert (decision.verdict, decision.code) == (verdict, code)


async def test_what_is_denied_anyway_is_not_sent():
    one = house(NO + "defaults: {score: platform}\n")
    assert (await decide(one)).code is Code.POLICY_DENIED
    assert one.platform.book.asked == []


async def test_what_no_rule_sends_is_decided_here():
    one = house(PLAIN)
    one.platform.failing = Unavailable(Reason.REFUSED)
    assert (await decide(one)).verdict is Verdict.ALLOW
    assert one.platform.book.asked == []


@pytest.mark.parametrize("reason", list(Reason))
async def test_without_an_answer_the_default_is_a_deny_whatever_the_reason(reason):
    one = house(DENY)
    one.platform.failing = Unavailable(reason)
    decision = await decide(one)
    assert (decision.verdict, decision.code) == (Verdict.DENY, Code.PLATFORM_UNAVAILABLE)
    assert reason in decision.reason
    assert one.log.records[-1]["unavailable"]["reason"] == reason


async def test_without_a_platform_at_all_it_is_a_deny_too():
    assert (await decide(House(DENY))).code is Code.PLATFORM_UNAVAILABLE


async def test_local_decides_by_our_own_score_with_all_limits():
    one = house(LOCAL)
    one.platform.failing = Unavailable(Reason.REFUSED)
    assert (await decide(one)).verdict is Verdict.ALLOW
    strict = house(LOCAL.replace("approve: 60, deny: 90", "deny: 1"))
    strict.platform.failing = Unavailable(Reason.REFUSED)
    assert (await decide(strict)).code is Code.RISK_TOO_HIGH


async def test_open_lifts_limits_is_marked_and_holds_for_no_other_control():
    one = house(OPEN.replace("approve: 60, deny: 90", "deny: 1"))
    one.platform.failing = Unavailable(Reason.REFUSED)
    decision = await decide(one)
    assert (decision.verdict, decision.code) == (Verdict.ALLOW, Code.PLATFORM_OPEN)
    assert one.log.records[-1]["decision"]["code"] == "platform_open"
    bound = house(OPEN, agents="'agent:a': {uids: [7]}\n")
    bound.platform.failing = Unavailable(Reason.REFUSED)
    assert (await decide(bound, caller=Caller(uid=8))).code is Code.CALLER_NOT_BOUND


@pytest.mark.parametrize("reason", [Reason.UNAUTHORIZED, Reason.REJECTED, Reason.MALFORMED, Reason.TLS])
async def test_open_is_for_outages_only(reason):
    one = house(OPEN)
    one.platform.failing = Unavailable(reason)
    assert (await decide(one)).code is Code.PLATFORM_UNAVAILABLE
    assert (await decide(House(OPEN))).code is Code.PLATFORM_UNAVAILABLE


async def test_what_is_sent_has_its_secrets_masked():
    one = house(DENY)
    await decide(one, password="hunter2-hunter2")
    ((_, _, body),) = one.platform.book.asked
    assert "hunter2" not in str(body)


async def test_one_strict_rule_among_open_ones_is_enough_to_deny():
    both = OPEN.replace("rules: [", "rules: [{id: s, effect: allow, score: platform, reason: x}, ")
    one = house(both)
    one.platform.failing = Unavailable(Reason.REFUSED)
    assert (await decide(one)).code is Code.PLATFORM_UNAVAILABLE


async def test_an_answer_of_the_platform_counts_even_if_its_score_makes_another_rule_match():
    rules = (
        "rules:\n"
        "- {id: sent, effect: allow, score: platform, when: risk.score < 50, reason: x}\n"
        "- {id: kept, effect: allow, when: risk.score >= 50, reason: y}\n" + DEFAULTS
    )
    decision = await decide(house(rules, Judged("denied", 80)))
    assert (decision.verdict, decision.code) == (Verdict.DENY, Code.PLATFORM_DENIED)


async def test_those_who_wait_for_the_same_share_one_call():
    one = house(DENY)
    decisions = await asyncio.gather(*(decide(one) for _ in range(5)))
    assert {decision.verdict for decision in decisions} == {Verdict.ALLOW}
    assert len(one.platform.book.asked) == 1
    await decide(one)
    assert len(one.platform.book.asked) == 2


async def test_a_batch_asks_about_several_of_its_items_at_a_time():
    one = house(DENY)

    async def all_are_asked():
        await until(lambda: one.platform.calls == 3)

    one.platform.meanwhile = all_are_asked
    batch = [asked(**READ | {"resource": f"file:{number}"}) for number in range(3)]
    answers = await one.decider.decide_all(batch, frozenset())
    assert [answer.decision.verdict for answer in answers] == [Verdict.ALLOW] * 3


async def test_an_answer_is_kept_as_long_as_the_rule_says_and_never_for_another_caller_or_policy():
    one = house(CACHED)
    await decide(one)
    await decide(one)
    assert len(one.platform.book.asked) == 1
    await decide(one, caller=Caller(uid=5))
    assert len(one.platform.book.asked) == 2
    one.use(CACHED + "# another\n")
    await decide(one)
    assert len(one.platform.book.asked) == 3
    one.clock.advance(31)
    await decide(one)
    assert len(one.platform.book.asked) == 4


async def test_a_hold_is_never_kept():
    one = house(CACHED, Judged("pending"))
    await decide(one)
    one.platform.book.resolve("ar-1", "rejected")
    assert (await decide(one)).code is Code.PLATFORM_DENIED


async def test_a_policy_that_changes_meanwhile_is_asked_again_and_a_second_change_denies():
    one = house(DENY)
    answer = one.platform.book.rule

    def swap_once(body):
        one.platform.book.rule = answer
        one.use(NO)
        return Judged()

    one.platform.book.rule = swap_once
    assert (await decide(one)).code is Code.POLICY_DENIED
    one.use(DENY)
    count = iter(range(9))

    def swap_always(body):
        one.use(DENY + f"# {next(count)}\n")
        return Judged()

    one.platform.book.rule = swap_always
    assert (await decide(one)).code is Code.POLICY_CHANGED


async def test_a_request_that_we_sent_ourselves_is_denied():
    one = house(PLAIN)
    looped = asked(**READ)
    looped = type(looped)(looped.request, looped.caller, looped.door, looped.trace, "ascend-sidecar/fake")
    assert (await one.decider.decide(looped)).decision.code is Code.PLATFORM_LOOP


async def test_people_can_approve_what_the_platform_holds():
    one = house(DENY.replace("group:x", "person:ann"), Judged("pending"), people="ann: {uids: [9]}\n")
    answer = await one.decider.decide(asked(**READ))
    ann = one.state.snapshot.bundle.people.named("ann")
    await one.approvals.vote(answer.hold.id, ann, Choice.APPROVE, "uid:9")
    told = await one.outcomes.find(str(answer.receipt.seq), Caller())
    assert (told.answer.decision.verdict, told.answer.decision.code) == (Verdict.ALLOW, Code.APPROVED)


async def test_a_platform_that_denies_later_wins_over_an_approval():
    one = house(DENY.replace("group:x", "person:ann"), Judged("pending"), people="ann: {uids: [9]}\n")
    answer = await one.decider.decide(asked(**READ))
    ann = one.state.snapshot.bundle.people.named("ann")
    await one.approvals.vote(answer.hold.id, ann, Choice.APPROVE, "uid:9")
    one.platform.book.resolve("ar-1", "rejected")
    told = await one.outcomes.find(str(answer.receipt.seq), Caller())
    assert told.answer.decision.code is Code.PLATFORM_DENIED
